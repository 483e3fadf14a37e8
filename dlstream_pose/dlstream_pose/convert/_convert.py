"""The converter: export, label, compare with the original, and only then write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError, suggest
from dlstream_pose.convert._file import free, label, write
from dlstream_pose.convert._frames import MADE_UP, Sample, textures
from dlstream_pose.convert._proof import Report, compare
from dlstream_pose.convert._source import SourceNetwork
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.convert.sources import open_source
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo


def convert(
    source: SourceNetwork | str | Path,
    output: str | Path,
    frames: Sequence[NDArray[np.uint8] | Sample] = (),
    edges: Sequence[tuple[str, str]] = (),
    input_size: tuple[int, int] | None = None,
    individuals: int | None = None,
    tell: Tell = silent,
    scale: float | None = None,
) -> Report:
    """Converts a trained network into a network file.

    Args:
        source: the trained network, opened, or its path: what DeepLabCut 3's `export_model` wrote (.pt), the folder
            that DeepLabCut 2's wrote (.pb and pose_cfg.yaml), or the folder in which SLEAP trained a model.
        output: the network file to write (.onnx); an existing one is replaced.
        frames: images (H, W, 3), blue, green, red, of the size that the network was trained on, for the comparison;
            without any, synthetic textures of several sizes are used.
        edges: the skeleton, as pairs of keypoint names; without any, the source's own, if it has one.
        input_size: width and height of the images that the network was trained on, if the source does not say.
        individuals: the largest number of animals, for a network that does not say.
        tell: called with the progress.
        scale: size of the images that the network was trained on, relative to the camera's; stored in the file, and
            used wherever no other scale is given.

    Raises:
        NetworkError: the source can't be converted, or the result differs from it: a seen keypoint by more than 0.1 px,
            or a confidence by more than 0.01. Then nothing is written.
    """
    output = free(Path(output))
    tell("loading the original", 0, 0)
    original = source if isinstance(source, SourceNetwork) else open_source(Path(source))
    if individuals is not None:
        original.limit(individuals)
    info = _complete(original.info, edges, input_size)
    if scale is not None:
        info = info.model_copy(update={"scale": scale})
    samples = [
        frame if isinstance(frame, Sample) else Sample(frame, f"frame {number}") for number, frame in enumerate(frames)
    ] or textures(info.input_size if info.fit else input_size)
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "network.onnx"
        tell("exporting it as ONNX", 0, 0)
        _export(original, info, draft)
        label(draft, info)
        try:
            report = compare(original, Network(draft), samples, tell)
        except NetworkError as error:
            raise NetworkError(f"{info.source.file}: {error}") from error
        label(draft, info.model_copy(update={"proof": report.proof(_origin(samples) if frames else MADE_UP)}))
        write(draft, output)
    return report


def _export(original: SourceNetwork, info: NetworkInfo, draft: Path) -> None:
    try:
        original.export(draft)
    except NetworkError:
        raise
    except Exception as error:  # exporters raise errors of any kind
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NetworkError(f"{info.source.file}: can't be exported as ONNX: {lines[0]:.300}") from error


def _origin(samples: Sequence[Sample]) -> str:
    names = dict.fromkeys(sample.name.partition(",")[0] for sample in samples if not sample.name.startswith("frame "))
    return ", ".join(names) or "given images"


def _complete(info: NetworkInfo, edges: Sequence[tuple[str, str]], input_size: tuple[int, int] | None) -> NetworkInfo:
    for name in (name for edge in edges for name in edge):
        if name not in info.keypoints:
            raise NetworkError(f"edge of the skeleton: there is no keypoint '{name}'. {suggest(name, info.keypoints)}")
    if info.fit and input_size not in (None, info.input_size):
        raise NetworkError(f"input size: found {input_size}; the network was trained on {info.input_size}")
    indices = tuple((info.keypoints.index(a), info.keypoints.index(b)) for a, b in edges)
    return info.model_copy(update={"edges": indices or info.edges, "input_size": input_size or info.input_size})
