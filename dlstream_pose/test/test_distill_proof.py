"""The proof of a student: its distances to the teacher, and when they are too large."""

from __future__ import annotations

import numpy as np
import pytest

from dlstream_common import NetworkError
from dlstream_pose.convert.distill._proof import compare, objection


def test_the_proof_is_right():
    """Computed again by other code, keypoint by keypoint."""
    random = np.random.default_rng(3)
    teacher = random.uniform(0, 1, (50, 3, 3)).astype(np.float32) * (640, 480, 1)
    student = teacher + random.normal(0, (8, 8, 0.2), teacher.shape)
    student[7, :, :2] = np.nan
    student[7, :, 2] = 0
    teacher[7, 0, 2] = 0.9
    found = compare(teacher, student, [f"frame {n}" for n in range(50)], ["a", "b", "c"])
    apart, lost, lost_frames = [], 0, 0
    for one, two in zip(teacher.tolist(), student.tolist(), strict=True):
        sure = [which for which in range(3) if one[which][2] >= 0.5]
        lost_frames += bool(sure) and not any(two[which][2] >= 0.5 for which in range(3))
        for which in sure:
            distance = ((one[which][0] - two[which][0]) ** 2 + (one[which][1] - two[which][1]) ** 2) ** 0.5
            apart.append(1e6 if np.isnan(distance) else distance)
            lost += two[which][2] < 0.5
    apart.sort()
    assert found.sure == len(apart)
    assert found.median == pytest.approx(np.median(apart), abs=0.5)
    assert found.p95 == pytest.approx(np.percentile(apart, 95, method="higher"))
    assert found.far == pytest.approx(sum(one > 20 for one in apart) / len(apart))
    assert found.lost == pytest.approx(lost / len(apart))
    assert found.lost_frames == lost_frames
    assert found.worst == 1e6
    assert "frame 7" in found.worst_at
    with pytest.raises(NetworkError, match="the teacher is sure of no keypoint"):
        compare(teacher * 0, student, ["frame 0"] * 50, ["a", "b", "c"])


def test_a_student_that_learned_nothing_is_not_written():
    teacher = np.tile(np.array([[100, 100, 0.9], [200, 100, 0.9]], np.float32), (10, 1, 1))
    student = teacher.copy()
    student[:, 0, 0] += 30
    half = compare(teacher, student, ["frame"] * 10, ["a", "b"])
    assert objection(half, None) == ""
    assert "expected at most 20 (--within)" in objection(half, 20)
    student[0, 1, 0] += 30
    more = compare(teacher, student, ["frame"] * 10, ["a", "b"])
    assert objection(more, None).startswith("55% of the student's keypoints are more than 20 px from its teacher's")
