"""The command line of quantising."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dlstream_common import DlstreamError
from dlstream_pose.convert._arguments import positive, scale, whole
from dlstream_pose.convert._frames import frames_of
from dlstream_pose.convert.precision._labels import read_labels
from dlstream_pose.convert.precision._prove import Limits
from dlstream_pose.convert.precision._quantize import ENGINES_OF, quantize
from dlstream_pose.convert.precision._selection import Selection, select, unlike
from dlstream_pose.convert.progress import Tell, shown
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.precision import Precision, described
from dlstream_pose.runtime.scale import scale_of

SPREAD = 300
"""Frames from each video, if nothing else is asked for."""


def main(arguments: Sequence[str] | None = None) -> None:
    """`dlstream network quantize`."""
    parser = argparse.ArgumentParser(
        prog="quantize", description="Give a network file less precision, proved harmless on your own frames."
    )
    parser.add_argument("file", type=Path, help="network file in single precision (.onnx)")
    parser.add_argument("output", type=Path, nargs="?", help="file to write (default: FILE with .int8.onnx)")
    parser.add_argument("--precision", choices=list(ENGINES_OF), required=True, help="precision to compute in")
    parser.add_argument("--frames", type=Path, nargs="+", required=True, help="your videos: to calibrate, and to prove")
    parser.add_argument("--count", type=whole(1, SPREAD), default=SPREAD, help="frames from each video (default 300)")
    parser.add_argument("--scale", type=scale, help="as in `convert`, stored, too (default: the file's own)")
    add_proof_arguments(parser)
    given = parser.parse_args(arguments)
    try:
        with shown() as tell:
            text = quantize_as_given(given, given.file, given.output, given.count, tell)
    except DlstreamError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    print(text)


def add_proof_arguments(parser: argparse._ActionsContainer) -> None:
    """The options of the proof, which `convert` has, too."""
    pixels, percent = positive("pixels, such as 1", 1000), positive("percent, such as 1", 1000)
    parser.add_argument("--proof", type=Path, nargs="+", default=[], help="videos to prove on, in place of --frames")
    parser.add_argument(
        "--calibration", type=whole(1, 40), default=40, help="how many of the frames calibrate (default 40)"
    )
    parser.add_argument("--labels", type=Path, help="DeepLabCut's labels beside their images: a folder or a .csv")
    parser.add_argument("--within", type=pixels, default=1.0, help="largest p99 of the distance, px (default 1)")
    parser.add_argument("--within-labels", type=percent, default=1.0, help="percent worse by labels (default 1)")
    parser.add_argument("--no-search", action="store_true", help="all layers in less precision, or none")


def quantize_as_given(given: argparse.Namespace, source: Path, output: Path | None, count: int, tell: Tell) -> str:
    """Quantises as the options say; what was proved, in words.

    Raises:
        DlstreamError: as `quantize`; or frames or labels can't be read.
    """
    output = output or source.with_suffix(f".{given.precision}.onnx")
    factor = scale_of(Network(source, 1, "onnx").info, given.scale)
    labels = read_labels(given.labels) if given.labels else None
    frames = select(frames_of(given.frames, count, factor, tell), given.calibration, proves=not given.proof)
    if given.proof:
        frames = Selection(frames.calibration, unlike(frames_of(given.proof, count, factor, tell), frames.calibration))
    limits, search = Limits(given.within, given.within_labels), not given.no_search
    about, failures = quantize(source, output, given.precision, frames, limits, labels, search, tell, given.scale)
    return _told(about, failures, output)


def _told(about: Precision, failures: Sequence[str], output: Path) -> str:
    return "\n".join([*described(about), *(f"not proved: {text}" for text in failures), f"written: {output}"])
