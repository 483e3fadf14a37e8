"""A rig whose nodes share a process: for everybody outside it is the same rig."""

from __future__ import annotations

import os
import signal

import av
import pandas as pd
from rcl_interfaces.srv import GetParameters
from rig_tools import recorded, told
from sensor_msgs.msg import Image
from view_files import all_are_fed

from dlstream_common.ros import frame_from_message, image_qos
from dlstream_recorder.report.tables import read_events

TOGETHER = ("rig: test", "rig: test\ntogether: true")


def test_same_names_topics_views_and_parameters_and_a_whole_session(start, write_rig, observer, wait_for):
    images = observer.collect(Image, "/top/image_raw", image_qos(100))
    rig = start("run", str(write_rig(TOGETHER)))
    recorded(rig, 30)
    wait_for(lambda: len(images) >= 10, "images outside of the process")
    told(rig, "acknowledgement", "show")

    def nodes():
        found = observer.node.get_node_names_and_namespaces()
        return {f"{namespace.rstrip('/')}/{name}" for name, namespace in found}

    wanted = {"/top/camera", "/pose", "/experiment", "/recorder", "/outputs/screen"}
    wait_for(lambda: wanted <= nodes(), "the names of all nodes")
    answer = observer.call(GetParameters, "/top/camera/get_parameters", GetParameters.Request(names=["width", "fps"]))
    assert (answer.values[0].integer_value, answer.values[1].double_value) == (320, 30.0)
    all_are_fed(observer, wait_for)
    assert rig.stop() == 0, rig.output

    summary = rig.about()["summary"]
    assert summary["frames_recorded"] == summary["frames_captured"] > 20
    assert (summary["frames_dropped"], summary["faults"]) == (0, 0)
    assert summary["poses"] > 0
    assert set(read_events(rig.session)["kind"]) >= {"trigger_rose", "command", "acknowledgement"}

    stamps = pd.read_csv(rig.session / "top.frames.csv")["stamp_ns"].tolist()
    outside = {stamp: frame for stamp, frame in map(_stamped, images) if stamp in stamps}
    assert outside
    with av.open(str(rig.session / "top.mkv")) as container:
        for stamp, frame in zip(stamps, container.decode(video=0), strict=True):
            if stamp in outside:
                assert (frame.to_ndarray(format="bgr24") == outside[stamp]).all(), "lossless, and the same pixels"


def _stamped(message):
    frame = frame_from_message(message, "top", 0)
    return frame.stamp, frame.image


def test_end_of_the_video_ends_the_rig(start, write_rig):
    by_hand = ("start_timeout: 300", "start_timeout: 300, autostart_run: false")  # on a busy machine it may not begin
    rig = start("run", str(write_rig(TOGETHER, by_hand, ("seed: 1}", "seed: 1, frames: 60}"))))
    assert rig.wait() == 0, rig.output
    summary = rig.about()["summary"]
    assert (summary["frames_recorded"], summary["frames_dropped"]) == (60, 0)
    assert pd.read_csv(rig.session / "top.frames.csv")["sequence"].tolist() == list(range(60))


def test_killed_process_is_a_failure_and_leaves_a_playable_video(start, write_rig):
    rig = start("run", str(write_rig(TOGETHER)))
    recorded(rig, 40)
    os.kill(rig.host(), signal.SIGKILL)
    assert rig.wait() == 1
    assert "/together was killed by SIGKILL" in rig.output
    with av.open(str(rig.session / "top.mkv")) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 40
