"""The JSON schema of a settings file, which editors use for completion and checking."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def file_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a file of this model, with descriptions, without keys that only programs or the rig fill in."""
    schema = _cleaned(model.model_json_schema())
    return {"$schema": DRAFT, "title": title, **{key: value for key, value in schema.items() if key != "title"}}


def _cleaned(item: Any, names: bool = False) -> Any:
    """Without titles and discriminators, and with text on one line; `names`: the keys are those of a file."""
    if isinstance(item, list):
        return [_cleaned(entry) for entry in item]
    if not isinstance(item, dict):
        return item
    result: dict[str, Any] = {}
    for key, value in item.items():
        if names and isinstance(value, dict) and value.get("filled_in"):
            continue
        if not names and key in ("title", "discriminator", "format"):
            continue
        if not names and key == "description":
            result[key] = _first_paragraph(value)
        elif not names and key == "enum":
            choices: list[Any] = list(value)
            result[key] = choices + ([False] if "false" in choices else [])  # as YAML reads an unquoted false
        else:
            inner = key in ("properties", "$defs", "patternProperties")
            result[key] = value if key in ("default", "const", "required") else _cleaned(value, inner and not names)
    if "enum" in result and False in result["enum"] and not names:
        result.pop("type", None)
    if result.get("default", ...) is None and not names:
        del result["default"]
    return result


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())
