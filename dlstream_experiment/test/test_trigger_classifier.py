"""Behaviours told by a network: features, windows, classes and probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from trigger_tools import GONE, PARTS, context, decisions, scene, trigger

from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet


def network(folder: Path, width: int, *, samples: int | None = None, labels: bool = False) -> Path:
    """Three classes by the sum s of the features: softmax of (0, s, -s); labels: 1 where s > 0, else 2 or 0."""
    weights = np.concatenate((np.zeros((width, 1)), np.ones((width, 1)), -np.ones((width, 1))), axis=1)
    rows: list[Any] = ["N", width]
    nodes = [helper.make_node("MatMul", ["poses", "weights"], ["scores"])]
    if samples is not None:
        rows = ["N", samples, width // samples]
        shape = helper.make_tensor("flat", TensorProto.INT64, [2], [-1, width])
        nodes = [
            helper.make_node("Reshape", ["poses", "flat"], ["row"]),
            helper.make_node("MatMul", ["row", "weights"], ["scores"]),
        ]
    constants = [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.astype(np.float32).ravel())]
    if samples is not None:
        constants.append(shape)
    if labels:
        nodes.append(helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
        output = helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])
    else:
        nodes.append(helper.make_node("Softmax", ["scores"], ["shares"], axis=1))
        output = helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph(
        nodes, "classes", [helper.make_tensor_value_info("poses", TensorProto.FLOAT, rows)], [output], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "behaviour.onnx"
    onnx.save(model, str(path))
    return path


def made(path: Path, **words: Any) -> TriggerSet:
    words = {"keypoints": ["nose"], "reference": "neck", "window": 0.2, "samples": 1, "behaviour": 1, **words}
    triggers = TriggerSet({"it": trigger("classifier", network=str(path), **words)}, context(calibration={"top": 2.0}))
    triggers.bind("top", PARTS)
    return triggers


def pose(dx: float, dy: float = 0.0) -> dict[str, tuple[float, float]]:
    return {"nose": (50 + dx, 50 + dy), "neck": (50.0, 50.0)}


@pytest.mark.parametrize("labels", [False, True])
def test_the_class_of_the_newest_pose(tmp_path, labels):
    triggers = made(network(tmp_path, 2, labels=labels))
    frames = [scene(n, pose(dx)) for n, dx in enumerate((3, -3, 3))]
    assert decisions(triggers, frames) == [True, False, True]
    assert decisions(triggers, [scene(9, pose(-3), pose(3))]) == [True], "any animal is enough"
    assert decisions(triggers, [scene(10, {"nose": GONE, "neck": (1, 1)}), scene(11)]) == [None, None]


def test_probabilities_with_hysteresis(tmp_path):
    triggers = made(network(tmp_path, 2), at_least=0.8, release=0.4)
    frames = [scene(n, pose(dx)) for n, dx in enumerate((1, 2, 1, 0, 1))]
    assert decisions(triggers, frames) == [False, True, True, False, False]
    assert triggers.measured["it"] == pytest.approx(np.exp(1) / (1 + np.exp(1) + np.exp(-1)), rel=1e-5)
    centimetres = made(network(tmp_path, 2), at_least=0.8, unit="cm")
    assert decisions(centimetres, [scene(0, pose(2)), scene(1, pose(4))]) == [False, True]


@pytest.mark.parametrize(("missing", "after"), [("false", False), ("veto", False), ("hold", True)])
def test_what_fell_while_nothing_was_seen_rises_at_the_upper_bound(tmp_path, missing, after):
    triggers = made(network(tmp_path, 2), at_least=0.8, release=0.6, missing=missing)
    seen, lost, between = pose(2), {"nose": GONE, "neck": (50.0, 50.0)}, pose(1)
    decisions(triggers, [scene(n, shown) for n, shown in enumerate((seen, lost, between))])
    assert 0.6 < triggers.measured["it"] < 0.8
    assert triggers.held["it"] is after


@pytest.mark.parametrize("samples", [None, 3])
def test_a_window_is_filled_by_interpolation_whatever_the_rate(tmp_path, samples):
    path = network(tmp_path, 6, samples=samples)
    for step in (0.1, 0.05, 0.2):
        triggers = made(path, samples=3, at_least=0.5)
        times = np.arange(0, 0.61, step)
        decided = decisions(triggers, [scene(float(time), pose(float(10 * (time - 0.4)), 0)) for time in times])
        # The sum of three samples at t - 0.2, t - 0.1 and t of a line is three times its middle.
        for time, value in zip(times, decided, strict=True):
            if time < 0.2 - 1e-9:
                assert value is None
            else:
                s = 30 * (time - 0.1 - 0.4)
                share = np.exp(s) / (1 + np.exp(s) + np.exp(-s))
                assert abs(share - 0.5) < 1e-3 or value is bool(share > 0.5)


def test_a_pose_that_is_missing_within_the_window_is_not_guessed(tmp_path):
    triggers = made(network(tmp_path, 6), samples=3)
    lost = {"nose": GONE, "neck": (50.0, 50.0)}
    frames = [scene(n / 10, lost if n == 3 else pose(3)) for n in range(8)]
    assert decisions(triggers, frames) == [None, None, True, None, None, None, True, True]


def test_the_poses_before_a_second_without_frames_are_of_no_window(tmp_path):
    """They are not interpolated with those after it, whoever was in the hole."""
    triggers = made(network(tmp_path, 6), samples=3)
    times = [0.0, 0.1, 0.2, 5.0, 5.1, 5.2]
    assert decisions(triggers, [scene(time, pose(3)) for time in times]) == [None, None, True] * 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"samples": 2}, "which takes 2 features; samples and keypoints make 4"),
        ({"behaviour": 3}, "a class from 0 to 2"),
    ],
)
def test_a_network_that_does_not_fit_is_told_before_the_run(tmp_path, words, message):
    words = {"keypoints": ["nose"], "reference": "neck", "window": 0.2, "samples": 1, "behaviour": 1, **words}
    settings = trigger("classifier", network=str(network(tmp_path, 2)), **words)
    [mistake] = settings.problems(context())
    assert message in f"{mistake.found} {mistake.expected}"


def test_what_is_no_network_or_gives_no_probabilities_is_told(tmp_path):
    words = {"keypoints": ["nose"], "reference": "neck", "window": 0.2, "samples": 1, "behaviour": 1}
    (tmp_path / "pickle.onnx").write_bytes(b"\x80\x04\x95")
    [mistake] = trigger("classifier", network=str(tmp_path / "pickle.onnx"), **words).problems(context())
    assert "which can't be read as a network" in mistake.found
    labels = network(tmp_path, 2, labels=True)
    [mistake] = trigger("classifier", network=str(labels), at_least=0.5, **words).problems(context())
    assert "wanted are probabilities" in mistake.found


@pytest.mark.parametrize("early", [0.0, 0.001, 0.1])
def test_a_frame_out_of_order_has_no_class_and_leaves_the_window_as_it_is(tmp_path, early):
    triggers = made(network(tmp_path, 6), samples=3)
    assert decisions(triggers, [scene(n / 10, pose(3)) for n in range(5)]) == [None, None, True, True, True]
    assert decisions(triggers, [scene(0.4 - early, pose(-3)), scene(0.5, pose(3))]) == [None, True]
    assert decisions(triggers, [scene(-0.1, pose(3)), scene(0, pose(3))]) == [None, None], "much earlier: anew"
