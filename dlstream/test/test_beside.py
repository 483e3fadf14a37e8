"""Decoding, inference and drawing run at the same time, in order, and no error is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlstream.offline.behind import Behind
from dlstream.offline.footage import Lost
from dlstream.offline.posing import Poser, posed_ahead
from dlstream_common import Frame, FramePoses
from dlstream_pose import PoseSettings

WAIT = 60.0
NETWORK = Path(__file__).resolve().parents[2] / "config" / "networks" / "demo_mouse.onnx"


def frame(number: int, side: int = 4) -> Frame:
    return Frame("top", number, number, np.zeros((side, side), np.uint8), "mono8")


class Network:
    """In the place of a `Poser`: notes what is asked of it."""

    def __init__(self, at_once: int, look: Callable[[int], None]) -> None:
        self.at_once, self._look, self.posed = at_once, look, []

    def detect(self, of: Frame) -> int:
        self._look(of.sequence)
        return of.sequence

    def poses(self, of: Frame, detected: int) -> FramePoses:
        assert detected == of.sequence
        self.posed.append(of.sequence)
        return FramePoses("top", of.sequence, of.stamp, ("neck",), ())


def test_inference_goes_on_while_the_caller_is_busy_with_a_frame():
    third = threading.Event()
    network = Network(1, lambda number: third.set() if number == 2 else None)
    posed = posed_ahead(iter([frame(0), Lost(1, 1, "torn"), frame(2)]), network)
    first, poses = next(posed)
    assert third.wait(WAIT), "the third frame is estimated before the caller asks for the second"
    assert (first.sequence, poses is None) == (0, False)
    assert [(item.sequence, found is None) for item, found in posed] == [(1, True), (2, False)]


def test_frames_are_looked_at_together_and_come_in_order():
    """The first of three is found last: none of them is found before all are looked at, and then the first waits."""
    together, others = threading.Barrier(3, timeout=WAIT), threading.Semaphore(0)

    def look(number: int) -> None:
        together.wait()
        if number % 3:
            others.release()
        else:
            assert others.acquire(timeout=WAIT)
            assert others.acquire(timeout=WAIT)

    network = Network(3, look)
    posed = list(posed_ahead(iter([frame(number) for number in range(12)]), network))
    assert [item.sequence for item, _ in posed] == network.posed == list(range(12))


def test_an_error_of_the_network_comes_in_the_place_of_its_frame():
    def look(number: int) -> None:
        if number:
            raise ValueError("too small")

    posed = posed_ahead(iter([frame(0), frame(1)]), Network(2, look))
    assert next(posed)[0].sequence == 0
    with pytest.raises(ValueError, match="too small"):
        next(posed)


def test_jobs_run_beside_the_caller_in_order_and_close_waits_for_them():
    go, done = threading.Event(), []
    behind = Behind()
    for number in range(5):
        behind.do(lambda number=number: (go.wait(WAIT), done.append(number)))
    assert not done
    go.set()
    behind.close()
    behind.close()
    assert done == [0, 1, 2, 3, 4]


def test_after_a_failed_job_nothing_is_done_and_the_caller_learns_it():
    done = []
    behind = Behind()

    def fail() -> None:
        raise OSError("the disk is full")

    behind.do(fail)
    behind.do(lambda: done.append(1))
    with pytest.raises(OSError, match="the disk is full"):
        behind.close()
    assert not done


def test_with_a_crop_or_an_engine_that_takes_one_frame_the_cores_share_each_frame():
    """What a crop looks at depends on the frame before, so the cores of `threads` are all used for one."""
    ways = {
        "as many as there are threads": ({"engine": {"type": "onnx", "threads": 3}}, 3),
        "of auto, which takes none but those that look at several": ({"engine": {"type": "auto", "threads": 2}}, 2),
        "with a crop": ({"engine": {"type": "onnx", "threads": 3}, "crop": 96}, 1),
        "on one core": ({"engine": {"type": "onnx", "threads": 1}}, 1),
    }
    for name, (keys, at_once) in ways.items():
        poser = Poser(PoseSettings.model_validate({"network": NETWORK, **keys}))
        assert poser.at_once == at_once, name
        detected = poser.detect(frame(0, 64))
        assert (detected is None) == (at_once == 1), name
        assert poser.poses(frame(0, 64), detected).sequence == 0
