"""The road: choose frames, make the graph, prove it with each engine, and only then write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from dlstream_common import DlstreamError, NetworkError
from dlstream_pose.convert._file import free, label, write
from dlstream_pose.convert._frames import Sample
from dlstream_pose.convert.precision._distance import Distance, Poses, distance, poses_of
from dlstream_pose.convert.precision._graphs import Int8, fp16, layers_of, load
from dlstream_pose.convert.precision._labels import Labels, error_by, read_labels
from dlstream_pose.convert.precision._reading import read_spread
from dlstream_pose.convert.precision._search import fewest_kept
from dlstream_pose.convert.precision._selection import Selection, select
from dlstream_pose.convert.progress import Tell, shown, silent
from dlstream_pose.runtime._fit import fitted
from dlstream_pose.runtime.engines import NotInstalled
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo
from dlstream_pose.runtime.precision import LabelError, Precision, PrecisionName, PrecisionProof, described

ENGINES_OF: dict[str, tuple[str, ...]] = {
    "bf16": ("openvino",),
    "fp16": ("onnx", "openvino", "cuda", "tensorrt"),
    "int8": ("onnx", "openvino", "tensorrt"),
}
"""The engines that can compute each precision; a file is proved with those that are installed."""
Make = Callable[[frozenset[str]], Any]
"""Makes the graph that keeps these layers in single precision."""
_PX = "px"
"""Stands in the reason of an engine that ran, and was beyond the limits."""
_MARGIN = 0.8
"""Of the limit: what the search for layers aims at, since the frames of the proof are others."""
_SEARCHED = 16
"""Frames on which the search compares, at most."""


@dataclass(frozen=True)
class Limits:
    """What the proof allows: p99 of the distance in pixels of the network's image, and percent worse by labels."""

    pixels: float = 1.0
    percent: float = 1.0


@dataclass(frozen=True)
class _Exact:
    """The file in single precision, and what it gives."""

    network: Network
    frames: list[Sample]
    poses: list[Poses]
    labels: Labels | None
    label_error: tuple[int, float] | None
    scale: float | None


def quantize(
    source: Path,
    output: Path,
    name: PrecisionName,
    frames: Selection,
    limits: Limits = Limits(),
    labels: Labels | None = None,
    search: bool = True,
    tell: Tell = silent,
    scale: float | None = None,
) -> tuple[Precision, list[str]]:
    """Writes a network file of less precision, if it is proved harmless.

    Args:
        source: a network file in single precision.
        output: the file to write (.onnx), another than the source.
        name: bf16, fp16 or int8.
        frames: of the size that the network looks at.
        limits: beyond them nothing is written.
        labels: made by hand, for the error of both.
        search: whether layers that hurt may stay in single precision.
        tell: called with the progress.
        scale: of the labelled images, as for `Estimator`; None: the file's own.

    Returns:
        The proofs as the file holds them, and why engines that are not among them failed.

    Raises:
        NetworkError: no engine stays within the limits: which keypoint on which frame; or the file can't be quantised.
    """
    output = free(output)
    if output.exists() and output.samefile(source):
        raise NetworkError(f"{output}: is the source itself; name another file to write, so that both can be compared")
    reference = Network(source, 1, "onnx")
    info = reference.info
    if info.precision is not None:
        raise NetworkError(f"{source}: found a network in {info.precision.name}; expected one in single precision")
    if info.detector is not None:
        raise NetworkError(f"{source}: found a network with a detector; only networks without one can be quantised")
    poses = poses_of(reference, frames.proof, "single precision", tell)
    labelled = error_by(labels, Estimator(reference, scale)) if labels else None
    exact = _Exact(reference, frames.proof, poses, labels, labelled, scale)
    model = load(source)
    about = Precision(
        name=name,
        made_from=reference.sha256,
        calibration=len(frames.calibration) if name == "int8" else 0,
        calibrated_on=_origin(frames.calibration) if name == "int8" else "",
        layers=len(layers_of(model)),
        within=limits.pixels,
        within_labels=limits.percent,
    )
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "network.onnx"
        make: Make = (lambda keep: model) if name == "bf16" else _maker(name, model, frames, info, Path(folder), tell)

        def proved(about: Precision) -> tuple[list[PrecisionProof], list[str]]:
            onnx.save(make(frozenset(about.kept)), draft)
            label(draft, info.model_copy(update={"precision": about}))
            return _proved(draft, exact, limits, ENGINES_OF[name], tell)

        proofs, failures = proved(about)
        if not proofs and search and name != "bf16" and any(_PX in failure for failure in failures):
            kept = _kept(make, exact, frames, about, limits, draft, tell)
            about = about.model_copy(update={"kept": tuple(item for item in layers_of(model) if item in kept)})
            proofs, failures = proved(about)
        if not proofs:
            raise NetworkError(f"{source}: {name} is not harmless: {'; '.join(failures)}. Nothing was written")
        about = about.model_copy(update={"proofs": tuple(proofs)})
        label(draft, info.model_copy(update={"precision": about}))
        write(draft, output)
    return about, failures


