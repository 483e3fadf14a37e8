"""Changes single values of a YAML text and leaves every other byte as it is: comments, order, style, line ends."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dlstream_common.errors import DlstreamError
from dlstream_common.yaml._limits import parse

Keys = tuple[Any, ...]
"""Where a value stands: keys of mappings, which may be numbers, and places in lists."""
REMOVED = object()
"""In place of a value: the key and its value go."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_WIDE = "change it in an editor"
_REST_OF_LINE = re.compile(r"[ \t]*,?[ \t]*(?:#[^\n]*|\r)?\n")
"""What belongs to an item of a flow that ends its line."""


class SpliceError(DlstreamError):
    """A value that can't be changed without touching others."""


def spliced(text: str, place: Keys, value: Any, above: str = "") -> str:
    """The text with another value at a place; only the bytes of what differs are others.

    Mappings and lists are compared item by item, so that a circle whose center moves keeps its radius, its comment and
    its style. What is new is written like its neighbours.

    Args:
        value: plain data, or REMOVED.
        above: the key of the file above which a new key of the file is written; empty: at its end.

    Raises:
        SpliceError: it can't be done, such as for a value that comes by an alias; the message has the line.
    """
    result = _Splice(text).done(place, value, above)
    if not _says(result, _expected(_plain(parse(text)), place, value)):
        raise SpliceError(f"{_words(place)}: this file is written in a way in which it can't be changed here; {_WIDE}")
    return result


def _says(text: str, expected: Any) -> bool:
    try:
        return bool(_plain(parse(text)) == expected)
    except YAMLError:
        return False


