"""Reads YAML files into settings; everything that is wrong is reported with its line."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from dlstream_common.errors import InputError
from dlstream_common.problems import Place, Problem, did_you_mean, nearest, suggest
from dlstream_common.text_files import encoding_of_text
from dlstream_common.yaml._blanks import first_odd_blank
from dlstream_common.yaml._limits import MAX_BYTES, parse, too_many
from dlstream_common.yaml._signs import by_signs, comment_hint, first_foreign_sign, odd_blank_problem
from dlstream_common.yaml.annotations import Location, kinds_at, known_keys, unit_of, without_tags
from dlstream_common.yaml.salvage import salvage
from dlstream_common.yaml.wording import NUMBERS, decimal_commas, expected, found, merged, not_yaml, number_hint, shown

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: str | Path, example: str = "rig: openfield") -> CommentedMap:
    """The file's mapping, with line numbers and comments.

    Args:
        example: a line of such a file, for the error message if the file is something else.

    Raises:
        InputError: no such file, not UTF-8, not YAML, empty, or not a mapping.
    """
    path = Path(path)
    try:
        about = path.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):  # reading a pipe could wait forever
            raise InputError(path, [Problem((), _kind(about.st_mode), "a YAML file")])
        if about.st_size > MAX_BYTES:
            found, most = f"a file of {about.st_size / 1e6:.1f} MB", f"at most {MAX_BYTES / 1e6:g} MB of settings"
            raise InputError(path, [Problem((), found, most)])
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise InputError(path, [_not_utf8(error)]) from error
        raise InputError(path, [Problem((), f"no readable file ({error.strerror})", "a YAML file")]) from error
    try:
        data = parse(text)
    except MarkedYAMLError as error:
        if blank := first_odd_blank(text):
            raise InputError(path, [odd_blank_problem(*blank)]) from error
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        if sign := first_foreign_sign(text.split("\n"), 1, line or 0):
            raise InputError(path, [Problem((), *sign[1], line=sign[0])]) from error
        hint = comment_hint(text.split("\n"), line or 0)
        raise InputError(path, [Problem((), *not_yaml(error.problem or str(error)), hint, line=line)]) from error
    except Exception as error:  # including the parser's own assertions, which some broken texts trigger
        line = _line_in(str(error)) or 1
        raise InputError(path, [Problem((), *not_yaml(str(error)), line=line)]) from error
    if not isinstance(data, CommentedMap):
        kind = "an empty file" if data is None else "a list" if isinstance(data, list) else shown(data)
        raise InputError(path, [Problem((), kind, f"keys and values, such as '{example}'", line=1)])
    beyond = too_many(data)
    if beyond is not None:
        line, count = beyond
        found = f"aliases (*name) that stand for {count if count < 10**9 else 'more than a thousand million'} values"
        raise InputError(path, [Problem((), found, "a file that can be written out", line=line)])
    return data


def resolved(path: Path) -> Path:
    """The absolute path with links followed; that of the link itself if it points to itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a RuntimeError until Python 3.12
        return path.absolute()


def _not_utf8(error: UnicodeDecodeError) -> Problem:
    encoding = encoding_of_text(error.object)
    if encoding.startswith(("utf-16", "utf-32")):
        found = f"text in {encoding[:6].upper()}"
        return Problem((), found, "UTF-8", "In Notepad: Save as, encoding UTF-8.", line=1)
    line = error.object[: error.start].count(b"\n") + 1
    return Problem((), "no readable file (it is not UTF-8 text)", "a YAML file", line=line)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _line_in(text: str) -> int | None:
    match = re.search(r"line (\d+)", text)
    return int(match[1]) if match else None


def load_settings(
    path: str | Path, model: type[Model], context: dict[str, Any] | None = None, data: CommentedMap | None = None
) -> Model:
    """Reads a YAML file into `model`; relative paths in it start from the file's own folder.

    `context` is passed to the model's validators, in addition to `directory`; `data` is what `read_yaml` returned, or
    what is still to be written into the file.

    Raises:
        InputError: names every problem, each with line, key, the value found and what was expected.
    """
    path = Path(path)
    data = read_yaml(path) if data is None else data
    context = {"directory": resolved(path).parent, **(context or {})}
    try:
        # Via JSON: strict types, but lists are accepted for tuples and strings for paths.
        return model.model_validate_json(json.dumps(data, default=str), strict=True, context=context)
    except ValidationError as error:
        items = [*error.errors(), *salvage(data, model, context).further]
        problems = merged([(item, _problem(data, model, item)) for item in items])
        raise InputError(path, by_signs(path, problems) if path.is_file() else problems) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(path, [_not_plain(data, error)]) from error


