"""The road: choose frames, make the graph, prove it with each engine, and only then write."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._file import free, label, write
from dlstream_pose.convert.precision._distance import Poses, distance, no_number, poses_of
from dlstream_pose.convert.precision._graphs import Int8, fp16, layers_of, load, save
from dlstream_pose.convert.precision._labels import Labels, distances_to
from dlstream_pose.convert.precision._prove import HARMLESS, Exact, Limits, Outcome, check_shown, origin, prove
from dlstream_pose.convert.precision._search import fewest_kept
from dlstream_pose.convert.precision._selection import Selection
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.runtime._fit import fitted
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo
from dlstream_pose.runtime.precision import Precision, PrecisionName
from dlstream_pose.runtime.scale import scale_of

ENGINES_OF: dict[str, tuple[str, ...]] = {
    "bf16": ("openvino",),
    "fp16": ("onnx", "openvino", "cuda", "tensorrt", "openvino_gpu"),
    "int8": ("onnx", "openvino", "tensorrt", "openvino_gpu"),
}
"""The engines that can compute each precision; a file is proved with those that are installed."""
Make = Callable[[frozenset[str]], Any]
"""Makes the graph that keeps these layers in single precision."""
_AIMS = (0.8, 0.6, 0.4)
"""Of the limit, or of what all layers do if that is less: what the search for layers aims at, one after the other,
since frames of the proof and labels are others."""
_SEARCHED = 16
"""Frames on which the search compares, at most."""


def quantize(
    source: Path,
    output: Path,
    name: PrecisionName,
    frames: Selection,
    limits: Limits = HARMLESS,
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
        scale: of the images of `frames` and of the labelled ones, as for `Estimator`; stored in the file, and used
            wherever no other scale is given. None: the file's own.

    Returns:
        The proofs as the file holds them, and why engines that are not among them failed.

    Raises:
        NetworkError: no engine stays within the limits: which keypoint on which frame; none runs here; the frames do
            not show what the network knows; or the file can't be quantised.
    """
    output = free(output)
    if output.exists() and output.samefile(source):
        raise NetworkError(f"{output}: is the source itself; name another file to write, so that both can be compared")
    exact = _exact(source, frames, labels, scale, tell)
    info = _at(exact.network.info, scale)
    model = load(source)
    about = Precision(
        name=name,
        made_from=exact.network.sha256,
        calibration=len(frames.calibration) if name == "int8" else 0,
        calibrated_on=origin(frames.calibration) if name == "int8" else "",
        layers=len(layers_of(model)),
        within=limits.pixels,
        within_labels=limits.percent,
    )
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "network.onnx"
        make: Make = (lambda keep: model) if name == "bf16" else _maker(name, model, frames, info, Path(folder), tell)

        def proved(about: Precision) -> Outcome:
            save(make(frozenset(about.kept)), draft)
            label(draft, info.model_copy(update={"precision": about}))
            return prove(draft, exact, limits, ENGINES_OF[name], tell)

        outcome = proved(about)
        if outcome.beyond and search and name != "bf16":
            hurt = _Harm(make, exact, frames, draft)
            worst = min(limits.pixels, hurt(frozenset()))
            tried = about
            for aim in _AIMS:
                kept = fewest_kept(layers_of(model), hurt, worst * aim, tell)
                if kept is None:
                    break
                tried = tried.model_copy(update={"kept": tuple(item for item in layers_of(model) if item in kept)})
                found = proved(tried)
                if len(found.proofs) > len(outcome.proofs) or not outcome.proofs:
                    about, outcome = tried, found
                if not found.beyond:
                    break
            save(make(frozenset(about.kept)), draft)
        if not outcome.proofs and not outcome.beyond:
            raise NetworkError(
                f"{source}: {name} can't be proved on this machine: {'; '.join(outcome.missing)}. Quantise on the "
                "machine that is to run it. Nothing was written"
            )
        if not outcome.proofs:
            kept_too = f", nor with {len(about.kept)} of {about.layers} layers in fp32" if about.kept else ""
            reasons = "; ".join(outcome.failures)
            raise NetworkError(f"{source}: {name} is not harmless{kept_too}: {reasons}. Nothing was written")
        about = about.model_copy(update={"proofs": outcome.proofs})
        label(draft, info.model_copy(update={"precision": about}))
        write(draft, output)
    return about, outcome.failures


def _at(info: NetworkInfo, scale: float | None) -> NetworkInfo:
    """What the file says, with the scale that it was proved at: a rig that gives none looks at the same images."""
    if scale is None or isclose(scale, scale_of(info, None), rel_tol=1e-3):
        return info
    return info.model_copy(update={"scale": scale})


def _exact(source: Path, frames: Selection, labels: Labels | None, scale: float | None, tell: Tell) -> Exact:
    """Single precision's poses, on frames that show what the network knows."""
    reference = Network(source, 1, "onnx")
    info = reference.info
    if info.precision is not None:
        raise NetworkError(f"{source}: found a network in {info.precision.name}; expected one in single precision")
    if info.detector is not None:
        raise NetworkError(f"{source}: found a network with a detector; only networks without one can be quantised")
    poses: list[Poses] = []
    for samples, what in ((frames.calibration, "of the calibration"), (frames.proof, "of the proof")):
        poses = poses_of(reference, samples, "single precision", tell)
        if at := no_number(info, samples, poses):
            raise NetworkError(
                f"{source}: a confidence is not a number in single precision: {at}. Nothing can be proved against it: "
                "convert the original again, with --frames"
            )
        check_shown(poses, samples, what)
    by_hand = distances_to(labels, Estimator(reference, scale)) if labels else None
    if by_hand:
        by_hand.check_seen("single precision")
    return Exact(reference, frames.proof, poses, by_hand, scale)


def _maker(name: str, model: Any, frames: Selection, info: NetworkInfo, folder: Path, tell: Tell) -> Make:
    if name == "fp16":
        return partial(fp16, model)
    tell(f"calibrating on {len(frames.calibration)} frames", 0, 0)
    fit = partial(_fitted, info.input_size) if info.fit and info.input_size else np.ascontiguousarray
    return Int8(model, frames.calibration, folder, fit).graph


def _fitted(size: tuple[int, int], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return fitted(image, size)[0]


class _Harm:
    """How far a graph is from single precision on a few frames of the calibration, never on those of the proof."""

    def __init__(self, make: Make, exact: Exact, frames: Selection, draft: Path) -> None:
        few = frames.calibration[:: max(1, -(-len(frames.calibration) // _SEARCHED))]
        info = exact.network.info
        expected = poses_of(exact.network, few, "single precision", silent)

        @lru_cache(None)
        def hurt(keep: frozenset[str]) -> float:
            save(make(keep), draft)
            label(draft, info)
            found = poses_of(Network(draft, 1, "onnx"), few, "", silent)
            return float("inf") if no_number(info, few, found) else distance(info, few, expected, found).p99

        self._hurt = hurt

    def __call__(self, keep: frozenset[str]) -> float:
        return self._hurt(keep)