def written(value: Any) -> str:
    """Plain data in YAML, on one line."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class _Splice:
    """The changes of one text: pieces [start, end) and what comes in their place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._eol = "\r\n" if "\r\n" in text else "\n"
        self._edits: list[tuple[int, int, str]] = []
        self._root: Node = YAML(typ="rt", pure=True).compose(text)
        self._uses: Counter[int] = Counter()
        self._count(self._root)

    def _count(self, node: Node) -> None:
        self._uses[id(node)] += 1
        if self._uses[id(node)] == 1 and isinstance(node.value, list):
            for item in node.value:
                for child in item if isinstance(item, tuple) else (item,):
                    self._count(child)

    def done(self, place: Keys, value: Any, above: str) -> str:
        self._at(self._root, place, 0, value, above)
        text = self._text
        for start, end, new in sorted(self._edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _at(self, node: Node, place: Keys, depth: int, value: Any, above: str) -> None:
        self._own(node, place[:depth])
        key, last = place[depth], depth == len(place) - 1
        if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
            child = node.value[key]
        elif isinstance(node, MappingNode):
            found = self._entry(node, key)
            if found is None or (value is REMOVED and last):
                new = {} if value is REMOVED else {key: _below(place[depth + 1 :], value)}
                gone = {} if found is None else {found[0].value: found}
                self._entries(node, gone, new, place[:depth], above)
                return
            child = found[1]
            if not last and isinstance(child, ScalarNode) and not child.value:
                colon = self._text.index(":", found[0].end_mark.index) + 1
                self._edits.append((colon, colon, f" {written(_below(place[depth + 1 :], value))}"))
                return
        else:
            raise SpliceError(f"{_words(place[: depth + 1])}: this is not in the file")
        if last:
            self._change(child, value, place)
        else:
            self._at(child, place, depth + 1, value, "")

    def _own(self, node: Node, place: Keys) -> None:
        """Refuses what other places of the file share: changing it here would change it there."""
        if self._uses[id(node)] > 1:
            line = node.start_mark.line + 1
            raise SpliceError(
                f"{_words(place)}: line {line} of the file has it under a name (&{node.anchor}) that is used several "
                f"times; {_WIDE}"
            )

    def _entry(self, node: MappingNode, key: Any) -> tuple[Node, Node] | None:
        for pair in node.value:
            if str(pair[0].value) == str(key) or (_is_number(key) and self._value(pair[0]) == key):
                return (pair[0], pair[1])
        if any(pair[0].value == "<<" for pair in node.value):
            raise SpliceError(f"{key}: it may come from elsewhere in the file (<<); {_WIDE}")
        return None

    def _change(self, node: Node, value: Any, place: Keys) -> None:
        self._own(node, place)
        if isinstance(node, MappingNode) and isinstance(value, Mapping):
            known = {pair[0].value: pair for pair in node.value}
            for key in value:
                found = self._entry(node, key)
                if found is not None:
                    self._change(found[1], value[key], (*place, key))
            gone = {key: pair for key, pair in known.items() if key not in value}
            self._entries(node, gone, {key: item for key, item in value.items() if key not in known}, place, "")
        elif isinstance(node, SequenceNode) and isinstance(value, Sequence) and not isinstance(value, str):
            self._items(node, list(value), place)
        elif self._value(node) != value:
            self._replace(node, value, place)

    def _value(self, node: Node) -> Any:
        """What a node stands for."""
        start, end = node.start_mark, node.end_mark
        if isinstance(node, ScalarNode) and node.style in ("|", ">"):
            return node.value
        around = " " * start.column if not getattr(node, "flow_style", True) else ""
        return _plain(parse(around + self._text[start.index : end.index] + "\n"))

    def _replace(self, node: Node, value: Any, place: Keys) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        block = not isinstance(node, ScalarNode) and not getattr(node, "flow_style", True)
        if block or self._text[start : start + 1] in ("&", "!", "|", ">") or (start == end):
            line = node.start_mark.line + 1
            raise SpliceError(f"{_words(place)}: line {line} of the file is written in a way of its own; {_WIDE}")
        self._edits.append((start, end, written(value)))

    # Lists.

    def _items(self, node: SequenceNode, values: list[Any], place: Keys) -> None:
        nodes: list[Node] = node.value
        if len(nodes) == len(values):
            for number, (item, value) in enumerate(zip(nodes, values, strict=True)):
                self._change(item, value, (*place, number))
            return
        for item in nodes:
            self._own(item, place)
        old = [self._value(item) for item in nodes]
        shorter = min(len(old), len(values))
        before = next((n for n in range(shorter) if old[n] != values[n]), shorter)
        after = next((n for n in range(shorter - before) if old[-1 - n] != values[-1 - n]), shorter - before)
        gone, new = nodes[before : len(nodes) - after], values[before : len(values) - after]
        spans = [(item.start_mark.index, self._end(item)) for item in nodes]
        if node.flow_style:
            for item, value in zip(gone, new, strict=False):
                self._change(item, value, place)
            kept, end = before + min(len(gone), len(new)), before + len(gone)
            self._in_flow(node, spans, kept, end, [written(value) for value in new[len(gone) :]])
        elif nodes:
            column = nodes[0].start_mark.index - self._line_start(nodes[0].start_mark.index)
            head = self._text[self._line_start(nodes[0].start_mark.index) :][:column]
            self._in_block(spans, before, before + len(gone), [head + written(value) for value in new])

    # Mappings.

    def _entries(
        self, node: MappingNode, gone: Mapping[Any, Any], new: Mapping[Any, Any], place: Keys, above: str
    ) -> None:
        """Takes entries away and writes others at the end."""
        pairs: list[tuple[Node, Node]] = node.value
        for pair in pairs:
            if pair[0].value in gone:
                self._own(pair[1], (*place, pair[0].value))
        if not gone and not new:
            return
        spans = [(pair[0].start_mark.index, self._end(pair[1])) for pair in pairs]
        taken = [number for number, pair in enumerate(pairs) if pair[0].value in gone]
        end = self._place_among(pairs, new)
        texts = [f"{written(key)}: {written(value)}" for key, value in new.items()]
        if node.flow_style:
            for first, last in _runs(taken):
                instead = texts if last == end == len(pairs) else []  # one edit, where both concern the end
                self._in_flow(node, spans, first, last, instead)
            if taken and taken[-1] + 1 == end == len(pairs):
                return
        for number in () if node.flow_style else reversed(taken):
            if len(pairs) == len(taken) and not new:
                if number == 0:
                    self._edits.append((spans[0][0], spans[-1][1], "{}"))
            else:
                self._in_block(spans, number, number + 1, [])
        if not new:
            return
        if node.flow_style:
            self._in_flow(node, spans, end, end, texts)
            return
        lines = [line for key, value in new.items() for line in self._as_block(node, key, value)]
        if above and (top := self._entry(node, above)):
            self._edits.append((at := self._above(top[0].start_mark.index), at, self._eol.join([*lines, "", ""])))
        else:
            self._in_block(spans, end, end, lines)

    def _place_among(self, pairs: Sequence[tuple[Node, Node]], new: Mapping[Any, Any]) -> int:
        """Before which entry new ones are written: the end, but a number among rising numbers has its place there."""
        known = [self._value(pair[0]) for pair in pairs]
        if len(new) != 1 or not all(map(_is_number, (*known, *new))) or known != sorted(known):
            return len(pairs)
        return sum(key < next(iter(new)) for key in known)

    def _as_block(self, node: MappingNode, key: Any, value: Any) -> list[str]:
        """The lines of a new entry, in the style of its neighbours."""
        column = node.start_mark.column
        models = [pair[1] for pair in node.value if isinstance(pair[1], MappingNode)]
        step = next((item.start_mark.column - column for item in models if not item.flow_style), 0)
        top = node is self._root and isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values())
        if isinstance(value, Mapping) and ((step and node is not self._root) or top):
            inner = " " * (column + (step or 2))
            return [
                " " * column + f"{written(key)}:",
                *(f"{inner}{written(k)}: {written(v)}" for k, v in value.items()),
            ]
        return [" " * column + f"{written(key)}: {written(value)}"]

    # Places in the text.

    def _in_flow(self, node: Node, spans: Sequence[tuple[int, int]], first: int, last: int, new: list[str]) -> None:
        """Puts texts in the place of the items from first to last, which are the last ones, or before the first."""
        text = ", ".join(new)
        if first < last:
            start, end, whole = self._of_flow(spans, first, last)
            if new and whole:
                text = self._text[start : spans[first][0]] + text + self._eol
            elif new and first:
                text = f", {text}"
            self._edits.append((start, end, text))
        elif not new:
            return
        elif first < len(spans):
            self._edits.append((spans[first][0], spans[first][0], text + ", "))
        else:
            start = (
                spans[-1][1]
                if spans
                else self._text.index("[{"[isinstance(node, MappingNode)], node.start_mark.index) + 1
            )
            self._edits.append((start, start, (", " if spans else "") + text))

    def _of_flow(self, spans: Sequence[tuple[int, int]], first: int, last: int) -> tuple[int, int, bool]:
        """From where to where to cut, and whether whole lines: the items stand on their own, with their comments."""
        start, end = spans[first][0], spans[last - 1][1]
        line, rest = self._line_start(start), _REST_OF_LINE.match(self._text, end)
        if rest and not self._text[line:start].strip():
            return line, rest.end(), True
        cut = (start, spans[last][0]) if last < len(spans) else (spans[first - 1][1] if first else start, end)
        if "#" in self._text[cut[0] : start] + self._text[end : cut[1]] + (rest[0] if rest else ""):
            number = self._text.count("\n", 0, start) + 1
            raise SpliceError(f"line {number} of the file has a comment that would belong to others then; {_WIDE}")
        return *cut, False

    def _in_block(self, spans: Sequence[tuple[int, int]], first: int, last: int, new: list[str]) -> None:
        """Puts lines in place of the items from first to last."""
        if first < last:
            start, end = self._line_start(spans[first][0]), self._next_line(spans[last - 1][1])
            self._edits.append((start, end, "".join(line + self._eol for line in new)))
        elif first:
            at = self._line_end(spans[first - 1][1])
            self._edits.append((at, at, "".join(self._eol + line for line in new)))
        else:
            at = self._line_start(spans[0][0])
            self._edits.append((at, at, "".join(line + self._eol for line in new)))

    def _end(self, node: Node) -> int:
        """Where a value ends: the end mark of a block takes in what follows it."""
        if isinstance(node, ScalarNode) or getattr(node, "flow_style", True):
            return len(self._text[: node.end_mark.index].rstrip())
        last = node.value[-1]
        return self._end(last[1] if isinstance(last, tuple) else last)

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _next_line(self, index: int) -> int:
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found + 1

    def _line_end(self, index: int) -> int:
        return len(self._text[: self._next_line(index)].rstrip("\r\n"))

    def _above(self, index: int) -> int:
        """The beginning of a line, or of the comment above it."""
        start = self._line_start(index)
        while start and self._text[self._line_start(start - 1) : start].lstrip(" ").startswith("#"):
            start = self._line_start(start - 1)
        return start


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Rising numbers as runs, each its first and the one after its last."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        first = runs.pop()[0] if runs and runs[-1][1] == number else number
        runs.append((first, number + 1))
    return runs


def _below(place: Keys, value: Any) -> Any:
    for key in reversed(place):
        value = {key: value}
    return value


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(item) for item in data] if isinstance(data, list) else data


def _expected(data: Any, place: Keys, value: Any) -> Any:
    """Plain data with another value at a place."""
    if not place:
        return _plain(value)
    key = place[0]
    if isinstance(data, list):
        return [_expected(item, place[1:], value) if n == key else item for n, item in enumerate(data)]
    data = dict(data or {})
    if value is REMOVED and len(place) == 1:
        data.pop(key, None)
    else:
        data[key] = _expected(data.get(key), place[1:], value)
    return data


def _words(place: Keys) -> str:
    return ".".join(map(str, place)) or "the file"
