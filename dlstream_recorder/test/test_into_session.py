"""Messages of other people's nodes in a session: what is odd in one of them ends nothing."""

from __future__ import annotations

import json

from dlstream_common.ros import LATCHED
from dlstream_msgs.msg import Region, Regions, Skeleton
from dlstream_recorder.ros._into_session import Arrived, add_to_session
from dlstream_recorder.ros._topics import Topic


def test_a_half_edge_or_point_of_somebody_elses_node_is_left_out(open_session):
    session = open_session(video="none", bag=False)
    skeleton = Skeleton(network="mouse.onnx", keypoints=["nose", "tail"], edges=[0, 1, 1])
    regions = Regions(camera="top", regions=[Region(name="left", x=[0.0, 2.0, 4.0], y=[1.0, 3.0])])
    for message, name in ((skeleton, "/top/skeleton"), (regions, "/experiment/regions")):
        add_to_session(session, Arrived(Topic(name, type(message), LATCHED, "top"), message, 1))
    session.finish()
    about = json.loads((session.folder / "session.json").read_text())["cameras"]["top"]
    assert about["edges"] == [[0, 1]]
    assert about["regions"] == [{"name": "left", "points": [[0.0, 1.0], [2.0, 3.0]]}]
