"""Less precision: proved on frames that the calibration has not seen, or refused."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from blob_network import HEIGHT, WIDTH, blob_samples, write_blob_network, write_blob_video

from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network
from dlstream_pose.convert._file import label
from dlstream_pose.convert.precision import Labels, Limits, Selection, main, quantize, select
from dlstream_pose.convert.precision._distance import poses_of
from dlstream_pose.convert.precision._prove import Exact, prove
from dlstream_pose.convert.precision._search import fewest_kept
from dlstream_pose.convert.progress import silent
from dlstream_pose.runtime.precision import inference_of

VINO = importlib.util.find_spec("openvino") is not None
COMPUTES_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
CARD = Path("/proc/driver/nvidia/version").exists()


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> Path:
    return write_blob_network(tmp_path_factory.mktemp("blobs") / "blobs.onnx")


@pytest.fixture(scope="module")
def selection() -> Selection:
    return select(blob_samples(40), 12)


@pytest.fixture(scope="module")
def int8(blobs, selection) -> Path:
    path = blobs.with_name("blobs.int8.onnx")
    about, failures = quantize(blobs, path, "int8", selection)
    assert about.kept == ()
    # Nobody has to be told that a machine without a graphics card has none.
    assert CARD or [text for text in failures if "tensorrt" in text or "cuda" in text] == []
    return path


def test_the_frames_of_the_proof_are_none_of_the_calibration():
    samples = blob_samples(48)
    found = select([*samples, *samples], 10)
    seen = {sample.image.tobytes() for sample in found.calibration}
    assert len(seen) == len(found.calibration) == 10
    assert not seen & {sample.image.tobytes() for sample in found.proof}


def test_one_picture_over_and_over_proves_nothing():
    with pytest.raises(NetworkError, match=r"found 40 frames, of which 0 differ from the 1 that calibrate"):
        select(blob_samples(1) * 40)


def test_int8_says_how_far_it_is_from_single_precision(blobs, int8, selection):
    """The distances are computed again, by other code."""
    about = Network(int8, engine="onnx").info.precision
    assert about is not None
    assert about.name == "int8"
    assert "QuantizeLinear" in {node.op_type for node in onnx.load(int8).graph.node}
    proof = about.proof_of("onnx")
    assert proof is not None
    exact, other = Network(blobs, 1, "onnx"), Network(int8, 1, "onnx")
    apart = []
    for sample in selection.proof:
        one, two = exact.run(sample.image)[0], other.run(sample.image)[0]
        apart += [
            ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5
            for a, b in zip(one.tolist(), two.tolist(), strict=True)
            if max(a[2], b[2]) >= 0.5
        ]
    apart.sort()
    assert proof.seen == len(apart) == 2 * len(selection.proof)
    assert proof.worst == pytest.approx(apart[-1], abs=0.001)
    assert proof.median == pytest.approx(float(np.median(apart)), abs=0.005)
    assert 0 < proof.median <= proof.p95 <= proof.p99 <= proof.worst < 0.2


def test_only_the_layers_that_hurt_stay_in_single_precision(selection, tmp_path):
    loud = write_blob_network(tmp_path / "loud.onnx", loud=True)
    output = tmp_path / "loud.int8.onnx"
    with pytest.raises(
        NetworkError, match=r"(?s)p99 .* px, expected at most 1 .*keypoint '.*' on blobs.mp4, frame \d+"
    ):
        quantize(loud, output, "int8", selection, search=False)
    assert not output.exists()
    about, _ = quantize(loud, output, "int8", selection)
    assert about.kept == ("mix", "pick")
    assert about.layers == 3
    assert Network(output, engine="onnx").info.precision == about
    kinds = [node.op_type for node in onnx.load(output).graph.node]
    assert "QuantizeLinear" in kinds


def test_a_calibration_on_other_frames_is_refused_by_the_proof(blobs, selection, tmp_path):
    """The frames of the proof and the limit are the same; those of the calibration show a fainter scene."""
    faint = select(blob_samples(40, contrast=0.3, name="faint.mp4"), 12).calibration
    limits = Limits(pixels=0.1)
    quantize(blobs, tmp_path / "right.onnx", "int8", selection, limits)
    with pytest.raises(NetworkError, match=r"int8 is not harmless.*p99 of the distance"):
        quantize(blobs, tmp_path / "no.onnx", "int8", Selection(faint, selection.proof), limits, search=False)


@pytest.mark.parametrize("which", ["calibration", "proof"])
def test_frames_of_something_else_are_refused(blobs, selection, tmp_path, which):
    other = select(blob_samples(40, contrast=0.02, name="nothing.mp4"), 12)
    frames = (
        Selection(other.calibration, selection.proof)
        if which == "calibration"
        else Selection(selection.calibration, other.proof)
    )
    with pytest.raises(
        NetworkError, match=rf"on 0 of the \d+ frames of the {which} \(nothing.mp4\).* expected at least 50%"
    ):
        quantize(blobs, tmp_path / "no.onnx", "int8", frames)
    assert not (tmp_path / "no.onnx").exists()


def labels_beside(network_file, samples, folder, away):
    """Labels so many pixels to the right and below of where single precision sees the keypoints."""
    network = Network(network_file, 1, "onnx")
    images, points = [], []
    for number, sample in enumerate(samples):
        big = cv2.resize(sample.image, (2 * WIDTH, 2 * HEIGHT))
        images.append(folder / f"img{number}.png")
        cv2.imwrite(str(images[-1]), big)
        points.append(Estimator(network).detect(big)[0, :, :2] + away)
    return Labels(images, network.info.keypoints, np.array(points, np.float64))


def test_labels_that_get_worse_are_refused(blobs, selection, tmp_path):
    """The labels are the poses of single precision, moved by a thousandth: int8 is many times as far from them."""
    labels = labels_beside(blobs, selection.proof[:3], tmp_path, 0.001)
    with pytest.raises(NetworkError, match=r"by 6 labels the error is .* % worse, expected at most 1 "):
        quantize(blobs, tmp_path / "no.onnx", "int8", selection, Limits(pixels=50.0), labels, search=False)


def test_layers_stay_in_single_precision_for_the_labels_alone(selection, tmp_path):
    """By the distance, no layer would have to: the limit is far beyond it."""
    loud = write_blob_network(tmp_path / "loud.onnx", loud=True)
    labels = labels_beside(loud, selection.proof[:3], tmp_path, 5.0)
    limits = Limits(pixels=1000.0)
    with pytest.raises(NetworkError, match=r"by 6 labels the error is .* % worse, expected at most 1 "):
        quantize(loud, tmp_path / "no.onnx", "int8", selection, limits, labels, search=False)
    about, _ = quantize(loud, tmp_path / "loud.int8.onnx", "int8", selection, limits, labels)
    assert about.kept == ("mix", "pick")
    assert all(proof.labels is not None and proof.labels.percent <= 1 for proof in about.proofs)


def test_confidences_that_fall_are_refused(tmp_path):
    """Every place is the same to the last digit: only triggers, which wait for a confidence of 0.5, would notice."""
    samples = [*blob_samples(99, seed=4), *blob_samples(1, seed=4, contrast=0.3, name="faint.mp4")]
    network = Network(write_blob_network(tmp_path / "exact.onnx", sure_from=0.02), 1, "onnx")
    exact = Exact(network, samples, poses_of(network, samples, ""), None, None)

    def found(sure_from):
        draft = write_blob_network(tmp_path / "draft.onnx", sure_from=sure_from)
        return prove(draft, exact, Limits(), ["onnx"], silent)

    [proof] = found(0.2).proofs  # of the faint blobs alone, 2 of 200, it isn't sure
    assert (proof.sure, proof.lost, proof.p99) == (200, 2, 0.0)
    assert "faint.mp4" in proof.lost_at
    outcome = found(0.7)
    assert not outcome.proofs
    [reason] = outcome.beyond
    assert re.search(
        r"onnx: 200 of the 200 keypoints with a confidence of 0.5 or more in single precision have less, expected at "
        r"most 1%: most of all keypoint '\w+' on blobs.mp4, frame \d+: .* with confidence 0.0\d+, in single precision",
        reason,
    )


def test_confidences_that_are_no_numbers_are_refused(tmp_path):
    """Of two keypoints on one frame of a hundred; a comparison with NaN is never beyond a limit."""
    samples = [*blob_samples(99, seed=4), *blob_samples(1, seed=4, contrast=0.3, name="faint.mp4")]
    network = Network(write_blob_network(tmp_path / "exact.onnx", sure_from=0.02), 1, "onnx")
    exact = Exact(network, samples, poses_of(network, samples, ""), None, None)
    draft = write_blob_network(tmp_path / "draft.onnx", sure_from=0.2, no_number=0.5)
    outcome = prove(draft, exact, Limits(), ["onnx"], silent)
    assert not outcome.proofs
    [reason] = outcome.beyond
    assert re.fullmatch(
        r"engine onnx: a confidence is not a number: keypoint 'bright' on faint.mp4, frame 0: .* confidence nan", reason
    )
    frames = Selection(samples[:40], samples[40:])
    with pytest.raises(
        NetworkError, match=r"draft.onnx: a confidence is not a number in single precision: keypoint 'br"
    ):
        quantize(draft, tmp_path / "no.onnx", "int8", frames)
    assert not (tmp_path / "no.onnx").exists()


def test_the_search_keeps_the_fewest():
    harm = {f"layer{n}": 0.01 for n in range(100)} | {"layer41": 3.0, "layer77": 2.0}
    tried: list[frozenset[str]] = []

    def hurt(keep: frozenset[str]) -> float:
        tried.append(keep)
        return sum(harm[name] for name in harm if name not in keep)

    assert fewest_kept(list(harm), hurt, 1.5) == {"layer41", "layer77"}
    assert len(tried) < 50
    assert fewest_kept(list(harm), lambda keep: 0.0, 1.0) == frozenset()
    assert fewest_kept(list(harm), lambda keep: 9.0, 1.0) is None


def test_fp16_is_proved(blobs, selection, tmp_path):
    about, _ = quantize(blobs, tmp_path / "half.onnx", "fp16", selection)
    assert about.proofs[0].engine == "onnx"
    kinds = {item.name: item.data_type for item in onnx.load(tmp_path / "half.onnx").graph.initializer}
    assert [kinds.get(f"{name}_fp16") for name in ("first", "second", "third")] == [onnx.TensorProto.FLOAT16] * 3
    assert "first" not in kinds


def test_bf16_is_proved_with_openvino(blobs, selection, tmp_path):
    if not VINO:
        with pytest.raises(NetworkError, match="pip install openvino"):
            quantize(blobs, tmp_path / "bf.onnx", "bf16", selection)
        return
    try:
        about, _ = quantize(blobs, tmp_path / "bf.onnx", "bf16", selection)
    except NetworkError as error:
        assert not COMPUTES_BF16
        assert "bf16 can't be proved on this machine: engine openvino: this processor does not compute" in str(error)
        assert not (tmp_path / "bf.onnx").exists()
        return
    assert [proof.engine for proof in about.proofs] == ["openvino"]
    assert about.proofs[0].worst > 0
    assert inference_of(about, "onnx") == {"precision": "fp32"}
    assert inference_of(about, "openvino")["precision"] == "bf16"


def test_what_is_quantised_already_is_refused(int8, selection, tmp_path):
    with pytest.raises(NetworkError, match="found a network in int8; expected one in single precision"):
        quantize(int8, tmp_path / "again.onnx", "int8", selection)


def test_the_command_writes_the_file_and_says_what_was_proved(blobs, tmp_path, capsys):
    video = write_blob_video(tmp_path / "mouse.mkv")
    other = write_blob_video(tmp_path / "other.mkv", seed=3)
    output = tmp_path / "mouse.int8.onnx"
    main(
        [str(blobs), str(output), "--precision", "int8", "--frames", str(video), "--proof", str(other), "--count", "30"]
    )
    said = capsys.readouterr().out
    assert "int8, calibrated on 30 frames (mouse.mkv); 0 of 3 layers stay in single precision" in said
    assert "onnx: 60 keypoints on 30 other frames (other.mkv): median 0.0" in said
    assert said.endswith(f"written: {output}\n")
    assert Network(output).info.precision is not None


def test_few_frames_calibrate_where_other_videos_prove(blobs, tmp_path, capsys):
    """Nothing has to be left over of them."""
    few, other = write_blob_video(tmp_path / "few.mkv", 8), write_blob_video(tmp_path / "other.mkv", seed=3)
    command = [str(blobs), str(tmp_path / "few.onnx"), "--precision", "int8", "--frames", str(few), "--count", "30"]
    main([*command, "--proof", str(other)])
    said = capsys.readouterr().out
    assert "int8, calibrated on 8 frames (few.mkv)" in said
    assert "on 30 other frames (other.mkv)" in said
    with pytest.raises(SystemExit, match="1"):
        main(command)
    assert "--frames: found 8 frames, of which 4 differ from the 4 that calibrate" in capsys.readouterr().err


def test_the_scale_of_the_proof_is_stored(blobs, selection, tmp_path):
    """Without it a rig would look at images of another size than those that were compared."""
    output, again = tmp_path / "half.onnx", tmp_path / "same.onnx"
    quantize(blobs, output, "fp16", selection, scale=0.5)
    assert Network(output, engine="onnx").info.scale == 0.5
    assert Estimator(output, engine="onnx").scale == 0.5
    quantize(blobs, output, "fp16", selection, scale=1.0)
    assert Network(output, engine="onnx").info.scale is None  # as it is used without one
    scaled = write_blob_network(tmp_path / "scaled.onnx")
    label(scaled, Network(scaled, engine="onnx").info.model_copy(update={"scale": 0.25}))
    for given, stored in ((None, 0.25), (0.25, 0.25), (0.5, 0.5), (1.0, 1.0)):
        quantize(scaled, again, "fp16", selection, scale=given)
        assert Network(again, engine="onnx").info.scale == stored


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--count", "many", "a whole number, 1 or more, like 300"),
        ("--count", "0", "a whole number, 1 or more, like 300"),
        ("--calibration", "2.5", "a whole number, 1 or more, like 40"),
        ("--within", "1px", "pixels, such as 1: a number above 0, at most 1000"),
        ("--within", "nan", "pixels, such as 1: a number above 0, at most 1000"),
        ("--within", "-1", "pixels, such as 1: a number above 0, at most 1000"),
        ("--within-labels", "1%", "percent, such as 1: a number above 0, at most 1000"),
        ("--scale", "0", "a factor, such as 0.5: a number above 0, at most 8"),
    ],
)
def test_a_malformed_value_is_named(capsys, option, value, expected):
    with pytest.raises(SystemExit, match="2"):
        main(["mouse.onnx", "--precision", "int8", "--frames", "mouse.mp4", f"{option}={value}"])
    assert f"argument {option}: found '{value}'; expected {expected}" in capsys.readouterr().err
