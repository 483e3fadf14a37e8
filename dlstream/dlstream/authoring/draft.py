"""An unfinished experiment file: values are put into a template, and each is checked at once."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from dlstream._paths import find_place
from dlstream.authoring.explain import Known
from dlstream.authoring.templates import Template
from dlstream.rig.ament import share
from dlstream_common import DlstreamError, InputError, Place, Problem, read_yaml
from dlstream_experiment import check_experiment, load_experiment

_TEMPLATE_NOTE = re.compile(r"^(#\n)?# Keypoints: .*\n", re.MULTILINE)
"""What the template says of its keypoints and its image: they need not be those of the file."""


class Draft:
    """The future file, with its comments; no value that is set may bring a new mistake."""

    def __init__(self, template: Template, file: Path, known: Known) -> None:
        self.file, self._known = file, known
        self._yaml = YAML(typ="rt")
        self._yaml.width = 118
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._data = read_yaml(template.file)
        folder = template.file.resolve().parent
        for place in _leaves(self._data, ()):
            value = self.get(place)
            if isinstance(value, str) and Path(value).suffix and (folder / value).is_file():
                self._put(place, str(folder / value))  # the new file lies in another folder
        self._last_valid = ""  # the text when it was last valid
        self._problems = self._find_problems()

    def get(self, place: Place) -> Any:
        """The value there; None where there is none."""
        data: Any = self._data
        for part in place:
            inside = isinstance(data, Mapping) and part in data
            counted = isinstance(data, list) and isinstance(part, int) and part < len(data)
            if not (inside or counted):
                return None
            data = data[part]
        return data

    def set(self, place: Place, value: Any) -> None:
        """Puts a value in.

        Raises:
            DlstreamError: it is wrong; the draft is as before.
        """
        before, problems = copy.deepcopy(self._data), self._problems
        self._put(place, value)
        self._problems = self._find_problems()
        known = {_words(problem) for problem in problems}
        new = [item for item in self._problems if _words(item) not in known or _is_at(item, place)]
        if new:
            self._data, self._problems = before, problems
            raise DlstreamError("; ".join(str(problem) for problem in new[:3]))

    def remove(self, place: Place) -> None:
        """Takes out a key that is there."""
        del self.get(place[:-1])[place[-1]]
        self._problems = self._find_problems()

    def place(self, key: str) -> Place:
        """The place of a key, such as regions.left.radius or protocol.stop[0].wait.

        Raises:
            DlstreamError: its parent is missing.
        """
        return find_place(self._data, key)

    def problems_at(self, place: Place) -> list[str]:
        """What is wrong with the value there."""
        return [str(problem) for problem in self._problems if _is_at(problem, place)]

    def leaves(self, place: Place) -> list[Place]:
        """The places of all plain values, and of lists of them, below a place; without types."""
        return [leaf for leaf in _leaves(self.get(place), place) if leaf[-1] != "type"]

    def outputs(self) -> list[str]:
        """Every output that is named."""
        found = [str(self.get(place)) for place in self.leaves(("protocol",)) if place[-1] == "output"]
        return list(dict.fromkeys(found))

    def choices(self, place: Place) -> list[str]:
        """What can stand there, as far as it is known."""
        key = next((part for part in reversed(place) if isinstance(part, str)), "")
        if key in ("keypoint", "keypoints", "start", "end") and place[0] == "triggers":
            return list(self._known.keypoints or ())
        if key in ("individual", "other") and place[0] == "triggers" and self._known.individuals:
            return ["any", *self._known.individuals]
        if key == "camera":
            return list(self._known.cameras or ())
        if key == "output":
            return list(self._known.outputs or ())
        section = {"region": "regions", "trigger": "triggers", "when": "triggers"}.get(key)
        return [str(name) for name in self.get((section,)) or ()] if section else []

    def show(self, value: Any) -> str:
        """A value on one line, as the user would type it."""
        if isinstance(value, str) and value == value.strip() and value:
            return value
        stream = io.StringIO()
        flow = YAML(typ="safe", pure=True)
        flow.default_flow_style = True
        flow.width = 10_000
        flow.dump(_plain(value), stream)
        return stream.getvalue().removesuffix("...\n").strip()

    def read(self, text: str, before: Any) -> Any:
        """An answer as a value; `before` shows whether a list is expected.

        Raises:
            DlstreamError: it can't be understood.
        """
        if isinstance(before, list) and not text.lstrip().startswith("["):
            text = f"[{text}]"
        try:
            value = YAML(typ="safe", pure=True).load(text)
        except (YAMLError, ValueError) as error:
            raise DlstreamError(f"'{text}' can't be understood; expected a plain value, such as 3 or [a, b]") from error
        if isinstance(before, str) and not isinstance(value, (str, bool, list, dict)):
            return text
        return value

    def text(self, schema: bool = True) -> str:
        """The file; with the place of its schema on this machine, for editors."""
        stream = io.StringIO()
        self._yaml.dump(self._data, stream)
        text = _TEMPLATE_NOTE.sub("", stream.getvalue())
        lines = [line for line in text.splitlines() if not line.startswith("# yaml-language-server")]
        published = share("config", "schema", "experiment.schema.json")
        if schema and published.is_file():
            lines.insert(0, f"# yaml-language-server: $schema={published.as_posix()}")
        return "\n".join(lines) + "\n"

    def write(self, schema: bool = True) -> None:
        """Writes the file; `schema` as for `text`.

        Raises:
            InputError: something is still wrong; nothing was written.
            DlstreamError: it can't be written.
        """
        if self._problems:
            raise InputError(self.file, [replace(problem, line=None) for problem in self._problems])
        try:
            self.file.write_text(self.text(schema), encoding="utf-8")
        except OSError as error:
            raise DlstreamError(f"{self.file}: can't be written ({error.strerror})") from error

    def _put(self, place: Place, value: Any) -> None:
        data: Any = self._data
        for part in place[:-1]:
            if isinstance(data, Mapping) and data.get(part) is None:
                data[part] = CommentedMap()  # type: ignore[index]
            data = data[part]
        old = self.get(place)
        value = _as_yaml(value)
        if isinstance(old, CommentedSeq) and isinstance(value, CommentedSeq):
            old[:] = list(value)  # keeps the comment behind it
        else:
            data[place[-1]] = value

    def _find_problems(self) -> list[Problem]:
        known = self._known
        stream = io.StringIO()
        self._yaml.dump(self._data, stream)
        text = stream.getvalue()
        if text == self._last_valid:  # Enter keeps a value
            return []
        with TemporaryDirectory() as folder:
            path = Path(folder) / "experiment.yaml"
            path.write_text(text, encoding="utf-8")
            try:
                check_experiment(
                    load_experiment(path),
                    cameras=known.cameras,
                    image_sizes=known.sizes,
                    keypoints=known.keypoints,
                    individuals=known.individuals,
                    outputs=known.outputs,
                    inputs=known.inputs,
                )
            except InputError as error:
                return list(error.problems)
        self._last_valid = text
        return []


def _words(problem: Problem) -> tuple[Place, str, str]:
    return problem.place, problem.found, problem.expected


def _is_at(problem: Problem, place: Place) -> bool:
    return problem.place[: len(place)] == place


def _leaves(data: Any, place: Place) -> Iterator[Place]:
    plain = isinstance(data, list) and not any(isinstance(item, (list, dict)) for item in data)
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _leaves(value, (*place, key))
    elif isinstance(data, list) and not plain:
        for index, value in enumerate(data):
            yield from _leaves(value, (*place, index))
    elif data is not None:
        yield place


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return float(value) if isinstance(value, float) else int(value) if isinstance(value, int) else str(value)


def _as_yaml(value: Any) -> Any:
    """On one line, as in the included files."""
    if isinstance(value, Mapping):
        mapping = CommentedMap({key: _as_yaml(item) for key, item in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list) and not isinstance(value, CommentedSeq):
        items = CommentedSeq([_as_yaml(item) for item in value])
        items.fa.set_flow_style()
        return items
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
