"""A rig does not start where somebody else's node publishes its images or poses, and says whose node that is."""

from __future__ import annotations

import pytest
from rig_tools import CONFIG, RigUnderTest, command, recorded, refused

RIG = """\
rig: mixed
pictures: false
cameras: {{top: {camera}}}
pose: {{network: {config}/networks/demo_mouse.onnx}}
recorder: {{directory: {folder}/sessions, silence: 60, min_free: 0.1}}
"""
OWN = "{source: synthetic, width: 320, height: 240, fps: 20}"


@pytest.fixture
def begin(tmp_path):
    """Starts the rig with a camera of its own or somebody else's."""
    rigs = []

    def begin(camera: str) -> RigUnderTest:
        file = tmp_path / "rig.yaml"
        file.write_text(RIG.format(config=CONFIG, folder=tmp_path, camera=camera))
        rigs.append(RigUnderTest(command("run", "--status", "0", str(file)), tmp_path))
        return rigs[-1]

    yield begin
    for rig in rigs:
        rig.clear()


@pytest.fixture
def driver(start_node, observer, wait_for):
    """A driver of somebody else's, which publishes /top/image_raw."""

    def driver(name: str):
        node = start_node("dlstream_camera.node", name=name, namespace="/top", width=320, height=240, fps=20.0)
        full = ("/top", name)
        topic = observer.node.get_publishers_info_by_topic
        wait_for(
            lambda: full in {(one.node_namespace, one.node_name) for one in topic("/top/image_raw")},
            f"the driver {name}",
        )
        return node

    return driver


def test_an_image_topic_that_another_node_publishes_is_refused(begin, driver):
    driver("other")
    rig = refused(lambda _: begin(OWN))
    assert rig.wait() == 1
    told = "/top/image_raw is published by node /top/other; expected this rig's own node only"
    assert told in " ".join(rig.output.split())


def test_of_drivers_of_one_topic_there_may_be_one(begin, driver):
    driver("one")
    driver("two")
    rig = refused(lambda _: begin("{source: topic}"))
    assert rig.wait() == 1
    told = "/top/image_raw is published by node /top/one and node /top/two; expected one publisher"
    assert told in " ".join(rig.output.split())


def test_one_driver_is_taken_though_one_that_was_killed_is_still_in_ros_graph(begin, driver):
    driver("one").process.kill()
    driver("two")
    rig = begin("{source: topic}")
    recorded(rig, 10)
    assert rig.stop() == 0
