"""A network for tests, whose answer everyone can tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlstream_pose import NetworkInfo, Source
from dlstream_pose.runtime.network_info import METADATA_KEY

INFO = NetworkInfo(
    keypoints=("brightest", "darkest"),
    edges=((0, 1),),
    stride=1.0,
    decoder="spot",
    input_size=(64, 48),
    source=Source(file="spot.txt", sha256="0" * 64, tool="test"),
)


def write_spot_network(path: Path, metadata: str | None = INFO.model_dump_json()) -> Path:
    """A whole network in a few operations: finds the brightest and the darkest pixel.

    Their confidence is the brightness, and one minus it.
    """
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    half = [f"{name}_{kind}" for kind in ("max", "min") for name in ("place", "column", "row", "value", "pose")]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=kinds.FLOAT),
        helper.make_node("ReduceSum", ["float", "last"], ["grey"], keepdims=0),
        helper.make_node("Shape", ["image"], ["width"], start=1, end=2),
        helper.make_node("Reshape", ["grey", "flat"], ["pixels"]),
        helper.make_node("Div", ["pixels", "full"], ["bright"]),
        helper.make_node("Sub", ["one", "bright"], ["dark"]),
    ]
    for kind, values in (("max", "bright"), ("min", "dark")):
        place, column, row, value, pose = half[:5] if kind == "max" else half[5:]
        nodes += [
            helper.make_node("ArgMax", [values], [place], axis=0, keepdims=1),
            helper.make_node("Mod", [place, "width"], [f"{column}_int"]),
            helper.make_node("Div", [place, "width"], [f"{row}_int"]),
            helper.make_node("Cast", [f"{column}_int"], [column], to=kinds.FLOAT),
            helper.make_node("Cast", [f"{row}_int"], [row], to=kinds.FLOAT),
            helper.make_node("Gather", [values, place], [value]),
            helper.make_node("Concat", [column, row, value], [f"{pose}_flat"], axis=0),
            helper.make_node("Reshape", [f"{pose}_flat", "single"], [pose]),
        ]
    nodes.append(helper.make_node("Concat", [half[4], half[9]], ["poses"], axis=0))
    constants = {
        "last": np.array([2]),
        "flat": np.array([-1]),
        "single": np.array([1, 3]),
        "full": np.array(765.0, np.float32),
        "one": np.array(1.0, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "spot",
        [helper.make_tensor_value_info("image", kinds.UINT8, ["height", "width_", 3])],
        [helper.make_tensor_value_info("poses", kinds.FLOAT, [2, 3])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if metadata is not None:
        helper.set_model_props(model, {METADATA_KEY: metadata})
    onnx.save(model, path)
    return path