def _not_plain(data: CommentedMap, error: Exception) -> Problem:
    """A problem with something that YAML allows but settings don't: a list as a key, an anchor that contains itself."""
    line, key = _odd_key(data)
    if line is not None:
        return Problem((), f"the key {shown(key)}", "a plain word as a key", line=line)
    if isinstance(error, RecursionError) or _contains_itself(data):
        return Problem((), "an anchor that contains itself", "plain values", line=1)
    return Problem((), str(error), "plain values", line=1)


def _contains_itself(data: Any, above: frozenset[int] = frozenset(), whole: set[int] | None = None) -> bool:
    """Whether a mapping or list stands somewhere below itself, by an anchor; `whole`: those that are known not to."""
    whole = set() if whole is None else whole
    if id(data) in above or id(data) in whole:
        return id(data) in above
    below = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    found = any(_contains_itself(item, above | {id(data)}, whole) for item in below)
    whole.add(id(data))
    return found


def _odd_key(data: Any, depth: int = 0) -> tuple[int | None, Any]:
    """The first key that is not a plain word or number, with its line; None if there is none."""
    if depth > 50:
        return None, None
    if isinstance(data, CommentedMap):
        for key, value in data.items():
            if not isinstance(key, (str, int, float, bool, type(None))):
                return (data.lc.data[key][0] if key in (data.lc.data or {}) else data.lc.line) + 1, key
            line, inner = _odd_key(value, depth + 1)
            if line is not None:
                return line, inner
    elif isinstance(data, list):
        for value in data:
            line, inner = _odd_key(value, depth + 1)
            if line is not None:
                return line, inner
    return None, None


def line_of(data: Any, location: Location) -> int | None:
    """The line, counted from 1, of the value at `location`, or of what encloses it most closely."""
    line = None
    for part in location:
        if isinstance(data, CommentedMap):
            key = next((key for key in data if str(key) == str(part)), None)
            if key is None:
                continue  # pydantic puts the tag of a union's member into its locations
            line = data.lc.key(key)[0] + 1 if key in (data.lc.data or {}) else line  # a merged key has no line
            data = data[key]
        elif isinstance(data, CommentedSeq) and isinstance(part, int) and part < len(data):
            line = data.lc.item(part)[0] + 1
            data = data[part]
    return line


def _problem(data: CommentedMap, model: type[BaseModel], error: ErrorDetails) -> Problem:
    with_tags = tuple(error["loc"])
    location = without_tags(model, with_tags)
    if location[-1:] == ("[key]",):
        location = location[:-1]  # the key itself is what is wrong
    place = _place(data, location)
    line = line_of(data, location) or 1
    if error["type"] == "extra_forbidden":
        known = error.get("ctx", {}).get("known") or known_keys(model, with_tags[:-1])
        hint = _decimal_comma(data, location) or suggest(str(location[-1]), known)
        return Problem(place, f"the unknown key '{location[-1]}'", "a known key", hint, line=line)
    if error["type"] == "missing":
        place = place if place[-1:] == location[-1:] else (*place, location[-1])  # below a name that is enough
        return Problem(place, "nothing", "this key, which is required", line=line)
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _tag_problem(data, place, line, location, error, kinds_at(model, with_tags))
    if error["type"] == "part_error":
        part = error["ctx"]
        line = line_of(data, (*location, part["tag"])) or line
        place = _tag_place(data, location, part["tag"])
        return Problem(place, part["found"], part["expected"], part["suggestion"], line=line)
    if error["type"] == "misfit":
        location = (*location, error["ctx"]["key"])
        value = found({**error, "input": _item(error["input"], error["ctx"]["key"])})
        return Problem(_place(data, location), value, error["msg"], line=line_of(data, location) or 1)
    if error["type"] == "value_error" and isinstance(error["input"], dict):
        return _whole_problem(data, location, error)
    if error["input"] is None:
        for entry in (location, location[:-1]):  # the last item may be the name of a possible type
            if entry and (comma := _decimal_comma(data, entry)):
                return Problem(_place(data, entry), "an entry without a value", "a value", comma, line=line)
    hint = _nearest(error) if error["type"] == "literal_error" else decimal_commas(error)
    wanted = expected(error)
    if isinstance(error["input"], str) and error["type"] in NUMBERS:
        unit = unit_of(model, with_tags)
        wanted += f", in {unit}" if unit else ""
        hint = number_hint(error["input"], unit)
    return Problem(place, found(error), wanted, hint, line=line)


