"""A small network from a large one, with torch: it learns, goes on where it was, and is a network like any other."""

from __future__ import annotations

import importlib.util
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from blob_network import write_blob_network, write_blob_video

from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network
from dlstream_pose.convert import convert, frames_of
from dlstream_pose.convert.distill import _distill as module
from dlstream_pose.convert.distill import _views, distill, main
from dlstream_pose.convert.distill._lessons import frames_with
from dlstream_pose.convert.distill._train import Training

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("deeplabcut") is None, reason="needs DeepLabCut: make test-dlc"
)
STEPS = 240


@pytest.fixture(scope="module", autouse=True)
def one_view_of_each_frame():
    """All of them are asked for in a part of the time that there is for them, also on a busy machine."""
    patch = pytest.MonkeyPatch()
    patch.setattr(_views, "MOST", 1)
    patch.setattr(module, "_ASKING", 0.5)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, Path]:
    """A teacher, and a video for it."""
    folder = tmp_path_factory.mktemp("blobs")
    return write_blob_network(folder / "blobs.onnx"), write_blob_video(folder / "blobs.avi", 400)


@pytest.fixture(scope="module")
def student(blobs, tmp_path_factory) -> Path:
    """Trained for 240 steps: by a clock that counts steps, so that a busy machine learns as much."""
    path = tmp_path_factory.mktemp("student") / "student.onnx"
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "Training", counted)
    distill(blobs[0], [blobs[1]], path, "small", STEPS / 60, rotation=10, threads=1)
    patch.undo()
    return path


def counted(*arguments) -> Training:
    """A training whose seconds are steps."""
    ticks = count()
    return Training(*arguments, clock=lambda: float(next(ticks)))


def test_it_learns_and_the_proof_in_the_file_is_right(blobs, student):
    """The distances are computed again, by other code."""
    about = Network(student).info.distillation
    assert about.proof.median < 3
    assert about.proof.far < 0.1
    assert not about.maps
    teacher, own = Estimator(blobs[0]), Estimator(student, engine="onnx")
    apart = []
    for _, image in frames_with(blobs[1], range(300, 400)):
        one, two = teacher.detect(image)[0], own.detect(image)[0]
        apart += [
            ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5
            for a, b in zip(one.tolist(), two.tolist(), strict=True)
            if a[2] >= 0.5
        ]
    assert about.proof.frames == 100
    assert about.proof.sure == len(apart)
    assert about.proof.worst == pytest.approx(max(apart), abs=0.01)
    assert about.proof.median == pytest.approx(float(np.median(apart)), abs=0.05)


def test_it_is_a_network_like_any_other_and_one_of_deeplabcuts(blobs, student, tmp_path):
    info, teacher = Network(student).info, Network(blobs[0])
    assert (info.keypoints, info.edges, info.input_size) == (teacher.info.keypoints, teacher.info.edges, (64, 48))
    assert info.distillation.teacher_sha256 == teacher.sha256
    assert info.proof.worst < 0.01
    frames = frames_of([blobs[1]], 5)
    convert(student.with_suffix(".pt"), tmp_path / "again.onnx", frames)
    for sample in frames:
        again, first = (Network(path, engine="onnx").run(sample.image) for path in (tmp_path / "again.onnx", student))
        assert again == pytest.approx(first, abs=1e-4)


def test_no_layer_of_a_student_keeps_int8_from_being_fast(student):
    """SiLU, x * sigmoid(x), would have to be computed in single precision between any two convolutions."""
    import onnx

    kinds = {node.op_type for node in onnx.load(student).graph.node}
    assert {"Conv", "Relu"} <= kinds
    assert not {"Sigmoid", "Swish", "Exp"} & kinds


