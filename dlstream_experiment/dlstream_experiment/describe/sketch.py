"""The drawing of a diagram as numbers, for whatever draws it: boxes with their wrapped texts, and curves for arrows.

Sizes in points, y downwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from textwrap import wrap

from dlstream_experiment.describe.layout import Position, Size, lay_out
from dlstream_experiment.model.protocols import Arrow, Box, Diagram

TEXT, HEAD_TEXT = 9.0, 10.5
"""Sizes of the letters."""
LINE, PAD, HEAD = 12.5, 8.0, 20.0
"""Height of a line, room beside a text, and height of a box's head."""
_WRAP = 34
_CLOSE = 30.0
_LONGEST_NAME = 22
_BESIDE = 9.0
"""Where an arrow leaves a box of the overview, beside the place where one arrives: there and back are two lines."""

Width = Callable[[str, float, bool], float]
"""The width of a text: its letters' size, and whether they are bold."""


@dataclass
class SketchedBox:
    """A box with its texts, wrapped: what is on in it, and a row for each arrow that leaves it.

    Attributes:
        rows: the number of each arrow, and its lines.
        middles: of each arrow's row, from the box's upper edge.
    """

    box: Box
    name: str
    body: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    size: Size = (0.0, 0.0)
    corner: Position = (0.0, 0.0)
    middles: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Curve:
    """An arrow's line.

    Attributes:
        points: where it begins, then two control points and an end for each piece; one point: the goal is far, and
            only written in the box.
        heading: the direction in which it arrives, (1, 0) to the right.
    """

    arrow: int
    points: Sequence[Position]
    heading: Position = (1.0, 0.0)


@dataclass(frozen=True)
class Sketch:
    """A whole drawing."""

    size: Size
    boxes: Sequence[SketchedBox]
    curves: Sequence[Curve]


def sketch(diagram: Diagram, width: Width) -> Sketch:
    """Everything that the diagram says, from left to right."""
    boxes = {box.name: _with_texts(box, diagram, width) for box in diagram.boxes}
    return _arranged(diagram, boxes)


def overview(diagram: Diagram, width: Width) -> Sketch:
    """Names only, and one arrow from a box to another, from top to bottom: for a narrow column."""
    arrows = dict.fromkeys((arrow.start, arrow.end) for arrow in diagram.arrows if arrow.start != arrow.end)
    bare = Diagram(
        tuple(Box(box.name, (), box.kind, box.state) for box in diagram.boxes),
        tuple(Arrow(start, end) for start, end in arrows),
    )
    boxes = {}
    for box in bare.boxes:
        name = box.name if len(box.name) <= _LONGEST_NAME else f"{box.name[: _LONGEST_NAME - 1]}…"
        room = width(f"▶ {name}" if box.kind == "start" else name, HEAD_TEXT, True) + 2 * PAD
        own = [number for number, arrow in enumerate(bare.arrows) if arrow.start == box.name]
        spread = {number: room * (place + 1) / (len(own) + 1) for place, number in enumerate(own)}
        middles = {number: max(3.0, along - _BESIDE) for number, along in spread.items()}
        boxes[box.name] = SketchedBox(box, name, size=(HEAD, room), middles=middles)
    lying = _arranged(bare, boxes, between=_CLOSE, head=None)
    for item in lying.boxes:
        item.size, item.corner = item.size[::-1], item.corner[::-1]
    curves = [Curve(item.arrow, [point[::-1] for point in item.points], item.heading[::-1]) for item in lying.curves]
    return Sketch(lying.size[::-1], lying.boxes, curves)


def _with_texts(box: Box, diagram: Diagram, width: Width) -> SketchedBox:
    drawn = SketchedBox(box, box.name, ["from every state, when"] if box.kind == "end" and box.lines else [])
    words = "or " if box.kind == "end" else ""
    for number, line in enumerate(box.lines):
        drawn.body += wrap(f"{words if number else ''}{line}", _WRAP, subsequent_indent="   ") or [""]
    for number, arrow in enumerate(diagram.arrows):
        if arrow.start == box.name:
            label = f"{arrow.label or 'always'} → {arrow.end}"
            drawn.rows.append((number, wrap(label, _WRAP, subsequent_indent="   ")))
    texts = [*drawn.body, *(line for _, lines in drawn.rows for line in lines)]
    room = max([width(box.name, HEAD_TEXT, True) + 6, 60.0, *(width(text, TEXT, False) for text in texts)])
    y = HEAD + (PAD * 0.6 + len(drawn.body) * LINE if drawn.body else 0) + PAD * 0.6
    for number, lines in drawn.rows:
        drawn.middles[number] = y + len(lines) * LINE / 2
        y += len(lines) * LINE + 3
    drawn.size = (room + 2 * PAD + 4, y + (PAD * 0.3 if drawn.rows or drawn.body else 0))
    return drawn


def _arranged(
    diagram: Diagram, boxes: Mapping[str, SketchedBox], between: float | None = None, head: float | None = HEAD
) -> Sketch:
    """The boxes at their places, with the curves between them; `head`: where arrows arrive; None: all along a side."""
    sizes = {name: item.size for name, item in boxes.items()}
    layout = lay_out(diagram, sizes) if between is None else lay_out(diagram, sizes, between)
    arrivals = _arrivals(diagram, layout.columns, {name: head or size[1] for name, size in sizes.items()})
    curves = []
    for number, arrow in enumerate(diagram.arrows):
        source, target = boxes[arrow.start], boxes[arrow.end]
        ahead = layout.columns[arrow.end] - layout.columns[arrow.start]
        (x, y), (to_x, to_y) = layout.boxes[arrow.start], layout.boxes[arrow.end]
        begin = (x + source.size[0] if ahead >= 0 else x, y + source.middles[number])
        goal = (to_x if ahead > 0 else to_x + target.size[0], to_y + arrivals[number])
        lanes = layout.lanes[number]
        if lanes is None:
            curves.append(Curve(number, [begin]))
            continue
        sides = (1 if ahead >= 0 else -1, -1 if ahead > 0 else 1)
        reach = 1.0 if between is None else between / 76
        curves.append(Curve(number, _smooth([begin, *lanes, goal], sides, reach), (-float(sides[1]), 0.0)))
    for name, item in boxes.items():
        item.corner = layout.boxes[name]
    return Sketch(layout.size, list(boxes.values()), curves)


def _arrivals(diagram: Diagram, columns: Mapping[str, int], along: Mapping[str, float]) -> dict[int, float]:
    """How far below its goal's upper edge each arrow ends: spread, so that they can be distinguished."""
    by_side: dict[tuple[str, bool], list[int]] = {}
    for number, arrow in enumerate(diagram.arrows):
        by_side.setdefault((arrow.end, columns[arrow.end] > columns[arrow.start]), []).append(number)
    places = {}
    for (name, _), numbers in by_side.items():
        for index, number in enumerate(numbers):
            places[number] = along[name] * (index + 1) / (len(numbers) + 1)
    return places


def _smooth(points: Sequence[Position], sides: tuple[int, int], reach: float) -> list[Position]:
    """A smooth line through the points that leaves and arrives horizontally; `sides`: -1 left, 1 right of the box."""
    corners = [points[0]]
    for index, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        first, last = index == 0, index == len(points) - 2
        far = reach * max(24.0, min(60.0, abs(to_x - x) * 0.5 + abs(to_y - y) * 0.12))
        heading = 1 if to_x > x else -1
        out = sides[0] if first else heading
        into = sides[1] if last else -heading
        corners += [(x + out * far, y), (to_x + into * far, to_y), (to_x, to_y)]
    return corners
