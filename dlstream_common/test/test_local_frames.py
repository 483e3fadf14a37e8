from __future__ import annotations

import threading

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from dlstream_common import Frame
from dlstream_common.ros import LocalFrames, QueuedFrames

TOPIC = "/top/image_raw"


def frame(sequence: int) -> Frame:
    return Frame("top", sequence, 1000 + sequence, np.full((4, 6, 3), sequence, np.uint8), "bgr8")


def test_passes_by_reference_and_read_only():
    frames, taken = LocalFrames((TOPIC,)), []
    end = frames.take(TOPIC, lambda *item: taken.append(item))
    sent = frame(0)
    frames.give(TOPIC, sent, "optical")
    [(received, frame_id)] = taken
    assert np.shares_memory(received.image, sent.image)
    assert (received.sequence, received.stamp, frame_id) == (0, 1000, "optical")
    with pytest.raises(ValueError, match="read-only"):
        received.image[0, 0] = 1
    end()
    frames.give(TOPIC, frame(1), "optical")
    assert len(taken) == 1
    assert frames.takers(TOPIC) == 0


def test_only_what_was_announced():
    frames = LocalFrames((TOPIC,))
    assert frames.carries(TOPIC)
    assert not frames.carries("/side/image_raw")
    with pytest.raises(KeyError):
        frames.take("/side/image_raw", lambda *_: None)


@pytest.fixture
def node():
    rclpy.init(args=[])
    node = rclpy.create_node("taker")
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


def test_queue_hands_over_in_the_thread_of_the_executor(node):
    frames, taken, all_taken = LocalFrames((TOPIC,)), [], threading.Event()

    def take(item: Frame, frame_id: str) -> None:
        taken.append((item.sequence, threading.current_thread()))
        if len(taken) == 50:
            all_taken.set()

    queued = QueuedFrames(node, frames, TOPIC, take, depth=100)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    for sequence in range(50):
        frames.give(TOPIC, frame(sequence), "optical")
    assert all_taken.wait(120)
    executor.shutdown()
    thread.join()
    queued.close()
    assert [sequence for sequence, _ in taken] == list(range(50))
    assert {where for _, where in taken} == {thread}


def test_queue_leaves_out_the_oldest_and_hands_over_the_rest_as_it_closes(node):
    frames, taken = LocalFrames((TOPIC,)), []
    queued = QueuedFrames(node, frames, TOPIC, lambda item, _: taken.append(item.sequence), depth=3)
    for sequence in range(10):
        frames.give(TOPIC, frame(sequence), "optical")
    queued.close()
    frames.give(TOPIC, frame(10), "optical")
    assert taken == [7, 8, 9]
