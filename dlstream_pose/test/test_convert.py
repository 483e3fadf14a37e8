"""The converter: what it writes, and that it writes nothing that differs from its original."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dlstream_camera.arena import SKELETON, Arena
from dlstream_common import NetworkError, SourceError
from dlstream_pose import Estimator, Network
from dlstream_pose.convert import SourceNetwork, convert, frames_of, main
from dlstream_pose.runtime._seal import is_damaged

needs_deeplabcut = pytest.mark.skipif(
    importlib.util.find_spec("deeplabcut") is None, reason="needs DeepLabCut (see tools/train_demo_network.py)"
)
DEMO = Path(__file__).parents[2] / "config" / "networks" / "demo_mouse.pt"


class Spots(SourceNetwork):
    """A tool whose networks find spots; its own answer may differ from what it exports."""

    def __init__(self, network: Path, shift: float = 0.0, doubt: float = 0.0) -> None:
        self._path, self._network = network, Network(network)
        self._difference = np.array([shift, 0.0, -doubt], np.float32)
        self.info = self._network.info

    def export(self, path: Path) -> None:
        import onnx

        model = onnx.load(self._path)
        del model.metadata_props[:]
        onnx.save(model, path)

    def reference(self, image: np.ndarray) -> np.ndarray:
        return self._network.run(image) + self._difference


def test_the_result_is_labelled_and_runs(spot_network, tmp_path):
    output = tmp_path / "deep" / "folder" / "spots.onnx"
    report = convert(Spots(spot_network), output, edges=[("darkest", "brightest")], input_size=(64, 48))
    assert report.frames == 4
    assert report.seen == 8
    assert report.worst == 0
    network = Network(output)
    assert network.info.edges == ((1, 0),)
    assert network.info.input_size == (64, 48)
    assert [path.name for path in output.parent.iterdir()] == ["spots.onnx"]


def test_the_scale_is_noted_in_the_file_and_in_nothing_without_it(spot_network, tmp_path):
    convert(Spots(spot_network), tmp_path / "plain.onnx")
    assert Network(tmp_path / "plain.onnx").info.scale is None
    convert(Spots(spot_network), tmp_path / "half.onnx", scale=0.5)
    network = Network(tmp_path / "half.onnx")
    assert network.info.scale == 0.5
    assert Estimator(network).scale == 0.5
    assert not is_damaged((tmp_path / "half.onnx").read_bytes())


def test_a_result_that_differs_is_not_written(spot_network, tmp_path):
    output = tmp_path / "spots.onnx"
    convert(Spots(spot_network, shift=0.09), output)
    before = output.read_bytes()
    frame = np.full((48, 64, 3), 100, np.uint8)
    frame[30, 17] = 255
    with pytest.raises(
        NetworkError, match=r"'brightest' on frame 0: \(17\.0.*0\.110 px apart; 1 more.*Nothing was written"
    ):
        convert(Spots(spot_network, shift=0.11), output, [frame], input_size=(1, 1))
    with pytest.raises(NetworkError, match=r"'brightest' on frame 0: .* confidence 1\.000, .* confidence 0\.980"):
        convert(Spots(spot_network, doubt=0.02), output, [frame], input_size=(1, 1))
    assert output.read_bytes() == before


def test_an_edge_to_an_unknown_keypoint_is_refused(spot_network, tmp_path):
    with pytest.raises(NetworkError, match=r"no keypoint 'brightst'. Did you mean 'brightest'\?"):
        convert(Spots(spot_network), tmp_path / "spots.onnx", edges=[("brightst", "darkest")])


def test_a_folder_that_can_not_be_written_is_named(spot_network, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NetworkError, match=r"spots\.onnx: can't be written"):
        convert(Spots(spot_network), tmp_path / "file" / "spots.onnx")


@pytest.mark.parametrize(
    ("name", "said"),
    [("spots.pt", "found the ending '.pt'"), ("folder.onnx", "found a folder"), ("", "found the ending")],
)
def test_an_output_that_is_no_network_file_is_refused_before_the_work(spot_network, tmp_path, name, said):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "spots.pt").write_bytes(b"the source itself")
    with pytest.raises(NetworkError, match=said):
        convert(tmp_path / "never looked at.pt", tmp_path / name)
    assert (tmp_path / "spots.pt").read_bytes() == b"the source itself"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(spot_network, tmp_path):
    (tmp_path / "locked").mkdir(0o555)
    with pytest.raises(NetworkError, match="locked is a folder without permission to write"):
        convert(Spots(spot_network), tmp_path / "locked" / "new" / "spots.onnx")


def test_nothing_is_left_of_a_file_that_could_not_be_put_in_place(spot_network, tmp_path):
    class Late(Spots):
        def reference(self, image: np.ndarray) -> np.ndarray:
            (tmp_path / "spots.onnx").mkdir(exist_ok=True)  # someone else was faster
            return super().reference(image)

    with pytest.raises(NetworkError, match=r"spots\.onnx: can't be written"):
        convert(Late(spot_network), tmp_path / "spots.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["spots.onnx"]


@pytest.mark.parametrize(
    "option", ["--scale=0", "--scale=nan", "--scale=-1", "--count=0", "--input-size=9x", "--input-size=99999x99999"]
)
def test_options_without_sense_are_named(capsys, option):
    with pytest.raises(SystemExit) as ended:
        main(["mouse.pt", option])
    assert ended.value.code == 2
    name, _, value = option.partition("=")
    assert f"argument {name}: found '{value}'; expected " in capsys.readouterr().err


@pytest.mark.parametrize("source", [".", "/"])
def test_a_folder_without_a_network_is_refused(tmp_path, monkeypatch, capsys, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([source])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "expected a file of DeepLabCut 3" in said or "name the file to write" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.pt", "there is no such file"),
        ("model.h5", "expected a file of"),
        ("made.onnx", "found an ONNX file; expected the trained network"),
    ],
)
def test_a_source_that_is_no_network_is_refused(tmp_path, capsys, name, said):
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    (tmp_path / "made.onnx").touch()
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / name), str(tmp_path / "out.onnx")])
    assert ended.value.code == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()


def test_the_proof_stands_in_the_file(spot_network, tmp_path):
    frame = np.full((48, 64, 3), 100, np.uint8)
    frame[30, 17] = 255
    convert(Spots(spot_network, shift=0.05), tmp_path / "spots.onnx", [frame])
    proof = Network(tmp_path / "spots.onnx").info.proof
    assert (proof.frames, proof.seen, proof.on) == (1, 2, "given images")
    assert proof.worst == pytest.approx(0.05, abs=1e-5)


class Blind(Spots):
    """A tool whose network is sure of nothing."""

    def export(self, path: Path) -> None:
        import onnx

        super().export(path)
        model = onnx.load(path)
        for constant in model.graph.initializer:
            if constant.name in ("full", "one"):
                value = np.array(1e9 if constant.name == "full" else 0.0, np.float32)
                constant.CopyFrom(onnx.numpy_helper.from_array(value, constant.name))
        onnx.save(model, path)

    def reference(self, image: np.ndarray) -> np.ndarray:
        return self._network.run(image) * [1, 1, 0]


def test_it_says_so_when_nothing_was_seen(spot_network, tmp_path):
    report = convert(Blind(spot_network), tmp_path / "spots.onnx")
    assert report.seen == 0
    assert "nothing is proven: give --frames" in str(report)
    assert Network(tmp_path / "spots.onnx").info.proof.worst is None


class Crowd(Spots):
    """A tool that finds another number of animals than what it exports."""

    def reference(self, image: np.ndarray) -> np.ndarray:
        return np.repeat(self._network.run(image), 2, axis=0)


class Broken(Spots):
    """A tool that can't run what it opened."""

    def reference(self, image: np.ndarray) -> np.ndarray:
        raise IndexError("index 3 is out of bounds")


