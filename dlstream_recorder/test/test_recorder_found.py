"""Frames with a pose are those in which an animal was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlstream_common import Individual
from dlstream_recorder import summarise
from dlstream_recorder.report.found import Found, nowhere

IMAGE = np.zeros((6, 8), np.uint8)


def individual(name: str, x: np.ndarray, confidence: np.ndarray) -> Individual:
    return Individual(name, x.astype(np.float32), np.full(len(x), 5, np.float32), confidence.astype(np.float32))


@pytest.mark.parametrize("seed", range(5))
def test_frames_with_pose_are_those_with_an_animal(open_session, make, seed):
    chance = np.random.default_rng(seed)
    names = ("a", "b")[: 1 + seed % 2]
    session = open_session(video="none", bag=False)
    expected, best = 0, 0.0
    for number in range(60):
        session.add_frame(make.frame(number, IMAGE, "mono8"))
        if chance.random() < 0.2:
            continue  # the pose node left it out
        animals = []
        for name in names[: chance.integers(0, len(names) + 1)]:
            confidence = chance.choice([0.0, 0.49, 0.5, 0.7, 1.0], 2, p=[0.5, 0.3, 0.08, 0.07, 0.05])
            x = np.where(chance.random(2) < 0.3, np.nan, 3.0)
            animals.append(individual(name, x, confidence))
        there = [(~np.isnan(one.x), one.confidence) for one in animals]
        expected += any((seen & (confidence >= 0.5)).any() for seen, confidence in there)
        best = max([best, *(float(confidence[seen].max(initial=0.0)) for seen, confidence in there)])
        session.add_poses(replace(make.poses(number), individuals=tuple(animals)))
    session.finish()
    summary = summarise(session.folder)
    camera = summary.cameras["top"]
    assert summary.frames_with_pose == camera.frames_with_pose == expected
    assert camera.best_confidence == pytest.approx(best, abs=1e-4)
    assert 0 < expected < camera.poses < 60


def test_frames_are_counted_over_the_parts_of_a_recording(open_session, make):
    session = open_session(video="none", bag=False)
    for number, size in enumerate([(6, 8)] * 3 + [(8, 8)] * 3):
        session.add_frame(make.frame(number, np.zeros(size, np.uint8), "mono8"))
        sure = np.array([0.1, 0.9 if number % 2 else 0.2])
        session.add_poses(replace(make.poses(number), individuals=(individual("", np.array([1.0, 2.0]), sure),)))
    session.finish()
    camera = summarise(session.folder).cameras["top"]
    assert (camera.parts, camera.poses, camera.frames_with_pose) == (2, 6, 3)


def test_what_never_shows_an_animal_is_said_in_a_sentence():
    assert nowhere(Found(0, 0.035), 30).startswith(
        "no animal was found in any of 30 frames: the best keypoint has a confidence of 0.035, and 0.5 is needed"
    )
    assert "in the one frame: no keypoint has a position" in nowhere(Found(), 1)
    assert nowhere(Found(1, 0.6), 30) == ""
    assert nowhere(Found(), 0) == "", "nobody looked"
