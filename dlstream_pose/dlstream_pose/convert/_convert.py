"""The converter: export, label, compare with the original, and only then write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import DlstreamError, NetworkError, SourceError, suggest
from dlstream_pose.convert._source import SourceNetwork, open_source
from dlstream_pose.network import METADATA_KEY, Network, NetworkInfo

SEEN = 0.1
"""Confidence from which a keypoint counts as seen."""
TOLERANCE = 0.1
"""Pixels by which a seen keypoint may differ from the original's."""
CONFIDENCE_TOLERANCE = 0.01
"""By how much a confidence may differ, seen or not."""


@dataclass(frozen=True)
class Report:
    """How a converted network compares with its original on the same frames.

    Attributes:
        frames: how many frames were compared.
        seen: how many keypoints had a confidence above 0.1.
        worst: largest distance between the two among the seen, in pixels; NaN where none was seen.
        worst_confidence: largest difference of a confidence.
    """

    frames: int
    seen: int
    worst: float
    worst_confidence: float

    def __str__(self) -> str:
        seen = f"{self.seen} seen keypoints differ by at most {self.worst:.6f} px"
        if not self.seen:
            seen = f"no keypoint was seen with a confidence above {SEEN}: give --frames that show an animal"
        return f"{self.frames} frames compared with the original: {seen}, confidences by {self.worst_confidence:.6f}"


def convert(
    source: SourceNetwork | str | Path,
    output: str | Path,
    frames: Sequence[NDArray[np.uint8]] = (),
    edges: Sequence[tuple[str, str]] = (),
    input_size: tuple[int, int] | None = None,
) -> Report:
    """Converts a trained network into a network file.

    Args:
        source: the trained network, opened, or its path, e.g. what DeepLabCut's `export_model` wrote (.pt).
        output: the network file to write (.onnx); an existing one is replaced.
        frames: images (H, W, 3), blue, green, red, of the size that the network was trained on, for the comparison;
            without any, textures of several sizes are made up.
        edges: the skeleton, as pairs of keypoint names.
        input_size: width and height of the images that the network was trained on, if known.

    Raises:
        NetworkError: the source can't be converted, or the result differs from it: a seen keypoint by more than 0.1 px,
            or a confidence by more than 0.01. Nothing is written then.
    """
    output = Path(output)
    original = source if isinstance(source, SourceNetwork) else open_source(Path(source))
    info = _complete(original.info, edges, input_size)
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "network.onnx"
        original.export(draft)
        _label(draft, info)
        report = _compare(original, Network(draft), frames or _textures())
        if report.worst > TOLERANCE or report.worst_confidence > CONFIDENCE_TOLERANCE:
            raise NetworkError(
                f"{info.source.file}: the converted network differs from its original: found {report}; expected at "
                f"most {TOLERANCE} px and {CONFIDENCE_TOLERANCE}. Nothing was written"
            )
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            partial = output.with_name(output.name + ".partial")
            partial.write_bytes(draft.read_bytes())
            partial.replace(output)
        except OSError as error:
            raise NetworkError(f"{output}: can't be written ({error.strerror})") from error
    return report


def _complete(info: NetworkInfo, edges: Sequence[tuple[str, str]], input_size: tuple[int, int] | None) -> NetworkInfo:
    for name in (name for edge in edges for name in edge):
        if name not in info.keypoints:
            raise NetworkError(f"edge of the skeleton: there is no keypoint '{name}'. {suggest(name, info.keypoints)}")
    indices = tuple((info.keypoints.index(a), info.keypoints.index(b)) for a, b in edges)
    return info.model_copy(update={"edges": indices, "input_size": input_size})


def _label(path: Path, info: NetworkInfo) -> None:
    try:
        import onnx
    except ImportError as error:
        raise NetworkError("converting a network needs the package onnx: pip install onnx onnxscript") from error
    model = onnx.load(path)
    # What exporters note for debugging: half a megabyte of stack traces, with the paths of this machine.
    del model.graph.metadata_props[:]
    for item in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.input):
        item.doc_string = ""
        del item.metadata_props[:]
    model.doc_string = ""
    onnx.helper.set_model_props(model, {METADATA_KEY: info.model_dump_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _compare(original: SourceNetwork, converted: Network, frames: Sequence[NDArray[np.uint8]]) -> Report:
    distances, confidences = [], []
    for frame in frames:
        expected, found = original.reference(frame), converted.run(frame)
        if expected.shape != found.shape:
            raise NetworkError(f"the original gives poses of shape {expected.shape}, the converted one {found.shape}")
        distance = np.hypot(*np.moveaxis(found - expected, -1, 0)[:2])
        distances.append(distance[np.maximum(expected[..., 2], found[..., 2]) > SEEN])
        confidences.append(np.abs(found - expected)[..., 2].max(initial=0.0))
    seen = np.concatenate(distances)
    if np.isnan(seen).any() or np.isnan(confidences).any():
        raise NetworkError("the converted network gives values that are not numbers")
    return Report(len(frames), len(seen), float(seen.max()) if len(seen) else float("nan"), float(max(confidences)))


def _textures() -> list[NDArray[np.uint8]]:
    """Smooth blobs on noise, in sizes that are and are not multiples of the usual strides."""
    random = np.random.default_rng(0)
    images = []
    for height, width in ((240, 320), (256, 256), (203, 317), (480, 640)):
        coarse = random.uniform(0, 255, (6, 8, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        images.append(np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8))
    return images


def _frames_of(paths: Sequence[Path], count: int, scale: float) -> list[NDArray[np.uint8]]:
    """Frames spread over videos, or images, resized by the scale."""
    frames = []
    for path in paths:
        video = cv2.VideoCapture(str(path))
        total = max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
        for number in sorted({int(place) for place in np.linspace(0, total - 1, min(count, total))}):
            video.set(cv2.CAP_PROP_POS_FRAMES, number)
            read, image = video.read()
            if read:
                frames.append(np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8))
        video.release()
        if not frames:
            raise SourceError(f"{path}: no frame could be read; expected a video or an image")
    return frames


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def _edge(text: str) -> tuple[str, str]:
    first, second = text.split(":")
    return first, second


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `ros2 run dlstream_pose convert`."""
    parser = argparse.ArgumentParser(
        prog="convert",
        description="Convert a trained network into a network file for dlstream, and compare the two.",
    )
    parser.add_argument("source", type=Path, help="what DeepLabCut 3's export_model wrote (.pt)")
    parser.add_argument("output", type=Path, help="network file to write (.onnx)")
    parser.add_argument("--frames", type=Path, nargs="+", default=[], help="videos or images to compare on")
    parser.add_argument("--count", type=int, default=20, help="frames of each video (default 20)")
    parser.add_argument("--scale", type=float, default=1.0, help="resize these frames by this (default 1)")
    parser.add_argument("--edges", type=_edge, nargs="+", default=[], help="skeleton: pairs like snout:neck")
    parser.add_argument("--input-size", type=_size, help="size that the network was trained on, like 320x240")
    given = parser.parse_args(arguments)
    try:
        frames = _frames_of(given.frames, given.count, given.scale)
        print(convert(given.source, given.output, frames, given.edges, given.input_size))
    except DlstreamError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    print(f"written: {given.output}")