class Unsure(Spots):
    """A tool that can't export."""

    def export(self, path: Path) -> None:
        raise RuntimeError("no ONNX for aten::strange")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Crowd, "the original finds 2 individuals, the converted network 1"),
        (Broken, "the original fails on made-up texture 1, 320x240: IndexError: index 3"),
        (Unsure, "can't be exported as ONNX: no ONNX for aten::strange"),
    ],
)
def test_whatever_goes_wrong_is_said_and_nothing_written(spot_network, tmp_path, kind, said):
    with pytest.raises(NetworkError, match=rf"spot\.txt: .*{said}"):
        convert(kind(spot_network), tmp_path / "spots.onnx")
    assert not list(tmp_path.iterdir())


def test_frames_are_named_by_file_and_number(tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((48, 64, 3), np.uint8))
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for _ in range(10):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    samples = frames_of([tmp_path / "one.png", tmp_path / "film.avi"], 3, 0.5)
    assert [sample.name for sample in samples] == ["one.png", *(f"film.avi, frame {n}" for n in (0, 4, 9))]
    assert {sample.image.shape for sample in samples} == {(24, 32, 3)}


@pytest.mark.parametrize(("name", "said"), [("none.mp4", "no such file"), ("text.mp4", "a text; expected a video")])
def test_frames_that_can_not_be_read_are_named(tmp_path, name, said):
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(SourceError, match=rf"{name}: .*{said}"):
        frames_of([tmp_path / name], 3)


