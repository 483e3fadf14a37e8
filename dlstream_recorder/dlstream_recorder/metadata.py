"""What a session says of its subject and its circumstances, in the words of NWB (Neurodata Without Borders)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from dlstream_common import Settings, suggest
from dlstream_common.yaml.wording import expected, shown

_SPECIES = {
    "mouse": "Mus musculus",
    "rat": "Rattus norvegicus",
    "human": "Homo sapiens",
    "zebrafish": "Danio rerio",
    "fruit fly": "Drosophila melanogaster",
    "marmoset": "Callithrix jacchus",
    "ferret": "Mustela putorius furo",
}
_SEXES = {"female": "F", "male": "M", "unknown": "U", "other": "O"}
_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}
_AGE = r"P(?=\d)(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?W)?(\d+(\.\d+)?D)?"


def _text(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        raise ValueError(f'a text: write it in quotes, "{value}" (of 007 the file keeps only 7)')
    return value.strip() if isinstance(value, str) else value


def _filled(value: str) -> str:
    if not value:
        raise ValueError("a text; leave the key out where nothing is known")
    return value


def _species(value: str) -> str:
    latin = _SPECIES.get(value.lower(), value)
    if not re.fullmatch(r"[A-Z][a-z]+( [a-z]+){1,2}|https?://\S*NCBITaxon\S*", latin):
        raise ValueError(f"the Latin name, such as 'Mus musculus', or one of {', '.join(_SPECIES)}")
    return latin


def _sex(value: Any) -> Any:
    return _SEXES.get(value.strip().lower(), value.strip().upper()) if isinstance(value, str) else value


def _age(value: str) -> str:
    plain = re.fullmatch(r"(\d+) ?(day|week|month|year)s?", value)
    iso = f"P{plain[1]}{_UNITS[plain[2]]}" if plain else value
    if not re.fullmatch(f"{_AGE}(/({_AGE})?)?", iso):
        raise ValueError("a time such as '12 weeks' or P90D (ISO 8601)")
    return iso


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("a date, such as 2026-08-01") from None


def _weight(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"a weight with its unit, such as '{value:g} g'")
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(mg|g|kg)", value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a weight with its unit, such as '21.5 g'")
    return f"{found[1]} {found[2]}"


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text), AfterValidator(_filled)]
Texts = Annotated[list[Text], BeforeValidator(_several, json_schema_input_type=str | list[str])]


class Subject(Settings):
    """An animal."""

    subject_id: Text | None = None
    """Its name in your lab, such as M12."""
    species: Annotated[Text, AfterValidator(_species)] | None = None
    """Latin name, such as Mus musculus; mouse, rat and other common words are translated."""
    sex: Annotated[Literal["F", "M", "U", "O"], BeforeValidator(_sex, json_schema_input_type=str)] | None = None
    """F (female), M (male), U (unknown) or O (other)."""
    age: Annotated[Text, AfterValidator(_age)] | None = None
    """Such as 12 weeks, or P90D as in ISO 8601."""
    date_of_birth: Annotated[date, BeforeValidator(_date, json_schema_input_type=date)] | None = None
    """Such as 2026-08-01."""
    weight: Annotated[str, BeforeValidator(_weight)] | None = None
    """With its unit, such as 21.5 g."""
    genotype: Text | None = None
    """Such as ChAT-IRES-Cre."""
    strain: Text | None = None
    """Such as C57BL/6J."""
    description: Text | None = None
    """Anything else about the animal."""


def _by_id(value: Any) -> Any:
    value = _text(value)
    return {"subject_id": value} if isinstance(value, str) else value


class SessionMetadata(Settings):
    """What is recorded of a session's subject and circumstances, in session.json."""

    subject: Annotated[Subject, BeforeValidator(_by_id, json_schema_input_type=str | Subject)] = Subject()
    """The animal: a mapping, or just its subject_id."""
    experimenter: Texts = []
    """Who does it: a name, or a list."""
    lab: Text | None = None
    """The lab."""
    institution: Text | None = None
    """The institution."""
    session_description: Text | None = None
    """What is done in this session."""
    experiment_description: Text | None = None
    """What the whole experiment is about."""
    notes: Text | None = None
    """Notes on this session; `dlstream run --note` adds to them."""
    keywords: Texts = []
    """Words to search for."""
    protocol: Text | None = None
    """Number of the animal protocol."""
    surgery: Text | None = None
    """Surgeries: what was done, when, by whom."""
    virus: Text | None = None
    """Viruses: which, where, how much."""
    pharmacology: Text | None = None
    """Drugs: which, how and when."""
    stimulus_notes: Text | None = None
    """About the stimuli, such as the laser's wavelength and power."""
    related_publications: Texts = []
    """DOIs or URLs."""
    other: dict[Annotated[str, Field(min_length=1, max_length=100)], str | int | float | bool] = {}
    """Anything for which NWB has no word, such as cage: 4."""

    def contents(self) -> dict[str, Any]:
        """What is known, as session.json has it: nested, without what was left out."""
        found: dict[str, Any] = self.model_dump(
            mode="json", exclude_none=True, include=set(SessionMetadata.model_fields)
        )
        return {name: value for name, value in found.items() if value not in ([], {}, "")}

    def entries(self) -> list[str]:
        """The same as `key=value`, as the recorder's parameter takes it."""
        return [f"{key}={_plain(value)}" for key, value in _flat(self.contents())]

    def said_of(self, name: str) -> str | None:
        """What it says of a word that an experiment's metadata may have as well; None where it says nothing."""
        contents = self.contents()
        subject = contents.get("subject", {})
        known = {**subject, **contents, **contents.get("other", {}), "subject": subject.get("subject_id")}
        found = known.get(name, known.get("subject") if name in ("animal", "mouse", "subject_id") else None)
        return None if found is None else ", ".join(map(_plain, found)) if isinstance(found, list) else _plain(found)

    def in_words(self) -> str:
        """One line: `M12, F, Mus musculus; experimenter Ada`; empty if nothing is known."""
        contents = self.contents()
        parts = [", ".join(map(_plain, contents.pop("subject", {}).values()))]
        parts += [
            f"{name.replace('_', ' ')} {', '.join(map(_plain, value)) if isinstance(value, list) else _plain(value)}"
            for name, value in contents.items()
            if name != "other"
        ]
        parts += [f"{name} {_plain(value)}" for name, value in contents.get("other", {}).items()]
        return "; ".join(part for part in parts if part)


