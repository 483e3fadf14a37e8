"""Where the boxes of a diagram are, and by which points its arrows go: columns from left to right.

A box lies in the column of its distance from the start; the end comes last. An arrow over several columns goes through
a gap that is kept free for it in each of them, so that no arrow crosses a box. Sizes in points, y downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dlstream_experiment.model.protocols import Diagram

Size = tuple[float, float]
Position = tuple[float, float]

_BETWEEN_COLUMNS = 76.0
_BETWEEN_BOXES = 26.0
_LANE = 10.0
_SWEEPS = 24


@dataclass(frozen=True)
class Layout:
    """Where everything stands in a diagram.

    Attributes:
    boxes: the upper left corner of each, by name.
    columns: of each box, by name.
    lanes: of each arrow the points between its boxes that it goes through, from its start to its end; None for an
        arrow to a far end, which is only written in its box.
    size: width and height of the whole.
    """

    boxes: Mapping[str, Position]
    columns: Mapping[str, int]
    lanes: Sequence[Sequence[Position] | None]
    size: Size


def lay_out(diagram: Diagram, sizes: Mapping[str, Size], between: float = _BETWEEN_COLUMNS) -> Layout:
    """Places the boxes of these sizes (width, height), their columns that far apart."""
    columns = _columns(diagram)
    slots: list[list[str]] = [[] for _ in range(max(columns.values(), default=0) + 1)]
    for name, column in columns.items():
        slots[column].append(name)
    heights = {name: size[1] for name, size in sizes.items()}
    chains: list[list[str] | None] = []
    ends = {box.name for box in diagram.boxes if box.kind == "end"}
    for number, arrow in enumerate(diagram.arrows):
        first, last = columns[arrow.start], columns[arrow.end]
        if arrow.end in ends and last > first + 1:
            chains.append(None)
            continue
        step = 1 if last > first else -1
        chain: list[str] = []
        for index in range(first + step, last, step) if first != last else ():
            lane = f"\0{number}.{index}"
            slots[index].append(lane)
            heights[lane] = _LANE
            chain.append(lane)
        chains.append(chain)
    links = _links(diagram, chains)
    for sweep in range(_SWEEPS):
        _sort(slots, links, forwards=sweep % 2 == 0)
    y = _heights_of(slots, heights, links)
    x, widths = 0.0, []
    for slot in slots:
        width = max((sizes[name][0] for name in slot if name in sizes), default=0.0)
        widths.append((x, width))
        x += width + between
    boxes = {name: (widths[column][0], y[name] - heights[name] / 2) for name, column in columns.items()}
    top = min((y[name] - height / 2 for name, height in heights.items()), default=0.0)
    bottom = max((y[name] + height / 2 for name, height in heights.items()), default=0.0)
    boxes = {name: (left, upper - top) for name, (left, upper) in boxes.items()}
    lanes: list[list[Position] | None] = []
    for arrow, links_of in zip(diagram.arrows, chains, strict=True):
        points: list[Position] = []
        for lane in links_of or ():
            left, width = widths[int(lane.rpartition(".")[2])]
            through = [(left, y[lane] - top), (left + width, y[lane] - top)]
            points += through if columns[arrow.end] > columns[arrow.start] else through[::-1]
        lanes.append(None if links_of is None else points)
    return Layout(boxes, columns, lanes, (max(x - between, 0.0), bottom - top))


def _columns(diagram: Diagram) -> dict[str, int]:
    """Distance from the start; what is not reached is below it, the end in a column of its own."""
    first = [box.name for box in diagram.boxes if box.kind == "start"] or [box.name for box in diagram.boxes[:1]]
    ends = [box.name for box in diagram.boxes if box.kind == "end"]
    found = dict.fromkeys(first, 0)
    todo = list(first)
    while todo:
        name = todo.pop(0)
        for arrow in diagram.arrows:
            if arrow.start == name and arrow.end not in found:
                found[arrow.end] = found[name] + 1
                todo.append(arrow.end)
    columns = {box.name: found.get(box.name, 0) for box in diagram.boxes if box.name not in ends}
    last = max(columns.values(), default=-1) + 1
    return columns | dict.fromkeys(ends, last)


def _links(diagram: Diagram, chains: Sequence[Sequence[str] | None]) -> dict[str, list[str]]:
    links: dict[str, list[str]] = {}
    for arrow, chain in zip(diagram.arrows, chains, strict=True):
        if chain is None:
            continue
        path = [arrow.start, *chain, arrow.end]
        for one, other in pairwise(path):
            if one != other:
                links.setdefault(one, []).append(other)
                links.setdefault(other, []).append(one)
    return links


def _sort(slots: list[list[str]], links: Mapping[str, list[str]], forwards: bool) -> None:
    """Sorts each column by the mean place of what it is linked with in the column before it."""
    order = range(1, len(slots)) if forwards else range(len(slots) - 2, -1, -1)
    for column in order:
        near = slots[column - 1 if forwards else column + 1]
        place = {name: (index + 0.5) / len(near) for index, name in enumerate(near)}
        own = {name: (index + 0.5) / len(slots[column]) for index, name in enumerate(slots[column])}
        means = {}
        for name in slots[column]:
            linked = [place[other] for other in links.get(name, ()) if other in place]
            means[name] = sum(linked) / len(linked) if linked else own[name]
        slots[column].sort(key=lambda name: means[name])


def _heights_of(
    slots: Sequence[Sequence[str]], heights: Mapping[str, float], links: Mapping[str, list[str]]
) -> dict[str, float]:
    """The middle of everything: as near to what it is linked with as the others in its column allow."""
    y: dict[str, float] = {}
    for column in slots:
        total = sum(heights[name] for name in column) + _BETWEEN_BOXES * (len(column) - 1)
        top = -total / 2
        for name in column:
            y[name] = top + heights[name] / 2
            top += heights[name] + _BETWEEN_BOXES
    for _ in range(60):
        middle = sum(y.values()) / max(len(y), 1)
        for column in slots:
            wanted = []
            for name in column:
                linked = [y[other] for other in links.get(name, ()) if other not in column]
                wanted.append(sum(linked) / len(linked) if linked else middle)
            for name, place in zip(column, _apart(column, wanted, heights), strict=True):
                y[name] = 0.5 * y[name] + 0.5 * place
    return y


def _apart(column: Sequence[str], wanted: Sequence[float], heights: Mapping[str, float]) -> list[float]:
    """The wanted places, moved apart as little as their order and distances need (pool adjacent violators)."""
    offsets, offset = [], 0.0
    for index, name in enumerate(column):
        if index:
            offset += (heights[column[index - 1]] + heights[name]) / 2 + _BETWEEN_BOXES
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []  # (mean, count) of wanted place less offset, which may not decrease
    for place, offset in zip(wanted, offsets, strict=True):
        mean, count = place - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean, count = (mean * count + before * size) / (count + size), count + size
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]
