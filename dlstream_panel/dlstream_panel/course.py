"""The protocol's course as a page draws it: its diagram small and whole, in words, and how long a run lasts at most."""

from __future__ import annotations

import json
from typing import Any

from dlstream_common import DlstreamError
from dlstream_panel.board import Board

_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[] "), frozenset("mwMW%@")


class CourseError(DlstreamError):
    """The experiment's word on its protocol that can't be read."""


class Course:
    """Lays out what the experiment node says of its protocol."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def view(self) -> dict[str, Any]:
        """Sizes in CSS pixels; of each box also the protocol's `state` in which it is lit. Empty: nothing was said yet.

        Raises:
            CourseError: what was said is no course of a protocol.
        """
        return laid_out(self._board.course_text) if self._board.course_text else {}


def laid_out(text: str) -> dict[str, Any]:
    """See Course.view.

    Args:
        text: JSON, as the experiment node publishes it.
    """
    # Here, as the panel of a rig without an experiment needs none of it.
    from dlstream_experiment.describe.sketch import overview, sketch
    from dlstream_experiment.model.protocols import Arrow, Box, Diagram

    try:
        about = json.loads(text)
        boxes = tuple(Box(box["name"], tuple(box["lines"]), box["kind"], box["state"]) for box in about["boxes"])
        arrows = tuple(Arrow(arrow["start"], arrow["end"], arrow["label"]) for arrow in about["arrows"])
        diagram = Diagram(boxes, arrows)
        plain = {key: about[key] for key in ("experiment", "longest", "words")}
        return {**plain, "overview": _drawn(overview(diagram, width)), "whole": _drawn(sketch(diagram, width))}
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CourseError(f"the experiment's protocol: found {text[:80]!r}; expected its course as JSON") from error


def width(text: str, size: float, bold: bool) -> float:
    """About the width of a text in a browser's own letters, rather more than less."""
    units = sum(0.36 if letter in _NARROW else 0.92 if letter in _WIDE else 0.6 for letter in text)
    return units * size * (1.08 if bold else 1.0)


def _drawn(sketch: Any) -> dict[str, Any]:
    boxes = [
        {
            "name": item.name,
            "kind": item.box.kind,
            "state": item.box.state,
            "place": [*_rounded(item.corner), *_rounded(item.size)],
            "body": item.body,
            "rows": [[number, item.middles[number], lines] for number, lines in item.rows],
        }
        for item in sketch.boxes
    ]
    curves = [
        {"arrow": curve.arrow, "points": [_rounded(point) for point in curve.points], "heading": list(curve.heading)}
        for curve in sketch.curves
    ]
    return {"size": _rounded(sketch.size), "boxes": boxes, "curves": curves}


def _rounded(pair: tuple[float, float]) -> list[float]:
    return [round(value, 1) for value in pair]
