"""Decoding, inference and drawing run at the same time, in order, and no error is lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from dlstream.offline.behind import Behind
from dlstream.offline.footage import Lost
from dlstream.offline.posing import posed_ahead
from dlstream_common import Frame, FramePoses

WAIT = 60.0


def frame(number: int) -> Frame:
    return Frame("top", number, number, np.zeros((4, 4), np.uint8), "mono8")


def test_inference_goes_on_while_the_caller_is_busy_with_a_frame():
    third = threading.Event()

    def poses_of(of: Frame) -> FramePoses:
        if of.sequence == 2:
            third.set()
        return FramePoses("top", of.sequence, of.stamp, ("neck",), ())

    posed = posed_ahead(iter([frame(0), Lost(1, 1, "torn"), frame(2)]), poses_of)
    first, poses = next(posed)
    assert third.wait(WAIT), "the third frame is estimated before the caller asks for the second"
    assert (first.sequence, poses is None) == (0, False)
    assert [(item.sequence, found is None) for item, found in posed] == [(1, True), (2, False)]


def test_an_error_of_the_network_comes_in_the_place_of_its_frame():
    def poses_of(of: Frame) -> FramePoses:
        if of.sequence:
            raise ValueError("too small")
        return FramePoses("top", of.sequence, of.stamp, ("neck",), ())

    posed = posed_ahead(iter([frame(0), frame(1)]), poses_of)
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
