"""Writes config/networks/demo_behaviour.onnx: a behaviour classifier whose answer can be worked out by hand.

The probability that an animal is stretched, from the mean distance between its snout and its tail base over the poses
of a window: 1 / (1 + exp(-(distance - 90) / 5)), in pixels. It stands where a network trained on real behaviour goes.

.venv/bin/dlstream-env python tools/make_demo_classifier.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TARGET = Path(__file__).resolve().parent.parent / "config" / "networks" / "demo_behaviour.onnx"
HALF, WIDTH = 90.0, 5.0
"""Pixels at which it is as likely as not, and over which that changes."""


def main() -> None:
    """Writes the network."""
    values = {"two": [2.0], "half": [HALF], "width": [WIDTH], "one": [1.0]}
    constants = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in values.items()]
    constants += [numpy_helper.from_array(np.array([axis], np.int64), f"axis_{axis}") for axis in (1, 2)]
    nodes = [
        helper.make_node("Pow", ["features", "two"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "axis_2"], ["sums"], keepdims=0),
        helper.make_node("Sqrt", ["sums"], ["distances"]),
        helper.make_node("ReduceMean", ["distances", "axis_1"], ["distance"], keepdims=1),
        helper.make_node("Sub", ["distance", "half"], ["above"]),
        helper.make_node("Div", ["above", "width"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["stretched"]),
        helper.make_node("Sub", ["one", "stretched"], ["other"]),
        helper.make_node("Concat", ["other", "stretched"], ["probabilities"], axis=1),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "samples", 2])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])
    graph = helper.make_graph(nodes, "stretched", [features], [probabilities], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, TARGET)


if __name__ == "__main__":
    main()
