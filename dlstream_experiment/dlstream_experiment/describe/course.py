"""The course of a protocol as plain data, for pages that draw it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlstream_experiment.model.experiment import Experiment


def course(experiment: Experiment) -> Mapping[str, Any]:
    """The protocol as data: its diagram, the same in sentences, and how long a run lasts at most (seconds; null).

    With it go the virtual keypoints, each as the weights of its keypoints, for who draws poses.
    """
    protocol = experiment.protocol
    diagram = protocol.diagram()
    return {
        "experiment": experiment.experiment,
        "keypoints": {name: point.middle for name, point in experiment.keypoints.items()},
        "longest": protocol.longest_run(),
        "words": protocol.in_words(),
        "boxes": [
            {
                "name": box.name,
                "lines": list(box.lines),
                "kind": box.kind,
                "state": box.name if box.state is None else box.state,
            }
            for box in diagram.boxes
        ],
        "arrows": [{"start": arrow.start, "end": arrow.end, "label": arrow.label} for arrow in diagram.arrows],
    }
