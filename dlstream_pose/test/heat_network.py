"""A network with one keypoint, the brightest pixel, and a heat map that it is taken from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

from dlstream_pose import NetworkInfo, Source
from dlstream_pose.runtime.network_info import METADATA_KEY

WIDTH, HEIGHT = 64, 48


def write_heat_network(path: Path, curved: bool, aside: float = 0.0) -> Path:
    """Writes the network file.

    Args:
        curved: whether the map goes through a sigmoid to become a confidence.
        aside: pixels by which the keypoint is to the right of the map's maximum.
    """
    kinds, node = onnx.TensorProto, onnx.helper.make_node
    gain, bias = (0.04, -5.0) if curved else (1 / 255, 0.0)
    floats = {"gain": np.array(gain), "bias": np.array(bias), "middle": np.array(0.5), "right": np.array(0.5 + aside)}
    whole = {"map": [1, HEIGHT, WIDTH], "row": [1, HEIGHT * WIDTH], "width": [WIDTH]}
    nodes = [
        node("Cast", ["image"], ["float"], to=kinds.FLOAT),
        node("ReduceMean", ["float"], ["grey"], axes=[2], keepdims=0),
        node("Mul", ["grey", "gain"], ["scaled"]),
        node("Add", ["scaled", "bias"], ["moved"]),
        node("Reshape", ["moved", "map"], ["heat"]),
        node("Reshape", ["heat", "row"], ["flat"]),
        node("ArgMax", ["flat"], ["place"], axis=1, keepdims=1),
        node("Mod", ["place", "width"], ["column"]),
        node("Div", ["place", "width"], ["line"]),
        node("Cast", ["column"], ["left"], to=kinds.FLOAT),
        node("Cast", ["line"], ["top"], to=kinds.FLOAT),
        node("Add", ["left", "right"], ["x"]),
        node("Add", ["top", "middle"], ["y"]),
        node("ReduceMax", ["flat"], ["peak"], axes=[1], keepdims=1),
        node("Sigmoid" if curved else "Identity", ["peak"], ["confidence"]),
        node("Concat", ["x", "y", "confidence"], ["poses"], axis=1),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "heat",
        [onnx.helper.make_tensor_value_info("image", kinds.UINT8, [HEIGHT, WIDTH, 3])],
        [onnx.helper.make_tensor_value_info("poses", kinds.FLOAT, [1, 3])],
        [
            *(numpy_helper.from_array(value.astype(np.float32), name) for name, value in floats.items()),
            *(numpy_helper.from_array(np.array(value), name) for name, value in whole.items()),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    info = NetworkInfo(
        keypoints=("light",),
        stride=1.0,
        decoder="heatmap",
        input_size=(WIDTH, HEIGHT),
        fit=True,
        source=Source(file="heat.txt", sha256="0" * 64, tool="test"),
    )
    onnx.helper.set_model_props(model, {METADATA_KEY: info.model_dump_json()})
    onnx.save(model, path)
    return path


def light(x: int, y: int, grey: int = 200) -> np.ndarray:
    """A dark picture (48, 64, 3) with a small light; grey 0: without it."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(picture, (x, y), 2, (grey, grey, grey), -1)
    return picture