def _maker(name: str, model: Any, frames: Selection, info: NetworkInfo, folder: Path, tell: Tell) -> Make:
    if name == "fp16":
        return partial(fp16, model)
    tell(f"calibrating on {len(frames.calibration)} frames", 0, 0)
    fit = partial(_fitted, info.input_size) if info.fit and info.input_size else np.ascontiguousarray
    return Int8(model, frames.calibration, folder, fit).graph


def _fitted(size: tuple[int, int], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return fitted(image, size)[0]


def _kept(
    make: Make,
    exact: _Exact,
    frames: Selection,
    about: Precision,
    limits: Limits,
    draft: Path,
    tell: Tell,
) -> frozenset[str]:
    """The layers that stay in single precision. The search looks at none of the frames of the proof."""
    info = exact.network.info
    few = frames.calibration[:: max(1, -(-len(frames.calibration) // _SEARCHED))]
    expected = poses_of(exact.network, few, "single precision", silent)

    def hurt(keep: frozenset[str]) -> float:
        onnx.save(make(keep), draft)
        label(draft, info)
        return distance(info, few, expected, poses_of(Network(draft, 1, "onnx"), few, "", silent)).p99

    kept = fewest_kept(layers_of(load(exact.network.path)), hurt, limits.pixels * _MARGIN, tell)
    if kept is None:
        raise NetworkError(
            f"{exact.network.path}: {about.name} is not harmless: with any of the {about.layers} layers in "
            f"{about.name} the p99 is above {limits.pixels * _MARGIN:g} px on the frames of the calibration. "
            "Nothing was written"
        )
    return kept


def _proved(
    draft: Path, exact: _Exact, limits: Limits, engines: Sequence[str], tell: Tell
) -> tuple[list[PrecisionProof], list[str]]:
    """The proofs of the engines that stay within the limits, and what the others did, in words."""
    proofs, failures = [], []
    info = exact.network.info
    for engine in engines:
        try:
            network = Network(draft, 1, engine)
        except NotInstalled as error:
            failures.append(str(error))
            continue
        except NetworkError as error:
            failures.append(f"engine {engine} does not load it: {str(error).partition(': ')[2]}")
            continue
        found = distance(info, exact.frames, exact.poses, poses_of(network, exact.frames, f"proving {engine}", tell))
        by_hand = None
        if exact.labels and exact.label_error:
            tell(f"labels, {engine}", 0, 0)
            points, error_fp32 = exact.label_error
            by_hand = LabelError(
                points=points,
                fp32=round(error_fp32, 4),
                error=round(error_by(exact.labels, Estimator(network, exact.scale))[1], 4),
            )
        if reason := _beyond(found, by_hand, limits):
            failures.append(f"engine {engine}: {reason}")
            continue
        proofs.append(_proof(found, engine, network.engine.description, _origin(exact.frames), by_hand))
    return proofs, failures


def _proof(found: Distance, engine: str, library: str, on: str, labels: LabelError | None) -> PrecisionProof:
    values = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(found).items()}
    return PrecisionProof(engine=engine, library=library, on=on, labels=labels, **values)


def _beyond(found: Distance, labels: LabelError | None, limits: Limits) -> str:
    if np.isinf(found.worst):
        return f"an animal is found in only one of the two precisions: {found.worst_at}; expected it in both, in px"
    if found.p99 > limits.pixels:
        return (
            f"p99 of the distance to single precision is {found.p99:.3f} px, expected at most {limits.pixels:g} "
            f"(--within): worst {found.worst_at}: {found.worst:.2f} px apart"
        )
    if labels and labels.percent > limits.percent:
        return (
            f"by {labels.points} labels the error is {labels.error:.3f} px, in single precision {labels.fp32:.3f}: "
            f"{labels.percent:.2f} % worse, expected at most {limits.percent:g} (--within-labels); farthest from "
            f"single precision {found.worst_at}"
        )
    return ""


def _origin(samples: Sequence[Sample]) -> str:
    return ", ".join(dict.fromkeys(sample.name.partition(",")[0] for sample in samples))


def main(arguments: Sequence[str] | None = None) -> None:
    """`dlstream network quantize`."""
    parser = argparse.ArgumentParser(
        prog="quantize", description="Give a network file less precision, proved harmless on your own frames."
    )
    parser.add_argument("file", type=Path, help="network file in single precision (.onnx)")
    parser.add_argument("output", type=Path, nargs="?", help="file to write (default: FILE with .int8.onnx)")
    parser.add_argument("--precision", choices=list(ENGINES_OF), required=True, help="precision to compute in")
    add_arguments(parser)
    given = parser.parse_args(arguments)
    try:
        output = given.output or given.file.with_suffix(f".{given.precision}.onnx")
        with shown() as tell:
            about, failures = from_arguments(given, given.file, output, tell)
    except DlstreamError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    print("\n".join([*described(about), *(f"not proved: {text}" for text in failures)]))
    print(f"written: {output}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that `quantize` has; `convert` has `--frames` already."""
    parser.add_argument("--frames", type=Path, nargs="+", required=True, help="your videos: to calibrate, and to prove")
    parser.add_argument("--proof", type=Path, nargs="+", default=[], help="videos to prove on, in place of --frames")
    parser.add_argument("--count", type=int, default=300, help="frames from each video (default 300)")
    parser.add_argument("--calibration", type=int, default=40, help="how many of them calibrate (default 40)")
    parser.add_argument("--labels", type=Path, help="DeepLabCut's labels beside their images: a folder or a .csv")
    parser.add_argument("--within", type=float, default=1.0, help="largest p99 of the distance, px (default 1)")
    parser.add_argument("--within-labels", type=float, default=1.0, help="percent worse by labels (default 1)")
    parser.add_argument("--scale", type=float, help="as in `convert` (default: the file's own)")
    parser.add_argument("--no-search", action="store_true", help="all layers in less precision, or none")


def from_arguments(given: argparse.Namespace, source: Path, output: Path, tell: Tell) -> tuple[Precision, list[str]]:
    """Quantises as the options say."""
    scale = given.scale or Network(source, 1, "onnx").info.scale or 1.0
    frames = select(read_spread(given.frames, given.count, scale, tell), given.calibration)
    if given.proof:
        frames = Selection(frames.calibration, read_spread(given.proof, given.count, scale, tell))
    labels = read_labels(given.labels) if given.labels else None
    limits = Limits(given.within, given.within_labels)
    return quantize(source, output, given.precision, frames, limits, labels, not given.no_search, tell, given.scale)
