"""From the texts of a command to an action, or to what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dlstream_common import OFF, Problem, did_you_mean, suggest
from dlstream_common.yaml.wording import expected, found
from dlstream_outputs.actions.action import Action


def read_action(action: str, values: Mapping[str, str], known: Sequence[type[Action]]) -> Action | Problem:
    """An action with its values, as one of the actions that an output knows; or what is wrong.

    The problem's place is `action`, `values`, or `values` and a name.
    """
    kind = next((item for item in known if item.name == action), None)
    if kind is None:
        names = [*(item.name for item in known), OFF]
        hint = did_you_mean(action, names)
        return Problem(("action",), f"'{action}'", f"{', '.join(names[:-1])} or {OFF}", hint)
    try:
        return kind.model_validate({name: _typed(text) for name, text in values.items()})
    except ValidationError as error:
        return _problem(kind, min(error.errors(include_url=False), key=_order))


def _order(error: ErrorDetails) -> int:
    """Unknown names first, then wrong values: so whoever takes them out one after the other finds them all."""
    return {"extra_forbidden": 0, "missing": 2}.get(error["type"], 1)


def _typed(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text.lower(), text)


def _problem(kind: type[Action], error: ErrorDetails) -> Problem:
    fields = list(kind.model_fields)
    key = str(error.get("ctx", {}).get("key") if error["type"] == "misfit" else (error["loc"] or ("",))[0])
    place = ("values", key) if key else ("values",)
    if error["type"] == "extra_forbidden":
        return Problem(place, f"the unknown value '{key}'", f"a value of {kind.name}", suggest(key, fields))
    if error["type"] == "missing":
        field = kind.model_fields[key]
        meaning = (field.description or "").rstrip(".")
        return Problem(place, "nothing", f"this value, which {kind.name} needs: {meaning[:1].lower()}{meaning[1:]}")
    if error["type"] == "misfit":
        value = error["input"].get(key) if isinstance(error["input"], dict) else None
        shown = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else f"'{value}'"
        return Problem(place, shown, str(error["ctx"]["expected"]))
    return Problem(place, found(error), expected(error))
