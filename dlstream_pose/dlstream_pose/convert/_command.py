"""The converter's command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dlstream_common import DlstreamError, NetworkError
from dlstream_pose.convert._arguments import edge, scale, size, whole
from dlstream_pose.convert._convert import convert
from dlstream_pose.convert._frames import frames_of
from dlstream_pose.convert.precision import ENGINES_OF, SPREAD, add_proof_arguments, quantize_as_given
from dlstream_pose.convert.progress import shown

_SCALE_HELP = (
    "size of the images that the network was trained on, relative to the camera's, such as 0.5: the --frames are "
    "resized by it, and the network file stores it (default: 1, not stored)"
)


def default_output(source: Path) -> Path:
    """The network file beside its source."""
    source = source.absolute()  # . has no name
    if not source.name:
        raise NetworkError(f"{source}: no name for the network file follows from it; name the file to write (.onnx)")
    return source.with_name(source.name + ".onnx") if source.is_dir() else source.with_suffix(".onnx")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `ros2 run dlstream_pose convert`."""
    parser = argparse.ArgumentParser(
        prog="convert",
        description="Convert a trained network into a network file for dlstream, and compare the two.",
    )
    parser.add_argument("source", type=Path, help="DeepLabCut's .pt file or folder (.pb), or SLEAP's model folder")
    parser.add_argument("output", type=Path, nargs="?", help="network file to write (default: SOURCE with .onnx)")
    parser.add_argument("--frames", type=Path, nargs="+", default=[], help="videos or images to compare on")
    parser.add_argument("--count", type=whole(1, 20), default=20, help="frames from each video (default 20)")
    parser.add_argument("--scale", type=scale, help=_SCALE_HELP)
    parser.add_argument("--edges", type=edge, nargs="+", default=[], help="skeleton: pairs like snout:neck")
    parser.add_argument("--input-size", type=size, help="size that the network was trained on, like 320x240")
    parser.add_argument("--individuals", type=whole(1, 2), help="largest number of animals, if the source does not say")
    parser.add_argument(
        "--precision",
        choices=["fp32", *ENGINES_OF],
        default="fp32",
        help="also write a file of less precision beside it, as `quantize` does; needs --frames",
    )
    add_proof_arguments(parser.add_argument_group("the proof of less precision, as of `quantize`"))
    given = parser.parse_args(arguments)
    try:
        if given.precision != "fp32" and not given.frames:
            raise NetworkError(f"--precision {given.precision}: found no --frames; expected videos to prove it on")
        output = given.output or default_output(given.source)
        with shown() as tell:
            frames = frames_of(given.frames, given.count, given.scale or 1.0, tell)
            trained, individuals = given.input_size, given.individuals
            report = convert(given.source, output, frames, given.edges, trained, individuals, tell, given.scale)
        print(report)
        print(f"written: {output}")
        if given.precision != "fp32":
            with shown() as tell:
                text = quantize_as_given(given, output, None, max(given.count, SPREAD), tell)
            print(text)
    except DlstreamError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
