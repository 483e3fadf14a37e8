from __future__ import annotations

import numpy as np
import pytest

from dlstream_common import Frame
from dlstream_common.ros import LocalFrames

TOPIC = "/top/image_raw"


def frame(sequence: int) -> Frame:
    return Frame("top", sequence, 1000 + sequence, np.full((4, 6, 3), sequence, np.uint8), "bgr8")


def test_passes_by_reference_and_read_only():
    frames, taken = LocalFrames((TOPIC,)), []
    end = frames.subscribe(TOPIC, lambda *item: taken.append(item))
    sent = frame(0)
    frames.publish(TOPIC, sent, "optical")
    [(received, frame_id)] = taken
    assert np.shares_memory(received.image, sent.image)
    assert (received.sequence, received.stamp, frame_id) == (0, 1000, "optical")
    with pytest.raises(ValueError, match="read-only"):
        received.image[0, 0] = 1
    end()
    frames.publish(TOPIC, frame(1), "optical")
    assert len(taken) == 1
    assert frames.subscribers(TOPIC) == 0


def test_only_what_was_announced():
    frames = LocalFrames((TOPIC,))
    assert frames.carries(TOPIC)
    assert not frames.carries("/side/image_raw")
    with pytest.raises(KeyError):
        frames.subscribe("/side/image_raw", lambda *_: None)
