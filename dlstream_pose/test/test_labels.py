"""Labels made by hand: DeepLabCut's table, also after Excel of any country has saved it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_network import blob_samples, write_blob_network, write_blob_video

from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network
from dlstream_pose.convert.distill import _distill, distill
from dlstream_pose.convert.distill._proof import prove as prove_student
from dlstream_pose.convert.precision import Labels, Limits
from dlstream_pose.convert.precision._distance import poses_of
from dlstream_pose.convert.precision._labels import distances_to, read_labels
from dlstream_pose.convert.precision._prove import Exact, prove
from dlstream_pose.convert.progress import silent

TABLE = """scorer,,,Ada,Ada,Ada,Ada
bodyparts,,,nose,nose,neck,neck
coords,,,x,y,x,y
labeled-data,mouse1,img001.png,10.5,20.25,,
labeled-data,mouse1,img002.png,11,21.75,31.5,42
"""


def folder_with(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "CollectedData_Ada.csv").write_bytes(content)
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"img00{number}.png"), np.zeros((60, 80, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("separator", "point"), [(",", "."), (";", "."), (";", ","), ("\t", ",")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_table_as_any_excel_saves_it(encoding, separator, point, end, tmp_path):
    text = TABLE.replace(",", separator).replace(".", point).replace(f"{point}png", ".png").replace("\n", end)
    labels = read_labels(folder_with(tmp_path, text.encode(encoding)))
    assert labels.keypoints == ("nose", "neck")
    assert [image.name for image in labels.images] == ["img001.png", "img002.png"]
    expected = [[[10.5, 20.25], [np.nan, np.nan]], [[11, 21.75], [31.5, 42]]]
    np.testing.assert_array_equal(labels.points, expected)


def test_what_is_no_table_of_labels_is_named(tmp_path):
    with pytest.raises(NetworkError, match="found no rows 'bodyparts' and 'coords'"):
        read_labels(folder_with(tmp_path, b"frame;x;y\n1;2;3\n"))
    with pytest.raises(NetworkError, match=r"found a label that is no number \(.*'far'\)"):
        read_labels(folder_with(tmp_path, TABLE.replace("31.5", "far").encode()))


FAINT = 0.99
"""A confidence that blobs have and faint ones do not."""


@pytest.fixture
def labels(tmp_path) -> Labels:
    """Of three images, the last of which shows faint blobs; the second has one label only."""
    samples = [*blob_samples(2), *blob_samples(1, contrast=0.3)]
    images = [tmp_path / f"img{number}.png" for number in range(3)]
    for path, sample in zip(images, samples, strict=True):
        cv2.imwrite(str(path), sample.image)
    network = Network(write_blob_network(tmp_path / "all.onnx"), 1, "onnx")
    points = np.array([network.run(sample.image)[0, :, :2] + 2.0 for sample in samples], np.float64)
    points[1, 1] = np.nan
    return Labels(images, network.info.keypoints, points)


def proved(folder: Path, labels: Labels, own: float, exact: float, percent: float = 1.0):
    """The outcome for a draft that leaves out what it is less sure of than `own`."""
    draft = write_blob_network(folder / "draft.onnx", leaves_out=own)
    network = Network(write_blob_network(folder / "exact.onnx", leaves_out=exact), 1, "onnx")
    frames = blob_samples(12, seed=5)
    by_hand = distances_to(labels, Estimator(network))
    return prove(
        draft,
        Exact(network, frames, poses_of(network, frames, ""), by_hand, None),
        Limits(1, percent),
        ["onnx"],
        silent,
    )


def test_points_that_one_leaves_out_make_neither_look_better(labels, tmp_path):
    """By all that it sees itself, single precision would be at 2.83 px, and the other one, without the faint, too."""
    labels.points[2] += 50
    [proof] = proved(tmp_path, labels, own=FAINT, exact=0, percent=100).proofs
    assert (proof.labels.points, proof.labels.missing, proof.labels.other_missing) == (3, 2, 0)
    assert proof.labels.error == proof.labels.fp32 == pytest.approx(8**0.5, abs=1e-3)
    assert proof.labels.in_words(2).endswith(
        "(+0.00 %), where both have a pose: it has none of 2 labels, in single precision none of 0"
    )


def test_a_draft_that_leaves_labelled_points_out_is_beyond_the_limits(labels, tmp_path):
    outcome = proved(tmp_path, labels, own=FAINT, exact=0)
    assert not outcome.proofs
    assert outcome.beyond == (
        "engine onnx: it has no pose of 2 of the 5 labelled points of which single precision has one, the first on "
        "img2.png; expected at most 1 % (--within-labels)",
    )
    [proof] = proved(tmp_path, labels, own=FAINT, exact=FAINT).proofs
    assert (proof.labels.missing, proof.labels.other_missing) == (2, 2)


def test_a_student_and_a_teacher_that_leaves_out_are_compared_on_what_both_see(labels, tmp_path):
    student = Estimator(tmp_path / "all.onnx", engine="onnx")
    teacher = Estimator(write_blob_network(tmp_path / "teacher.onnx", leaves_out=FAINT), engine="onnx")
    held = [(write_blob_video(tmp_path / "held.avi", 5), range(5))]
    found = prove_student(teacher, student, held, distances_to(labels, teacher)).labels
    assert (found.points, found.missing, found.other_missing) == (3, 0, 2)
    assert found.student == found.teacher == pytest.approx(8**0.5, abs=1e-3)
    blind = Estimator(write_blob_network(tmp_path / "blind.onnx", leaves_out=2.0), engine="onnx")
    with pytest.raises(NetworkError, match=r"has no pose of any of the 5 labelled .*, the first on img0\.png"):
        prove_student(teacher=student, student=blind, held=held, by_hand=distances_to(labels, student))


def test_a_teacher_without_a_pose_at_the_labels_is_told_before_the_training(labels, tmp_path, monkeypatch):
    monkeypatch.setattr(_distill, "check_installed", lambda: None)
    blind, video = write_blob_network(tmp_path / "blind.onnx", leaves_out=2.0), write_blob_video(tmp_path / "a.avi", 5)
    with pytest.raises(
        NetworkError, match=r"the teacher has no pose of any of the 5 labelled points, the first on img0\.png"
    ):
        distill(blind, [video], tmp_path / "student.onnx", labels=labels)
    assert not (tmp_path / "student.onnx.training").exists()
