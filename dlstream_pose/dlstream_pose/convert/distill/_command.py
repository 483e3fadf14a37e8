"""The command line of distilling."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dlstream_common import DlstreamError
from dlstream_pose.convert._arguments import edge, positive, scale, whole
from dlstream_pose.convert.distill._distill import distill
from dlstream_pose.convert.distill._student import SIZES
from dlstream_pose.convert.precision import read_labels
from dlstream_pose.convert.progress import shown
from dlstream_pose.runtime.distillation import described


def main(arguments: Sequence[str] | None = None) -> None:
    """`dlstream network distill`."""
    given = _parser().parse_args(arguments)
    # Threads that spin while they wait are several times slower where other programs use the same cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with shown() as tell:
            about = distill(
                given.teacher,
                given.videos,
                given.out,
                given.size,
                given.minutes,
                scale=given.scale,
                count=given.count,
                held_back=given.held_back,
                proof=given.proof,
                labels=read_labels(given.labels) if given.labels else None,
                within=given.within,
                rotation=given.rotation,
                mirror=given.mirror,
                threads=given.threads,
                start=given.start,
                tell=tell,
            )
    except DlstreamError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except OSError as error:  # such as a full disk for temporary files, while the student is converted
        print(f"{error.filename or given.out}: {error.strerror or error}; the same command goes on", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"interrupted; the same command goes on ({given.out}.training)", file=sys.stderr)
        sys.exit(130)
    print("\n".join(described(about)))
    print(f"worst: {about.proof.worst_at}")
    print(f"written: {given.out}, and {given.out.with_suffix('.pt')} as DeepLabCut exports a network")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill", description="Train a small network on a large one's answers to your videos, and prove it."
    )
    parser.add_argument("teacher", type=Path, help="network file for one animal (.onnx)")
    parser.add_argument("--videos", type=Path, nargs="+", required=True, help="your videos; labels are not needed")
    parser.add_argument("--out", type=Path, required=True, help="network file to write (.onnx)")
    parser.add_argument("--size", choices=list(SIZES), default="small", help="of the student (default small)")
    minutes = positive("minutes, such as 30", 100000)
    parser.add_argument("--minutes", type=minutes, default=30.0, help="of training, at most (default 30)")
    parser.add_argument("--scale", type=scale, help="as in `convert` (default: the file's own)")
    parser.add_argument(
        "--count", type=whole(20, 2000), default=2000, help="frames of each video to learn from (default 2000)"
    )
    parser.add_argument(
        "--held-back", type=_share, default=0.25, help="share of each video, at its end, that proves (default 0.25)"
    )
    parser.add_argument("--proof", type=Path, nargs="+", default=[], help="videos that prove instead")
    parser.add_argument("--labels", type=Path, help="DeepLabCut's labels beside their images: a folder or a .csv")
    pixels = positive("pixels, such as 3", 1000)
    parser.add_argument("--within", type=pixels, help="largest median distance to the teacher, px (default: any)")
    parser.add_argument(
        "--rotation", type=_degrees, default=30.0, help="degrees by which views are turned; 180 from above (default 30)"
    )
    parser.add_argument(
        "--mirror", type=edge, nargs="+", default=[], help="mirror views, too; pairs to exchange like leftear:rightear"
    )
    parser.add_argument(
        "--start", type=Path, help="a student to begin with, of the same --size (.pt; default: the demo's, for small)"
    )
    parser.add_argument("--threads", type=whole(0, 2), default=0, help="processor threads; 0: all (default)")
    return parser


def _share(text: str) -> float:
    found = positive("a share, such as 0.25")(text)
    if found > 0.9:
        raise argparse.ArgumentTypeError(f"found '{text}'; expected a share above 0, at most 0.9, like 0.25")
    return found


def _degrees(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 180:
        raise argparse.ArgumentTypeError(f"found '{text}'; expected degrees from 0 to 180, like 30")
    return found
