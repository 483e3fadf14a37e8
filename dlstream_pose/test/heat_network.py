"""A network with one keypoint, the brightest pixel, and a heat map that it is taken from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from blob_network import HEIGHT, WIDTH, save_network


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
    return save_network(path, nodes, floats, whole, ("light",))


def light(x: int, y: int, grey: int = 200) -> np.ndarray:
    """A dark picture (48, 64, 3) with a small light; grey 0: without it."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(picture, (x, y), 2, (grey, grey, grey), -1)
    return picture
