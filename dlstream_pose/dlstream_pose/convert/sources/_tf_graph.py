"""The steps before and after a DeepLabCut 2 graph, as ONNX operations: a frame in, poses out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def around(model: Any, name: str, outputs: Sequence[str], keypoints: int, stride: float, deviation: float) -> None:
    """Gives a model the input `image`, uint8 (H, W, 3) in the order blue, green, red, and the output `poses` (K, 3).

    Args:
        model: ONNX, changed in place; its input is RGB from 0 to 255, float (1, 3, H, W).
        name: of its input.
        outputs: of its score map (1, h, w, K) and its map of offsets (1, h, w, 2 K), which may be missing.
        keypoints: K.
        stride: pixels of the image for one cell.
        deviation: pixels for an offset of 1.
    """
    import onnx

    helper, graph = onnx.helper, model.graph
    nodes: list[Any] = []

    def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(output: str, value: Any) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), output))
        return output

    node("Gather", ["image", constant("dls_rgb", np.array([2, 1, 0]))], "dls_rgb_image", axis=2)
    node("Transpose", ["dls_rgb_image"], "dls_channels", perm=[2, 0, 1])
    node("Cast", ["dls_channels"], "dls_float", to=onnx.TensorProto.FLOAT)
    node("Unsqueeze", ["dls_float", constant("dls_first", np.array([0]))], name)
    before, nodes = nodes, []

    _decode(node, constant, outputs, keypoints, stride, deviation)
    whole = [*before, *graph.node, *nodes]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(whole)
    graph.input.append(helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["height", "width", 3]))
    graph.output.append(helper.make_tensor_value_info("poses", onnx.TensorProto.FLOAT, [keypoints, 3]))


def _decode(node: Any, constant: Any, outputs: Sequence[str], keypoints: int, stride: float, deviation: float) -> None:
    """The best cell: x = column * stride + stride / 2 + offset_x * deviation, and so y; confidence is the maximum."""
    node("Reshape", [outputs[0], constant("dls_flat", np.array([-1, keypoints]))], "dls_scores")
    node("ArgMax", ["dls_scores"], "dls_place_row", axis=0, keepdims=1)
    node("ReduceMax", ["dls_scores"], "dls_confidence_row", axes=[0], keepdims=1)
    node("Transpose", ["dls_place_row"], "dls_place")
    node("Transpose", ["dls_confidence_row"], "dls_confidence")
    node("Shape", [outputs[0]], "dls_columns", start=2, end=3)
    node("Div", ["dls_place", "dls_columns"], "dls_row")
    node("Mod", ["dls_place", "dls_columns"], "dls_column")
    node("Concat", ["dls_column", "dls_row"], "dls_cell", axis=1)
    node("Cast", ["dls_cell"], "dls_cell_float", to=1)
    node("Mul", ["dls_cell_float", constant("dls_stride", np.float32(stride))], "dls_corner")
    point = node("Add", ["dls_corner", constant("dls_half", np.float32(stride / 2))], "dls_middle")
    if len(outputs) > 1:
        node("Reshape", [outputs[1], constant("dls_pairs", np.array([-1, keypoints, 2]))], "dls_offsets")
        node("Transpose", ["dls_offsets"], "dls_offsets_each", perm=[1, 0, 2])
        node("Unsqueeze", ["dls_place", constant("dls_last", np.array([2]))], "dls_place_one")
        node("Expand", ["dls_place_one", constant("dls_two", np.array([1, 1, 2]))], "dls_index")
        node("GatherElements", ["dls_offsets_each", "dls_index"], "dls_chosen", axis=1)
        node("Squeeze", ["dls_chosen", constant("dls_second", np.array([1]))], "dls_offset")
        node("Mul", ["dls_offset", constant("dls_deviation", np.float32(deviation))], "dls_shift")
        point = node("Add", [point, "dls_shift"], "dls_refined")
    node("Concat", [point, "dls_confidence"], "poses", axis=1)
