"""What the tests of replays share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av

EXPERIMENT = """\
experiment: left
camera: top
regions: {left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}}
triggers: {in_left: {type: region, region: left, keypoints: [neck]}}
protocol:
  type: region_trials
  trials: {left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}}
  lockout: 0
"""


def write_video(path: Path, images: Iterable[Any], rate: int = 10) -> None:
    """A session's own video, of images of 320x240."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "bgr0"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="bgr0")))
        container.mux(stream.encode(None))