def _whole_problem(data: CommentedMap, location: Location, error: ErrorDetails) -> Problem:
    """A problem of keys that contradict each other, none more wrong than another."""
    given = error["input"]
    what = f"the keys {', '.join(str(key) for key in given)}" if given else shown(given)
    return Problem(_place(data, location), what, expected(error), line=line_of(data, location) or 1)


def _nearest(error: ErrorDetails) -> str:
    """The choice that was probably meant; empty if none is similar, as all are listed anyway."""
    choices = [
        part.strip(" '") for part in str(error.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
    ]
    return did_you_mean(str(error["input"]), choices)


def _tag_problem(
    data: CommentedMap, place: Place, line: int | None, location: Location, error: ErrorDetails, choices: list[str]
) -> Problem:
    if not isinstance(error["input"], dict):
        return Problem(place, found(error), "keys and values (key: value)", line=line)
    context = error.get("ctx", {})
    tag_key = str(context.get("discriminator", "type")).strip("'")
    known = [name.strip(" '") for name in str(context.get("expected_tags", "")).split(",") if name.strip()]
    if "tag" in context:
        tag = str(context["tag"])
        line = line_of(data, (*location, tag_key)) or line
        written = error["input"].get(tag_key, tag)  # the tag is its text, also of a list or of nothing
        hint = did_you_mean(tag, known) if isinstance(written, str) else ""
        place = _tag_place(data, location, tag_key)
        return Problem(place, shown(written), f"one of {', '.join(known)}", hint, line=line)
    slip = next((str(name) for name in error["input"] if nearest(str(name), [tag_key])), None)
    hint = f"Did you mean '{tag_key}' instead of '{slip}'?" if slip is not None else ""
    return Problem((*place, tag_key), "nothing", f"this key: one of {', '.join(choices)}", hint, line=line)


def _tag_place(data: Any, location: Location, tag: str) -> Place:
    """The place of the name of a type: its key, or the name alone where that is enough."""
    place = _place(data, location)
    for part in location:
        data = _item(data, part)
    return place if isinstance(data, (str, int, float)) else (*place, tag)


def _decimal_comma(data: Any, location: Location) -> str:
    """What was meant by `{after: 1,5}`, which YAML reads as `{after: 1, 5: }`; empty if it is something else."""
    *above, last = location
    for part in above:
        data = _item(data, part)
    if not isinstance(data, dict) or not re.fullmatch(r"\d+", str(last)):
        return ""
    items = [(str(key), value) for key, value in data.items()]
    index = next((number for number, (key, _) in enumerate(items) if key == str(last)), 0)
    before, value = items[index - 1]
    if index == 0 or items[index][1] is not None or isinstance(value, bool) or not isinstance(value, int):
        return ""
    return f"Write the decimal number with a point: {before}: {value}.{last}."


def _item(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return next((value for key, value in data.items() if str(key) == str(part)), None)
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def _place(data: Any, location: Location) -> Place:
    """The location without pydantic's union tags: the keys in the file, and perhaps a missing last key."""
    place: list[str | int] = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(part, int):
            place.append(part)
            data = data[part] if isinstance(data, list) and part < len(data) else None
        elif isinstance(data, dict) and str(part) in {str(key) for key in data}:
            place.append(part)
            data = next(value for key, value in data.items() if str(key) == str(part))
        elif last and (isinstance(data, dict) or data is None):
            place.append(part)
    return tuple(place)
