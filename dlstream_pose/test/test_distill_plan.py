"""What a distillation goes on with, and what it does not write over."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_network import write_blob_network, write_blob_video

from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network, Source
from dlstream_pose.convert._file import label
from dlstream_pose.convert.distill import distill
from dlstream_pose.convert.distill._distill import _check_export
from dlstream_pose.convert.distill._plan import Plan, files, mirror_order, resume
from dlstream_pose.convert.distill._proof import prove
from dlstream_pose.runtime.distillation import Distillation


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, Path]:
    """A teacher and a video for it."""
    folder = tmp_path_factory.mktemp("blobs")
    return write_blob_network(folder / "blobs.onnx"), write_blob_video(folder / "blobs.avi", 80)


def plan_with(activation: str) -> Plan:
    return Plan(
        teacher_sha256="0", videos=(("a.mp4", "07"),), size="tiny", scale=0.5, count=100, held_back=0.25, rotation=30,
        mirrored=None, start="", activation=activation,
    )  # fmt: skip


def test_only_the_same_work_goes_on(tmp_path):
    plan = plan_with("ReLU")
    resume(tmp_path, plan)
    resume(tmp_path, plan)
    with pytest.raises(NetworkError, match=r"found a distillation with size tiny; expected nano"):
        resume(tmp_path, plan.model_copy(update={"size": "nano"}))


def test_another_video_or_folder_of_the_same_name_and_size_is_other_work(tmp_path):
    one, two = (tmp_path / day / "arena" for day in ("mon", "tue"))
    for folder, grey in ((one, 50), (two, 60)):
        folder.mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(folder / f"{number}.bmp"), np.full((8, 8, 3), grey if number == 2 else 9, np.uint8))
        # As of a camera that writes a fixed size: only somewhere at the end it is another.
        content = bytes(3 << 20) + bytes([grey]) + bytes(1000)
        (folder.parent / "arena.avi").write_bytes(content)
    for name in ("arena", "arena.avi"):
        first, second = (files([folder.parent / name]) for folder in (one, two))
        assert first != second
        plan = plan_with("ReLU").model_copy(update={"videos": first})
        work = tmp_path / f"{name}.training"
        resume(work, plan)
        resume(work, plan.model_copy(update={"videos": files([one.parent / name])}))
        other = plan.model_copy(update={"videos": second})
        assert other.lessons != plan.lessons
        with pytest.raises(NetworkError, match=rf"with videos {name} \(content \w+\); expected {name} \(content \w+\)"):
            resume(work, other)
    before = files([one])
    one.rename(tmp_path / "arena")  # where it lies is of no account
    assert files([tmp_path / "arena"]) == before


def test_the_state_of_a_student_with_another_activation_is_not_gone_on_with(tmp_path):
    """Weights that learned with one would be taken for weights of the other; earlier plans do not name theirs."""
    plan = plan_with("SiLU")
    resume(tmp_path, plan)
    with pytest.raises(NetworkError, match=r"found a distillation with activation SiLU; expected ReLU"):
        resume(tmp_path, plan.model_copy(update={"activation": "ReLU"}))
    (tmp_path / "plan.json").write_text(plan.model_dump_json(exclude={"activation"}))
    with pytest.raises(NetworkError, match=r"plan\.json: can't be read as a distillation; delete .* to start over"):
        resume(tmp_path, plan)


def test_keypoints_are_exchanged_in_a_mirrored_view():
    names = ("snout", "leftear", "rightear")
    assert mirror_order([], names) is None
    assert mirror_order([("rightear", "leftear")], names) == (0, 2, 1)
    with pytest.raises(NetworkError, match=r"--mirror: found 'leftaer'; expected pairs of snout, leftear, rightear"):
        mirror_order([("leftaer", "rightear")], names)
    with pytest.raises(NetworkError, match=r"found 'leftear' twice"):
        mirror_order([("leftear", "rightear"), ("leftear", "snout")], names)


def test_no_other_export_is_written_over(blobs, tmp_path):
    """The lab's only export of a network may lie beside --out, with the same name."""
    output, export = tmp_path / "mouse.onnx", tmp_path / "mouse.pt"
    export.write_bytes(b"the only one")
    said = r"mouse\.pt: found a file that does not belong to a student in mouse\.onnx; .* Give another --out, or move"
    with pytest.raises(NetworkError, match=said):
        distill(blobs[0], [blobs[1]], output)
    own = Source(file="mouse.pt", sha256=hashlib.sha256(export.read_bytes()).hexdigest(), tool="DeepLabCut")
    write_blob_network(output)
    info = Network(output).info.model_copy(update={"source": own})
    label(output, info)  # as converted from that export: no student
    with pytest.raises(NetworkError, match=said):
        distill(blobs[0], [blobs[1]], output)
    proof = prove(Estimator(blobs[0]), Estimator(blobs[0]), [(blobs[1], tuple(range(60, 80)))])
    about = Distillation(
        teacher="t.onnx", teacher_sha256="0", size="tiny", frames=9, on="a.avi", maps=False, left_out=0, minutes=1,
        proof=proof,
    )  # fmt: skip
    label(output, info.model_copy(update={"distillation": about}))
    _check_export(output)
    export.write_bytes(b"another one")
    with pytest.raises(NetworkError, match=said):
        distill(blobs[0], [blobs[1]], output)
    assert export.read_bytes() == b"another one"
    assert not (tmp_path / "mouse.onnx.training").exists()
