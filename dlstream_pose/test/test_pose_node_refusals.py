"""What the pose node can't use: images, networks, parameters; each is said in one message."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from pose_node_tools import MODULE, Camera, of_the_pose_node
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters

from dlstream_common.ros import (
    POSE,
)
from dlstream_msgs.msg import FramePoses


@pytest.mark.slow
def test_images_that_can_not_be_used_are_said_once_and_shown(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node(MODULE, network=spot_network, cameras=["top"])
    camera = Camera(observer, wait_for)

    def level_is(level):
        return any(status.level == level for status in of_the_pose_node(diagnostics))

    wait_for(lambda: level_is(DiagnosticStatus.STALE), "STALE without a frame")

    def bad_ones(**changes):
        camera.send(1, 1, **changes)
        return level_is(DiagnosticStatus.ERROR)

    # The diagnosis may come before the line of the log does, and may still be that of the image before.
    wait_for(lambda: bad_ones(encoding="bayer_rggb12") and "found 'bayer_rggb12'" in node.output, "ERROR")
    diagnostics.clear()
    wait_for(lambda: bad_ones(width=640) and "image of 640x48" in node.output, "ERROR")
    [*_, bad] = (status for status in of_the_pose_node(diagnostics) if status.level == DiagnosticStatus.ERROR)
    of_top = {item.key: item.value for item in bad.values}
    assert (of_top["top/level"], f"top: {of_top['top/trouble']}") == ("error", bad.message)
    assert poses == []
    assert node.output.count("found 'bayer_rggb12'; expected one of") == 1
    assert node.output.count("image of 640x48 bgr8 with step 192: found 9216 bytes") == 1

    def good_ones():
        camera.send(1, 1)
        return of_the_pose_node(diagnostics) and of_the_pose_node(diagnostics)[-1].level == DiagnosticStatus.OK

    wait_for(good_ones, "OK again")
    wait_for(lambda: "images can be used again" in node.output, "the good news")
    values = {item.key: item.value for item in of_the_pose_node(diagnostics)[-1].values}
    assert int(values["top/refused"]) >= 2
    assert (values["top/level"], values["top/trouble"]) == ("ok", "")
    assert int(values["top/poses"]) > 0
    assert float(values["top/inference_ms"]) > 0


def test_an_image_that_is_refused_is_not_counted_as_lost_too(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    start_node(MODULE, network=spot_network, cameras=["top"], image_reliability="reliable")
    camera = Camera(observer, wait_for)
    camera.connect(poses, wait_for)
    camera.send(1, 1, encoding="bayer_rggb12")
    camera.send(1, 1)
    wait_for(lambda: poses, "the pose after it")
    assert poses[0].dropped == camera.dropped_before

    def counts():
        told = [{item.key: item.value for item in status.values} for status in of_the_pose_node(diagnostics)]
        return [values["top/lost"] for values in told if values.get("top/refused") == "1"]

    wait_for(counts, "the refused one in the diagnostics")
    assert set(counts()) == {"0"}


def test_two_publishers_of_one_camera_are_noticed(start_node, observer, wait_for, spot_network):
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    start_node(MODULE, network=spot_network, cameras=["top"])
    cameras = [Camera(observer, wait_for) for _ in range(2)]

    def noticed():
        for camera in cameras:
            camera.send(1, 1)
        return any("2 publishers" in status.message for status in of_the_pose_node(diagnostics))

    wait_for(noticed, "a warning")


def test_min_confidence_can_be_changed_and_the_network_not(start_node, observer, wait_for, spot_network):
    start_node(MODULE, network=spot_network, cameras=["top"])
    Camera(observer, wait_for)
    values = [
        ("min_confidence", ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=0.2)),
        ("min_confidence", ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=1.2)),
        ("network", ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="other.onnx")),
        ("use_sim_time", ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=True)),
        ("use_sim_time", ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=False)),
    ]
    parameters = [Parameter(name=name, value=value) for name, value in values]
    answer = observer.call(SetParameters, "/pose/set_parameters", SetParameters.Request(parameters=parameters))
    assert [result.successful for result in answer.results] == [True, False, False, False, True]
    assert "its clock would jump in a run" in answer.results[3].reason
    names = ["network", "cameras", "scale", "threads", "min_confidence", "overlay_rate", "legend"]
    described = observer.call(
        DescribeParameters, "/pose/describe_parameters", DescribeParameters.Request(names=names)
    ).descriptors
    assert all(item.description for item in described)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no file"), (b"", "found an empty file"), (b"\x08\x07garbage" * 99, "ONNX Runtime can't load")],
)
def test_a_network_that_can_not_be_used_ends_it(start_node, tmp_path, content, said):
    path = tmp_path / "mouse.onnx"
    if content is not None:
        path.write_bytes(content)
    node = start_node(MODULE, network=path, cameras=["top"])
    assert node.wait() == 1
    assert "mouse.onnx" in node.output
    assert said in node.output
    assert "Traceback" not in node.output


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"cameras": ["top", "top"]}, "top occurs twice"),
        ({"cameras": ["no spaces"]}, "no spaces"),
        ({"scale": -1.0}, "scale"),
        ({"netwrok": "x"}, "Did you mean 'network'?"),
    ],
)
def test_wrong_parameters_are_named(start_node, spot_network, parameters, said):
    node = start_node(MODULE, **{"network": spot_network, **parameters})
    assert node.wait() == 1
    assert said in node.output
    assert "Traceback" not in node.output


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"engine": "tensorrt"}, "engine tensorrt: this ONNX Runtime"),
        ({"engine": "dlclive"}, "pip install deeplabcut-live"),
        ({"engine": "openvin"}, "engine"),
        ({"predict": "now"}, "needs a velocity"),
    ],
)
def test_what_is_asked_for_and_not_there_ends_it_with_advice(start_node, spot_network, parameters, said):
    node = start_node(MODULE, network=spot_network, **parameters)
    assert node.wait() == 1
    assert said in node.output
    assert "Traceback" not in node.output
