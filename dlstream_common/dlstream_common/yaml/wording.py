"""Plain words for the errors of pydantic and the YAML parser."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import ErrorDetails

from dlstream_common.names import NAME, NAMESPACE, RIG_NAMESPACE
from dlstream_common.problems import Place, Problem

_KINDS = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "string_type": "text (put it in quotes)",
    "string_unicode": "plain text",
    "path_type": "a path",
    "list_type": "a list, such as [a, b]",
    "tuple_type": "a list, such as [a, b]",
    "set_type": "a list, such as [a, b]",
    "dict_type": "keys and values (key: value)",
    "mapping_type": "keys and values (key: value)",
    "model_type": "keys and values (key: value)",
    "model_attributes_type": "keys and values (key: value)",
    "dataclass_type": "keys and values (key: value)",
    "none_required": "nothing",
    "recursion_loop": "no anchor that contains itself",
}
NUMBERS = frozenset(kind for kind, words in _KINDS.items() if "number" in words)
"""The types of pydantic's errors for a value that is not a number."""
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_THINGS = {"string": "character", "tuple": "entry", "list": "entry", "set": "entry", "dictionary": "entry"}


_WORDS = "a name of letters, digits and _ that begins with a letter: it becomes part of ROS topics"
_PATTERNS = {
    NAME: _WORDS,
    NAMESPACE: f"{_WORDS}; several may be joined by /",
    RIG_NAMESPACE: f"nothing, or {_WORDS}; several may be joined by /",
    r"^[/A-Za-z_][/A-Za-z0-9_]*$": "the name of a topic: letters, digits, _ and /, such as /scale/weight",
    r"^[A-Za-z]\w*(/msg)?/[A-Za-z]\w*$": "a message type with its package, such as std_msgs/msg/Float64",
    r"^[A-Za-z_]\w*(\[\d+\])*(\.[A-Za-z_]\w*(\[\d+\])*)*$": "the path to a value, such as data or ranges[0]",
    "^#[0-9a-fA-F]{6}$": "a colour as '#rrggbb', in quotes",
}
_COMMAS = "\uff0c\u3001\uff1b;"
"""Commas of other scripts, which are not commas in YAML."""
_DASHES = "\u2010-\u2015\u2212\ufe63\uff0d"
"""Signs that word processors write for a minus."""


def number_hint(text: str, unit: str) -> str:
    """What to write instead of a text that was meant as a number; empty if unknown."""
    if re.match(rf"\s*[{_DASHES}]\s*\d", text):
        return f"Write the minus sign of the keyboard: -{text.strip()[1:].strip()}."
    clock = re.fullmatch(r"\s*(?:(\d+):)?(\d+):(\d\d)\s*", text)
    if clock is not None and unit == "seconds":
        return f"Write seconds: {(int(clock[1] or 0) * 60 + int(clock[2])) * 60 + int(clock[3])}."
    if any(sign in text for sign in _COMMAS):
        return "Separate the entries of a list by a plain comma (,)."
    if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text):
        return f"Write the decimal number with a point: {text.strip().replace(',', '.')}."
    with_unit = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([^\W\d_]+|%|\u00b0)\s*", text)
    if with_unit is None:
        return ""
    if unit == "seconds" and with_unit[2] == "ms" and re.fullmatch(r"\d+(\.\d+)?", with_unit[1]):
        return f"Write the number only: {float(with_unit[1]) / 1000:g}."
    units = {"seconds": ("s", "sec", "seconds"), "pixels": ("px", "pixels"), "degrees": ("deg", "degrees", "\u00b0")}
    same = not unit or with_unit[2].lower() in units.get(unit, ())
    return f"Write the number only: {with_unit[1]}." if same else f"Write the number only, without '{with_unit[2]}'."


def decimal_commas(error: ErrorDetails) -> str:
    """A hint for `[80,5, 120,25]`, which YAML reads as four numbers; empty if it is something else."""
    given = error["input"]
    if error["type"] != "too_long" or not isinstance(given, list) or len(given) != 2 * error["ctx"]["max_length"]:
        return ""
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in given):
        return ""
    return f"Write decimal numbers with a point, such as {given[0]}.{given[1]}."


def merged(problems: Sequence[tuple[ErrorDetails, Problem]]) -> list[Problem]:
    """The problems without mere consequences: joins alternatives for a value, drops entries after odd commas."""
    found: dict[tuple[Place, str, int | None], Problem] = {}
    odd_commas, empty = set[Place](), set[Place]()
    for error, problem in problems:
        place = (problem.place, problem.found, problem.line)
        before = found.get(place)
        if before is None:
            found[place] = problem
        elif problem.expected not in before.expected:
            found[place] = replace(before, expected=f"{before.expected} or {problem.expected}")
        if isinstance(error["input"], str) and any(sign in error["input"] for sign in _COMMAS):
            odd_commas.add(problem.place[:-1])
        if error["type"] == "missing" or error["input"] is None:
            empty.add(problem.place)
    return [
        problem
        for problem in found.values()
        if not (problem.place in empty and problem.place[:-1] and problem.place[:-1] in odd_commas)
    ]


