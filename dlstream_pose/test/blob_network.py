"""A network of three convolutions, which finds a bright and a dark blob: small enough to be quantised in a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

from dlstream_pose import NetworkInfo, Source
from dlstream_pose.convert import Sample
from dlstream_pose.runtime.network_info import METADATA_KEY

WIDTH, HEIGHT = 64, 48
LAYERS = ("blur", "mix", "pick")
_LOUD = 4000.0
"""What a channel that nobody needs gives: with it, 8 bits are too coarse for the other channels."""


def write_blob_network(
    path: Path,
    keypoints: tuple[str, str] = ("bright", "dark"),
    loud: bool = False,
    sure_from: float = 0.08,
    leaves_out: float = 0.0,
    no_number: float = 0.0,
) -> Path:
    """Writes the network file.

    Args:
        keypoints: names of the bright and of the dark blob.
        loud: whether `mix` has a loud channel, so that int8 hurts in `mix` and `pick`.
        sure_from: contrast of a blob from which the confidence is above 0.5.
        leaves_out: confidence below which it gives no place.
        no_number: confidence below which it gives NaN as the confidence.
    """
    kinds, node = onnx.TensorProto, onnx.helper.make_node
    line = np.exp(-((np.arange(5) - 2.0) ** 2) / 4)
    blur = np.outer(line, line) / line.sum() ** 2
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    floats = {
        "scale": np.array(255.0),
        "first": np.stack([blur, -blur])[:, None],
        "middle": np.array(0.45),
        "second": np.array([[1, 0.02], [0.02, 1], [0, 0]])[:, :, None, None],
        "second_bias": np.array([0, 0, _LOUD if loud else 0.3]),
        "third": np.array([[1, 0.03, 0], [0.03, 1, 0]])[:, :, None, None],
        "sharpness": np.array(80.0),
        "grid": np.stack([columns.ravel(), rows.ravel()], axis=1),
        "steepness": np.array(40.0),
        "sure_from": np.array(sure_from),
        "leaves_out": np.array(leaves_out),
        "no_number": np.array(no_number),
        "nowhere": np.array(np.nan),
    }
    whole = {"row": [1, 1, HEIGHT, WIDTH], "flat": [2, HEIGHT * WIDTH]}
    nodes = [
        node("Cast", ["image"], ["float"], to=kinds.FLOAT),
        node("ReduceMean", ["float"], ["grey"], axes=[2], keepdims=0),
        node("Reshape", ["grey", "row"], ["pixels"]),
        node("Div", ["pixels", "scale"], ["bright"]),
        node("Sub", ["bright", "middle"], ["contrast"]),
        node("Conv", ["contrast", "first"], ["blurred"], "blur", pads=[2, 2, 2, 2]),
        node("Relu", ["blurred"], ["sides"]),
        node("Conv", ["sides", "second", "second_bias"], ["mixed"], "mix"),
        node("Conv", ["mixed", "third"], ["heat"], "pick"),
        node("Reshape", ["heat", "flat"], ["maps"]),
        node("Mul", ["maps", "sharpness"], ["sharp"]),
        node("Softmax", ["sharp"], ["weights"], axis=1),
        node("MatMul", ["weights", "grid"], ["places"]),
        node("ReduceMax", ["maps"], ["peak"], axes=[1], keepdims=1),
        node("Sub", ["peak", "sure_from"], ["above"]),
        node("Mul", ["above", "steepness"], ["steep"]),
        node("Sigmoid", ["steep"], ["confidence"]),
        node("Less", ["confidence", "leaves_out"], ["unseen"]),
        node("Where", ["unseen", "nowhere", "places"], ["seen"]),
        node("Less", ["confidence", "no_number"], ["broken"]),
        node("Where", ["broken", "nowhere", "confidence"], ["said"]),
        node("Concat", ["seen", "said"], ["poses"], axis=1),
    ]
    return save_network(path, nodes, floats, whole, keypoints, edges=((0, 1),))


def save_network(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    floats: Mapping[str, np.ndarray],
    whole: Mapping[str, Sequence[int]],
    keypoints: tuple[str, ...],
    edges: tuple[tuple[int, int], ...] = (),
) -> Path:
    """Writes a network that makes "poses" (keypoints, 3) of "image" (48, 64, 3), with these floats, by name."""
    kinds = onnx.TensorProto
    graph = onnx.helper.make_graph(
        nodes,
        path.stem,
        [onnx.helper.make_tensor_value_info("image", kinds.UINT8, [HEIGHT, WIDTH, 3])],
        [onnx.helper.make_tensor_value_info("poses", kinds.FLOAT, [len(keypoints), 3])],
        [
            *(numpy_helper.from_array(value.astype(np.float32), name) for name, value in floats.items()),
            *(numpy_helper.from_array(np.array(value), name) for name, value in whole.items()),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    info = NetworkInfo(
        keypoints=keypoints,
        edges=edges,
        stride=1.0,
        decoder="heatmap",
        input_size=(WIDTH, HEIGHT),
        fit=True,
        source=Source(file=f"{path.stem}.txt", sha256="0" * 64, tool="test"),
    )
    onnx.helper.set_model_props(model, {METADATA_KEY: info.model_dump_json()})
    onnx.save(model, path)
    return path


def blob_picture(random: np.random.Generator, contrast: float = 1.0, noise: float = 3.0) -> np.ndarray:
    """A grey picture (48, 64, 3) with a bright blob in its left half, and a dark one in its right half."""
    picture = random.normal(115, noise, (HEIGHT, WIDTH))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for height, left in ((130.0, 0), (-110.0, WIDTH // 2)):
        x, y = left + random.uniform(6, WIDTH // 2 - 6), random.uniform(6, HEIGHT - 6)
        picture += contrast * height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    return cv2.merge([np.clip(picture, 0, 255).astype(np.uint8)] * 3)


def blob_samples(count: int, seed: int = 1, contrast: float = 1.0, name: str = "blobs.mp4") -> list[Sample]:
    """Pictures as a converter reads them from a video."""
    random = np.random.default_rng(seed)
    return [Sample(blob_picture(random, contrast), f"{name}, frame {n}") for n in range(count)]


def write_blob_video(path: Path, count: int = 60, seed: int = 2, contrast: float = 1.0) -> Path:
    """The same as a file; lossless, so that small blobs stay what they are."""
    random = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for _ in range(count):
        writer.write(blob_picture(random, contrast))
    writer.release()
    return path