@pytest.mark.skipif(importlib.util.find_spec("deeplabcut") is not None, reason="DeepLabCut is installed")
def test_without_deeplabcut_it_says_what_to_install(tmp_path):
    with pytest.raises(NetworkError, match=r"make dlc, or pip install -r requirements-dlc\.txt"):
        convert(DEMO, tmp_path / "out.onnx")


@needs_deeplabcut
def test_a_network_of_deeplabcut_is_converted(tmp_path, demo_network):
    frames = [Arena(320, 240, seed=9100).render(number)[0] for number in range(0, 300, 60)]
    report = convert(DEMO, tmp_path / "demo.onnx", frames, SKELETON, (320, 240))
    assert report.seen == 25
    assert report.worst < 0.001
    converted, committed = Network(tmp_path / "demo.onnx"), Network(demo_network)
    of_the_user = {"proof": committed.info.proof, "scale": committed.info.scale}
    assert converted.info.model_copy(update=of_the_user) == committed.info
    assert committed.info.proof.worst < 0.001
    for frame in frames:
        assert np.allclose(converted.run(frame), committed.run(frame), atol=0.001)


@needs_deeplabcut
@pytest.mark.parametrize("damage", ["truncated", "text", "other"])
def test_a_damaged_file_of_deeplabcut_is_refused(tmp_path, damage):
    import torch

    path = tmp_path / "mouse.pt"
    if damage == "truncated":
        path.write_bytes(DEMO.read_bytes()[:100_000])
    elif damage == "text":
        path.write_text("config")
    else:
        torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(NetworkError, match=r"mouse\.pt: .*deeplabcut\.export_model"):
        convert(path, tmp_path / "out.onnx")


@needs_deeplabcut
@pytest.mark.parametrize("damage", ["other", "none", "list", "key"])
def test_weights_of_another_network_are_refused_in_a_line(tmp_path, damage):
    import torch

    content = torch.load(DEMO, weights_only=True)
    weights = content["pose"]
    name = next(key for key in weights if weights[key].ndim == 4)
    content["pose"] = {
        "other": weights | {name: weights[name][:, :1]},
        "none": {},
        "list": [1, 2],
        "key": weights | {"brain.weight": torch.zeros(2)},
    }[damage]
    torch.save(content, tmp_path / "mouse.pt")
    with pytest.raises(NetworkError, match=r"mouse\.pt: DeepLabCut can't build the network") as refused:
        convert(tmp_path / "mouse.pt", tmp_path / "out.onnx")
    assert len(str(refused.value)) < 700
    assert "\n" not in str(refused.value)


@needs_deeplabcut
def test_code_in_a_file_is_not_run(tmp_path):
    import torch

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return shutil.rmtree, (str(tmp_path / "victim"),)

    (tmp_path / "victim").mkdir()
    torch.save({"config": Trap(), "pose": {}}, tmp_path / "trap.pt")
    with pytest.raises(NetworkError, match=r"trap\.pt: can't be loaded as plain numbers.*they could run code$"):
        convert(tmp_path / "trap.pt", tmp_path / "out.onnx")
    assert (tmp_path / "victim").exists()
