"""Less precision: proved on frames that the calibration has not seen, or refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from dlstream_camera.arena import Arena
from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network
from dlstream_pose.convert import Sample
from dlstream_pose.convert.precision import Labels, Limits, Selection, quantize, select
from dlstream_pose.convert.precision._search import fewest_kept
from dlstream_pose.runtime.engines._fastest import memory

VINO = importlib.util.find_spec("openvino") is not None


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    arena = Arena(seed=77)
    size = (320, 240)
    return [Sample(cv2.resize(arena.render(n * 12)[0], size), f"arena, frame {n}") for n in range(48)]


@pytest.fixture(scope="module")
def selection(samples) -> Selection:
    return select(samples, 12)


@pytest.fixture(scope="module")
def int8(demo_network, selection, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "mouse.int8.onnx"
    quantize(demo_network, path, "int8", selection, Limits(pixels=5.0))
    return path


def test_the_frames_of_the_proof_are_none_of_the_calibration(samples):
    found = select([*samples, *samples], 10)
    seen = {sample.image.tobytes() for sample in found.calibration}
    assert len(seen) == len(found.calibration) == 10
    assert not seen & {sample.image.tobytes() for sample in found.proof}


def test_one_picture_over_and_over_proves_nothing(samples):
    with pytest.raises(NetworkError, match=r"found 40 frames, of which 0 differ from the 1 that calibrate"):
        select([samples[0]] * 40)


def test_int8_says_how_far_it_is_from_single_precision(demo_network, int8, selection):
    """The distances are computed again, by other code."""
    about = Network(int8, engine="onnx").info.precision
    assert about is not None
    assert about.name == "int8"
    assert "QuantizeLinear" in {node.op_type for node in onnx.load(int8).graph.node}
    proof = about.proof_of("onnx")
    assert proof is not None
    exact, other = Network(demo_network, 1, "onnx"), Network(int8, 1, "onnx")
    apart = []
    for sample in selection.proof:
        one, two = exact.run(sample.image)[0], other.run(sample.image)[0]
        apart += [
            ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5
            for a, b in zip(one.tolist(), two.tolist(), strict=True)
            if max(a[2], b[2]) >= 0.5
        ]
    apart.sort()
    assert proof.seen == len(apart)
    assert proof.worst == pytest.approx(apart[-1], abs=0.01)
    assert proof.median == pytest.approx(float(np.median(apart)), abs=0.05)
    assert 0 < proof.median <= proof.p95 <= proof.p99 <= proof.worst


def test_a_limit_that_no_layer_keeps_is_refused_and_nothing_is_written(demo_network, selection, tmp_path):
    output = tmp_path / "no.onnx"
    with pytest.raises(
        NetworkError, match=r"(?s)p99 .* px, expected at most 1e-06 .*keypoint '.*' on arena, frame \d+"
    ):
        quantize(demo_network, output, "int8", selection, Limits(pixels=1e-6), search=False)
    assert not output.exists()


def test_frames_without_an_animal_prove_nothing(demo_network, tmp_path):
    random = np.random.default_rng(3)
    noise = [Sample(random.integers(0, 40, (240, 320, 3), np.uint8), f"noise, frame {n}") for n in range(30)]
    with pytest.raises(NetworkError, match="no keypoint was seen"):
        quantize(demo_network, tmp_path / "no.onnx", "int8", select(noise, 8), search=False)


def test_labels_that_get_worse_are_refused(demo_network, selection, tmp_path):
    """The labels are the poses of single precision, moved by a thousandth: int8 is many times as far from them."""
    network = Network(demo_network, 1, "onnx")
    images, points = [], []
    for number, sample in enumerate(selection.proof[:3]):
        big = cv2.resize(sample.image, (640, 480))
        images.append(tmp_path / f"img{number}.png")
        cv2.imwrite(str(images[-1]), big)
        points.append(Estimator(network).detect(big)[0, :, :2] + 0.001)
    labels = Labels(images, network.info.keypoints, np.array(points, np.float64))
    with pytest.raises(NetworkError, match=r"by 15 labels the error is .* % worse, expected at most 1 "):
        quantize(demo_network, tmp_path / "no.onnx", "int8", selection, Limits(pixels=50.0), labels, search=False)


def test_the_search_keeps_the_fewest():
    harm = {"a": 0.1, "b": 3.0, "c": 0.2, "d": 2.0, "e": 0.1}
    kept = fewest_kept(list(harm), lambda keep: sum(harm[name] for name in harm if name not in keep), 1.0)
    assert kept == {"b", "d"}
    assert fewest_kept(list(harm), lambda keep: 0.0, 1.0) == frozenset()
    assert fewest_kept(list(harm), lambda keep: 9.0, 1.0) is None


def test_bf16_is_proved_with_openvino(demo_network, selection, tmp_path):
    if not VINO:
        with pytest.raises(NetworkError, match="pip install openvino"):
            quantize(demo_network, tmp_path / "bf.onnx", "bf16", selection)
        return
    try:
        about, _ = quantize(demo_network, tmp_path / "bf.onnx", "bf16", selection)
    except NetworkError as error:
        assert "does not compute" in str(error)
        pytest.skip("this processor has no bf16")
    assert [proof.engine for proof in about.proofs] == ["openvino"]
    assert about.proofs[0].worst > 0


def test_auto_takes_an_engine_that_was_proved_and_remembers(int8, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    about = Network(int8, engine="onnx").info.precision
    assert about is not None
    first = Network(int8)
    assert first.engine.name in {proof.engine for proof in about.proofs}
    if len(about.proofs) == 1:
        assert "the only engine here that the file was proved for" in first.engine.description
        return
    assert "measured now" in first.engine.description
    again = Network(int8)
    assert again.engine.name == first.engine.name
    assert "remembered" in again.engine.description
    memory().write_text("{broken")
    assert "measured now" in Network(int8).engine.description


def test_what_is_quantised_already_is_refused(int8, selection, tmp_path):
    with pytest.raises(NetworkError, match="found a network in int8; expected one in single precision"):
        quantize(int8, tmp_path / "again.onnx", "int8", selection)
