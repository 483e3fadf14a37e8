"""How near an analysis comes to its slower half: `dlstream-env python test/bench_track.py VIDEO NETWORK`.

Each round times decoding alone, inference alone, and `analyze` and `track` with and without their videos. The machine
must be idle. Prints the median of the rounds, and its ratio to the slower of the two halves.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from dlstream.offline.analyze import Options, analyze
from dlstream.offline.track.run import make_settings, track
from dlstream_common.video import VideoFrame, open_frames
from dlstream_pose import Estimator

EXPERIMENT = """\
experiment: half
camera: top
regions: {left: {type: rectangle, left: 0, top: 0, right: 100, bottom: 100}}
triggers: {in_left: {type: region, region: left, keypoints: [KEYPOINT]}}
protocol:
  type: region_trials
  trials: {left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}}
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("network", type=Path)
    parser.add_argument("--threads", type=int, default=0, help="cores for the network; 0: all")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    estimator = Estimator(given.network, threads=given.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        experiment = folder / "half.yaml"
        experiment.write_text(EXPERIMENT.replace("KEYPOINT", estimator.info.keypoints[0]))
        frames = [item.image for item in open_frames(given.video).frames() if isinstance(item, VideoFrame)]
        for image in frames[:5]:
            estimator.estimate(image)

        def analysis(video: bool) -> None:
            options = Options(given.network, experiment, threads=given.threads, video=video)
            with tempfile.TemporaryDirectory(dir=folder) as out:
                analyze(given.video, Path(out), options, Console(file=io.StringIO()))

        def tracking(video: bool) -> None:
            console = Console(file=io.StringIO())
            with tempfile.TemporaryDirectory(dir=folder) as out:
                settings = make_settings(
                    given.network, None, 0.0, "auto", given.threads, Path(out), video, False, False, console
                )
                track([given.video], settings, console)

        steps: dict[str, Callable[[], object]] = {
            "decode": lambda: sum(1 for _ in open_frames(given.video).frames()),
            "infer": lambda: [estimator.estimate(image) for image in frames],
            "analyze --no-annotate": lambda: analysis(False),
            "analyze": lambda: analysis(True),
            "track --no-annotate": lambda: tracking(False),
            "track": lambda: tracking(True),
        }
        analysis(False)  # loads and compiles what only the first run has to
        speeds: dict[str, list[float]] = {step: [] for step in steps}
        for _ in range(given.rounds):
            for step, run in steps.items():
                began = time.perf_counter()
                run()
                speeds[step].append(len(frames) / (time.perf_counter() - began))
    rates = {step: statistics.median(found) for step, found in speeds.items()}
    slower = min(rates["decode"], rates["infer"])
    for step, rate in rates.items():
        print(f"{step:24} {rate:8.1f} frames/s  {rate / slower:5.2f}  {[round(one, 1) for one in speeds[step]]}")


if __name__ == "__main__":
    main()