def expected(error: ErrorDetails) -> str:
    """What pydantic expected: completes "expected ..."."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return f"a number {words} {_number(context[key])}"
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return _length(kind, context, error["input"])
    if kind == "literal_error":
        return one_of(str(context.get("expected", "")))
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        return _PATTERNS.get(pattern, f"text of the pattern {pattern}")
    return error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def found(error: ErrorDetails) -> str:
    """The value that was found, as written in the file, shortened if necessary."""
    return shown(error["input"])


def shown(value: Any) -> str:
    """A value as written in a YAML file, shortened if necessary."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping) and not value:
        return "{}, which is empty"
    if isinstance(value, (list, tuple)) and not value:
        return "an empty list"
    text = repr(
        dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, (list, tuple)) else value
    )
    return text if len(text) <= 80 else f"{text[:77]}..."


def one_of(choices: str) -> str:
    """Pydantic's list of choices, "'a', 'b' or 'c'", as "one of a, b, c"."""
    names = [part.strip() for part in choices.replace(" or ", ", ").split(",")]
    return names[0] if len(names) == 1 else f"one of {', '.join(name.strip(chr(39)) for name in names)}"


_YAML = {
    "mapping values are not allowed": (
        "a ': ' where it is not allowed",
        "one key per line; quotes around text with ': '",
    ),
    "could not find expected ':'": ("a line without a value", "key: value"),
    "sequence entries are not allowed": ("a '-' where it is not allowed", "each list entry on its own line"),
    "mapping keys are not allowed": ("a '?' where it is not allowed", "key: value"),
    "character '\\t'": ("a tab", "spaces: YAML allows only spaces as indentation"),
    "unhashable key": ("a key that is a list or a mapping", "a plain word as a key"),
    "undefined alias": (
        "an alias (*name) without its anchor",
        "&name before the first *name; quotes around text with *",
    ),
    "<block end>": ("a line that is indented differently from those around it", "keys of one group in one column"),
    "expected alphabetic or numeric character": ("a single & or *", "a name after it; quotes around text"),
    "unexpected end of stream": ("a quote that is never closed", "a closing quote"),
    "<document start>": ("a line that is indented differently from those around it", "keys of one group in one column"),
    "for merging": ("a '<<:' without a mapping", "<<: *name of a mapping"),
    "chomping or indentation": ("text after | or >", "the text on the next lines, indented"),
    "cannot start any token": ("a character that can't begin a value (% @ `)", "quotes around such text"),
    "unknown escape character": ("an unknown \\ in double quotes", "single quotes, or two \\\\"),
    "escape sequence of": ("an unknown \\ in double quotes", "single quotes, or two \\\\"),
    "unacceptable character": ("a control character", "text"),
    "recursion depth": ("too many nested levels", "closed brackets, and at most 50 levels"),
    "maximum depth": ("too many nested levels", "closed brackets, and at most 50 levels"),
    "anchor that contains itself": (
        "an anchor that contains itself",
        "an alias (*name) only outside of its own &name",
    ),
    "another document": ("a second document (---)", "one document in the file"),
}


def not_yaml(complaint: str) -> tuple[str, str]:
    """Turns the YAML parser's message into what was found and what was expected."""
    text = " ".join(complaint.split())
    for part, words in _YAML.items():
        if part in text:
            return words
    text = text.removeprefix("found ") or "broken YAML"
    duplicate = re.match(r'duplicate key "(.*?)"', text)
    if duplicate:
        return f"the key '{duplicate[1]}' for the second time", "each key only once"
    wanted = re.match(r"expected (.+?),? but (?:found|got) \W*(.+)", text)
    if wanted:
        end = "the end of the file" if "end" in wanted[2] else wanted[2].strip("'<>,() ") or "something else"
        return f"{end} instead of {wanted[1]}", "valid YAML (closed brackets and quotes)"
    return f"text that is not YAML ({text})", "valid YAML"


def _length(kind: str, context: Mapping[str, Any], value: object) -> str:
    short = kind.endswith("short")
    count = int(context["min_length" if short else "max_length"])
    text = kind.startswith("string") or isinstance(value, str)
    thing = _THINGS.get("string" if text else str(context.get("field_type", "")).lower(), "entry")
    plural = thing if count == 1 else thing.replace("entry", "entrie") + "s"
    limit = "at least" if short else "at most"
    return f"{limit} {count} {plural}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