def test_more_minutes_go_on_and_a_student_too_far_away_is_not_written(blobs, student, monkeypatch):
    """The teacher isn't asked again, and no step is done twice."""
    begun = []

    class Going(Training):
        def run(self, tell):
            begun.append(self.steps)
            super().run(tell)
            begun.append(self.steps)

    monkeypatch.setattr(module, "Training", lambda *given: Going(*given, clock=lambda: float(next(ticks))))
    monkeypatch.setattr(module.Teacher, "answer", lambda *_: pytest.fail("the teacher was asked again"))
    ticks, content = count(), student.read_bytes()
    picture = student.with_name("student.onnx.training") / "progress.png"
    before = picture.stat().st_mtime_ns
    with pytest.raises(NetworkError, match=r"px \(median\) from its teacher .* expected at most 0.0001 .* Nothing was"):
        distill(blobs[0], [blobs[1]], student, "small", (STEPS + 20) / 60, rotation=10, threads=1, within=0.0001)
    assert begun[0] > STEPS / 2
    assert begun[0] < begun[1] <= STEPS + 20
    assert picture.stat().st_mtime_ns > before
    assert student.read_bytes() == content
    with pytest.raises(NetworkError, match="found a distillation with size small; expected tiny"):
        distill(blobs[0], [blobs[1]], student, "tiny", rotation=10)


def test_an_interrupted_training_keeps_its_state(blobs, tmp_path, monkeypatch, capsys):
    class Interrupted(Training):
        def _loss(self, *given):
            if self.steps == 7:
                self.schedule._stuck = 400.0
                raise KeyboardInterrupt
            return super()._loss(*given)

    monkeypatch.setattr(module, "Training", Interrupted)
    out = tmp_path / "student.onnx"
    with pytest.raises(SystemExit) as ended:
        main([str(blobs[0]), "--videos", str(blobs[1]), "--out", str(out), "--size", "nano", "--count", "50"])
    assert ended.value.code == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not out.exists()
    seen = []

    class Ended(Training):
        def run(self, tell):
            seen.append((self.steps, self.schedule.end))
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "Training", Ended)
    with pytest.raises(SystemExit):
        main([str(blobs[0]), "--videos", str(blobs[1]), "--out", str(out), "--size", "nano", "--count", "50"])
    assert seen == [(7, 800.0)]


def test_a_state_that_can_not_be_written_is_told_and_the_picture_comes_after_it(blobs, tmp_path, monkeypatch, capsys):
    """So what is drawn is always kept, and a full disk costs no more than the minutes since the last state."""
    seen, full = [], []

    class Full(Training):
        def __init__(self, *given):
            super().__init__(*given, clock=lambda: float(next(ticks)))
            look = self._look
            self._look = lambda what: (seen.append(self._checkpoint.exists()), full.append(1), look(what))

    def writes_no_more(content, path):
        if full:
            raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")
        save(content, path)

    import torch

    save, ticks = torch.save, count()
    monkeypatch.setattr(torch, "save", writes_no_more)
    monkeypatch.setattr(module, "Training", Full)
    out = tmp_path / "student.onnx"
    with pytest.raises(SystemExit) as ended:
        main([str(blobs[0]), "--videos", str(blobs[1]), "--out", str(out), "--size", "nano", "--count", "50"])
    assert ended.value.code == 1
    assert seen == [True]
    assert "student.onnx.training/state.pt: can't be written ([enforce fail" in capsys.readouterr().err
    assert (tmp_path / "student.onnx.training" / "state.pt").exists()
    assert not (tmp_path / "student.onnx.training" / "state.pt.partial").exists()


def test_copies_learn_the_mean_of_their_gradients_and_share_the_weights():
    import torch

    from dlstream_pose.convert.distill._workers import Workers

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1))
    workers, drawn, seen = Workers(model, 3), [], []

    def learn(own, random):
        values = torch.from_numpy(random.normal(size=(5, 4)).astype("float32"))
        drawn.append(values)
        seen.append(own[0].weight.data_ptr())
        own(values).square().mean().backward()

    workers.start(7)
    for _ in range(2):  # the second finds nothing left over from the first
        drawn.clear()
        workers.step(learn)
        found = [weights.grad.clone() for weights in model.parameters()]
        model.zero_grad()
        torch.stack([model(one).square().mean() for one in drawn]).mean().backward()
        for weights, given in zip(model.parameters(), found, strict=True):
            assert torch.allclose(weights.grad, given, atol=1e-6)
    workers.end()
    assert len(workers) == 3
    assert len(set(seen)) == 1


def test_a_student_of_another_size_is_no_start(blobs, student, tmp_path):
    with pytest.raises(NetworkError, match=r"student.pt: found a network of another kind or size"):
        distill(blobs[0], [blobs[1]], tmp_path / "out.onnx", "tiny", start=student.with_suffix(".pt"))
