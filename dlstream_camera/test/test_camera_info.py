"""A calibration that ROS's own calibrator sets: kept in its file, published at once, there at the next start."""

from __future__ import annotations

import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.srv import SetCameraInfo

from dlstream_camera.sources import source_settings
from dlstream_common.calibration import read_calibration
from dlstream_common.ros import POSE

MODULE = "dlstream_camera.node"
K = [500.0, 0.0, 32.0, 0.0, 501.0, 24.0, 0.0, 0.0, 1.0]
P = [500.0, 0.0, 32.0, 0.0, 0.0, 501.0, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def calibration(width: int = 64, height: int = 64) -> SetCameraInfo.Request:
    info = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.1, -0.2, 0.0, 0.0, 0.0], k=K, p=P)
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    return SetCameraInfo.Request(camera_info=info)


def test_a_new_calibration_is_written_published_and_found_again(start_node, observer, wait_for, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    infos = observer.collect(CameraInfo, "/top/camera_info", POSE)
    node = start_node(MODULE, namespace="/top", width=64, height=64, camera_name="basler_12")
    wait_for(lambda: infos, "camera_info")
    assert not any(infos[0].k), "not calibrated"
    answer = observer.call(SetCameraInfo, "/top/set_camera_info", calibration(640, 480))
    assert not answer.success
    assert answer.status_message == "found a calibration for 640x480 pixels; expected one for 64x64"
    answer = observer.call(SetCameraInfo, "/top/set_camera_info", calibration())
    file = tmp_path / "camera_info" / "basler_12.yaml"
    assert (answer.success, answer.status_message) == (True, f"written to {file}")
    wait_for(lambda: infos[-1].k.tolist() == K, "the new calibration")
    assert "camera_name: basler_12" in file.read_text()
    assert read_calibration(file).projection_matrix.data == P
    assert node.end() == 0
    again = observer.collect(CameraInfo, "/side/camera_info", POSE)
    start_node(MODULE, namespace="/side", width=64, height=64, camera_info_url=f"file://{file}")
    wait_for(lambda: again and again[-1].k.tolist() == K, "the calibration from its file")


@pytest.mark.parametrize("url", ["top.yaml", "/home/top.yaml", "http://lab/top.yaml", "file://top.yaml"])
def test_an_url_that_is_none_of_a_file_is_refused(url):
    with pytest.raises(ValueError, match="file:// and an absolute path"):
        source_settings("synthetic").model_validate({"camera_info_url": url})