def metadata_of(entries: Iterable[str]) -> SessionMetadata:
    """Metadata from `key=value` texts, such as subject=M12, subject.sex=F, experimenter=Ada or other.cage=4.

    Raises:
        ValueError: one of them has no =, an unknown key or a wrong value.
    """
    nested: dict[str, Any] = {}
    for entry in entries:
        key, separator, text = entry.partition("=")
        if not separator:
            raise ValueError(f"key=value, but {entry!r} has no =")
        _put(nested, key, text)
    try:
        return SessionMetadata.model_validate(nested)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from error


def metadata_in(contents: Mapping[str, Any]) -> SessionMetadata:
    """The metadata of a session.json, also of an earlier version, whose words were anybody's own."""
    known = contents.get("metadata") or {}
    try:
        return SessionMetadata.model_validate(known)
    except ValidationError:
        return SessionMetadata(other={str(key): str(value) for key, value in known.items()})


def merged(base: SessionMetadata, more: SessionMetadata) -> SessionMetadata:
    """Both together.

    Raises:
        ValueError: they contradict each other: a session would not know which is right.
    """
    first, second = dict(_flat(base.contents())), dict(_flat(more.contents()))
    for key, value in second.items():
        if first.get(key, value) != value:
            raise ValueError(f"{key}: found {_plain(value)!r}, where {_plain(first[key])!r} was given before")
    nested: dict[str, Any] = {}
    for key, value in {**first, **second}.items():
        _put(nested, key, value)
    return SessionMetadata.model_validate(nested)


def _put(nested: dict[str, Any], key: str, value: Any) -> None:
    """Puts a value at a dotted key; `other` may have keys with dots."""
    if isinstance(value, str) and value.startswith('["'):
        value = json.loads(value)
    section, dot, rest = key.partition(".")
    if not dot:
        known = nested.get(key)
        nested[key] = {**known, "subject_id": value} if key == "subject" and isinstance(known, dict) else value
        return
    inner = nested.setdefault(section, {})
    if not isinstance(inner, dict):
        inner = nested[section] = {"subject_id": inner}
    inner[rest] = value


def _flat(contents: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in contents.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sentence(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            model = Subject if item["loc"][0] == "subject" else SessionMetadata
            hint = suggest(str(item["loc"][-1]), list(model.model_fields))
            lines.append(f"a key of the session's metadata, and {key} is none. {hint} Any other one is other.{key}")
        else:
            lines.append(f"{expected(item)} as {key}, but found {shown(item['input'])}")
    return "; ".join(lines)
