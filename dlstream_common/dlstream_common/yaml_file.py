"""YAML files read into settings; whatever is wrong is reported with its line."""

from __future__ import annotations

import json
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from dlstream_common.errors import InputError, Problem, suggest

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]


def read_yaml(path: str | Path) -> CommentedMap:
    """The file's mapping, with line numbers and comments kept.

    Raises:
        InputError: no such file, not UTF-8, not YAML, empty, or not a mapping.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(path, [Problem("", f"no readable file ({reason})", "a YAML file")]) from error
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        found = " ".join((error.problem or str(error)).split())
        raise InputError(path, [Problem("", found, "valid YAML", line)]) from error
    except (YAMLError, ValueError, TypeError) as error:
        raise InputError(path, [Problem("", " ".join(str(error).split()), "valid YAML")]) from error
    if not isinstance(data, CommentedMap):
        found = "an empty file" if data is None else f"a {type(data).__name__}"
        raise InputError(path, [Problem("", found, "keys and values, such as 'rig: openfield'", 1)])
    return data


def load_settings(path: str | Path, model: type[Model], context: dict[str, Any] | None = None) -> Model:
    """Reads a YAML file into `model`; relative paths in it are taken from the file's own folder.

    `context` is handed to the model's validators, beside `directory`.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    path = Path(path)
    data = read_yaml(path)
    context = {"directory": path.resolve().parent, **(context or {})}
    try:
        # By way of JSON: strict types, and yet lists for tuples and strings for paths.
        return model.model_validate_json(json.dumps(data, default=str), strict=True, context=context)
    except ValidationError as error:
        raise InputError(path, [_problem(data, model, item) for item in error.errors()]) from error
    except RecursionError as error:
        raise InputError(path, [Problem("", "an anchor that contains itself", "plain values")]) from error
    except (ValueError, TypeError) as error:  # keys that are lists
        raise InputError(path, [Problem("", str(error), "plain values")]) from error


def line_of(data: Any, location: Location) -> int | None:
    """The line, counted from 1, of the value at `location`, or of the nearest thing around it."""
    line = None
    for part in location:
        if isinstance(data, CommentedMap):
            key = next((key for key in data if str(key) == str(part)), None)
            if key is None:
                continue  # pydantic puts the tag of a union's member into its locations
            line = data.lc.key(key)[0] + 1 if key in data.lc.data else line  # a merged key has no line
            data = data[key]
        elif isinstance(data, CommentedSeq) and isinstance(part, int) and part < len(data):
            line = data.lc.item(part)[0] + 1
            data = data[part]
    return line


def _problem(data: CommentedMap, model: type[BaseModel], error: ErrorDetails) -> Problem:
    location = _without_tags(model, tuple(error["loc"]))
    key = _spoken(data, location)
    line = line_of(data, location)
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, tuple(error["loc"])[:-1])
        return Problem(key, f"the unknown key '{location[-1]}'", "a known key", line, suggest(str(location[-1]), known))
    if error["type"] == "missing":
        return Problem(key, "nothing", "this key: it must be given", line or 1)
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _tag_problem(data, key, line, location, error)
    expected = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(key, _shown(error["input"]), expected, line)


def _tag_problem(data: CommentedMap, key: str, line: int | None, location: Location, error: ErrorDetails) -> Problem:
    context = error.get("ctx", {})
    tag_key = str(context.get("discriminator", "type")).strip("'")
    known = [name.strip(" '") for name in str(context.get("expected_tags", "")).split(",") if name.strip()]
    if "tag" in context:
        tag = str(context["tag"])
        line = line_of(data, (*location, tag_key)) or line
        return Problem(f"{key}.{tag_key}", f"'{tag}'", f"one of {', '.join(known)}", line, suggest(tag, known))
    return Problem(f"{key}.{tag_key}", "nothing", f"this key: one of {', '.join(known) or 'the known ones'}", line)


def _spoken(data: Any, location: Location) -> str:
    """The location as a person writes it, `cameras.top.fps` or `points[2]`, without pydantic's union tags."""
    text = ""
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(part, int):
            text += f"[{part}]"
            data = data[part] if isinstance(data, list) and part < len(data) else None
        elif isinstance(data, dict) and str(part) in {str(key) for key in data}:
            text += f".{part}"
            data = next(value for key, value in data.items() if str(key) == str(part))
        elif last and (isinstance(data, dict) or data is None):
            text += f".{part}"
    return text.lstrip(".")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _known_keys(annotation: Any, location: Location) -> list[str]:
    """The keys of the settings class that stands at `location` below `annotation`."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        members = [item for item in arguments if item is not type(None)]
        tagged = [item for item in members if location and location[0] in _tags(item)]
        if tagged:
            return _known_keys(tagged[0], location[1:])
        return sorted({key for member in members for key in _known_keys(member, location)})
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not location:
            return [field.alias or name for name, field in annotation.model_fields.items()]
        by_key = {field.alias or name: field for name, field in annotation.model_fields.items()}
        field = by_key.get(str(location[0]))
        return _known_keys(field.annotation, location[1:]) if field else []
    if origin in (dict, list, tuple) and location:
        return _known_keys(arguments[-1] if origin is dict else arguments[0], location[1:])
    return []


def _without_tags(annotation: Any, location: Location) -> Location:
    """The location without the words by which pydantic tells which member of a tagged union was meant.

    They would be taken for keys where a key of the same name stands beside the tag.
    """
    if not location:
        return location
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        tagged = [item for item in arguments if location[0] in _tags(item)]
        if tagged:
            return _without_tags(tagged[0], location[1:])
        models = [item for item in arguments if isinstance(item, type) and issubclass(item, BaseModel)]
        return _without_tags(models[0], location) if len(models) == 1 else location
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        by_key = {field.alias or name: field for name, field in annotation.model_fields.items()}
        field = by_key.get(str(location[0]))
        return (location[0], *_without_tags(field.annotation, location[1:])) if field else location
    if origin in (dict, list, tuple):
        return (location[0], *_without_tags(arguments[-1] if origin is dict else arguments[0], location[1:]))
    return location


def _tags(member: Any) -> list[Any]:
    """The values of a union member's fields by which pydantic may tell the members apart: Literals of one value."""
    if get_origin(member) is Annotated:
        member = get_args(member)[0]
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return []
    literals = [get_args(field.annotation) for field in member.model_fields.values() if _is_literal(field.annotation)]
    return [values[0] for values in literals if len(values) == 1]


def _is_literal(annotation: Any) -> bool:
    return get_origin(annotation) is Literal
