"""Graphs of less precision: int8 by ONNX Runtime's static quantisation; fp16 around each convolution."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dlstream_common import NetworkError
from dlstream_pose.convert._file import onnx_package
from dlstream_pose.convert._frames import Sample

LAYERS = "Conv"
"""What is computed in less precision: the convolutions, which take most of the time."""


def load(path: Path) -> Any:
    """A graph whose nodes all have names.

    Raises:
        NetworkError: it holds nothing to be computed in less precision, or is quantised already.
    """
    model = onnx_package().load(path)
    kinds = [node.op_type for node in model.graph.node]
    if "QuantizeLinear" in kinds:
        raise NetworkError(f"{path}: found a network that is quantised already; expected one in single precision")
    if LAYERS not in kinds:
        raise NetworkError(f"{path}: found no convolution; expected a network with layers to compute in less precision")
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return model


def save(model: Any, path: Path) -> None:
    """Writes a graph."""
    onnx_package().save(model, path)


def layers_of(model: Any) -> tuple[str, ...]:
    """The names of the layers that may be computed in less precision."""
    return tuple(node.name for node in model.graph.node if node.op_type == LAYERS)


class Int8:
    """Makes graphs in int8 that keep given layers in single precision; the calibration is done once.

    Weights have 7 bits, so that processors without VNNI, whose sums of two products saturate, give the same poses as
    those with it.
    """

    def __init__(self, model: Any, frames: Sequence[Sample], folder: Path, fit: Any) -> None:
        from onnxruntime.quantization import CalibrationMethod, create_calibrator

        self._model = model
        path = folder / "calibrated.onnx"
        save(model, path)
        with _quiet():
            augmented, ranges = str(folder / "augmented.onnx"), CalibrationMethod.MinMax
            calibrator = create_calibrator(path, [LAYERS], augmented, ranges, extra_options={"symmetric": False})
            calibrator.collect_data(_Reader(fit(sample.image) for sample in frames))
            self._ranges = calibrator.compute_data()
        self.layers = layers_of(model)

    def graph(self, keep: Iterable[str]) -> Any:
        """The graph in which all layers but these are int8."""
        from onnxruntime.quantization import QDQQuantizer, QuantType

        kept = set(keep)
        if kept >= set(self.layers):
            return copy.deepcopy(self._model)
        quantizer = QDQQuantizer(
            copy.deepcopy(self._model),
            True,
            True,
            QuantType.QInt8,
            QuantType.QUInt8,
            self._ranges,
            [name for name in self.layers if name not in kept],
            [],
            [LAYERS],
            {"WeightSymmetric": True, "ActivationSymmetric": False},
        )
        with _quiet():
            quantizer.quantize_model()
        quantizer.model.topological_sort()
        return quantizer.model.model


@contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime tells the root logger of each step; what fails raises."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


class _Reader:
    def __init__(self, images: Iterable[Any]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image}

    def __iter__(self) -> _Reader:
        return self

    def __next__(self) -> dict[str, Any]:
        found = self.get_next()
        if found is None:
            raise StopIteration
        return found


def fp16(model: Any, keep: Iterable[str]) -> Any:
    """The graph in which all convolutions but these compute in fp16; all else stays in single precision."""
    onnx = onnx_package()
    helper, kinds, arrays = onnx.helper, onnx.TensorProto, onnx.numpy_helper
    made = copy.deepcopy(model)
    graph, kept = made.graph, set(keep)
    weights = {item.name: item for item in graph.initializer}
    halves: set[str] = set()
    nodes = []
    for node in graph.node:
        if node.op_type != LAYERS or node.name in kept:
            nodes.append(node)
            continue
        for place, name in enumerate(node.input):
            half = f"{name}_fp16"
            node.input[place] = half
            if half in halves:
                continue
            halves.add(half)
            if name in weights:
                values = arrays.to_array(weights[name]).astype(np.float16)
                graph.initializer.append(arrays.from_array(values, half))
            else:
                nodes.append(helper.make_node("Cast", [name], [half], half, to=kinds.FLOAT16))
        exact, half = node.output[0], f"{node.output[0]}_of_fp16"
        node.output[0] = half
        nodes += [node, helper.make_node("Cast", [half], [exact], half, to=kinds.FLOAT)]
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    left = [item for item in graph.initializer if item.name in used]
    del graph.initializer[:]
    graph.initializer.extend(left)
    return made
