"""An unfinished experiment file: values are put into a template, and each is checked at once."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from dlstream._paths import find_place
from dlstream.authoring.draft_data import as_yaml, leaves_of, plain, rename_output
from dlstream.authoring.explain import Known
from dlstream.authoring.templates import Template
from dlstream_common import DlstreamError, InputError, Place, Problem, read_yaml
from dlstream_common.yaml.value import parse_value
from dlstream_experiment import check_experiment, load_experiment

_SCHEMA = "experiment.schema.json"
"""If such a file lies beside the new one, editors are pointed to it."""

_KEYPOINTS = (
    "keypoint",
    "keypoints",
    "start",
    "end",
    "neck",
    "nose",
    "tailroot",
    "reference",
    "active",
    "passive",
    "over",
)
"""The keys of triggers that are keypoints, or lists of them."""


class Draft:
    """The future file, with its comments; no value that is set may bring a new mistake."""

    def __init__(self, template: Template, file: Path, known: Known) -> None:
        self.template, self.file, self._known = template, file, known
        self.unfinished = False
        """Whether it is written although something in it does not fit."""
        self._origin = f"Made by `dlstream experiment new` from the template '{template.name}'."
        self._yaml = YAML(typ="rt")
        self._yaml.width = 118
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._data = read_yaml(template.file)
        folder = template.file.resolve().parent
        for place in leaves_of(self._data, ()):
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
        self.set_all({place: value})

    def set_all(self, values: Mapping[Place, Any]) -> None:
        """Puts values in that only fit together.

        Raises:
            DlstreamError: one is wrong; the draft is as before.
        """
        before, problems = copy.deepcopy(self._data), self._problems
        for place, value in values.items():
            self._put(place, value)
        self._problems = self._find_problems()
        known = {_words(problem) for problem in problems}
        new = [
            item for item in self._problems if _words(item) not in known or any(_is_at(item, place) for place in values)
        ]
        if new:
            self._data, self._problems = before, problems
            raise DlstreamError("; ".join(str(problem) for problem in new[:3]))

    def fill(self, values: Mapping[Place, Any]) -> None:
        """Puts values in, whether they fit or not: `problems` says what does not."""
        for place, value in values.items():
            self._put(place, value)
        self._problems = self._find_problems()

    def remove(self, place: Place) -> None:
        """Takes out a key that is there."""
        del self.get(place[:-1])[place[-1]]
        self._problems = self._find_problems()

    def known_output(self, name: str) -> Any:
        """What the rig says of an output; None where that is not known."""
        return (self._known.outputs or {}).get(name)

    def rename_output(self, old: str, new: str) -> None:
        """Another output in place of one of the protocol's, wherever it is named."""
        rename_output(self.get(("protocol",)), old, new)
        self._problems = self._find_problems()

    def place(self, key: str) -> Place:
        """The place of a key, such as regions.left.radius or protocol.stop[0].wait.

        Raises:
            DlstreamError: its parent is missing.
        """
        return find_place(self._data, key)

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong."""
        return list(self._problems)

    def problems_at(self, place: Place) -> list[str]:
        """What is wrong with the value there."""
        return [str(problem) for problem in self._problems if _is_at(problem, place)]

    def leaves(self, place: Place) -> list[Place]:
        """The places of all plain values, and of lists of them, below a place; without types."""
        return [leaf for leaf in leaves_of(self.get(place), place) if leaf[-1] != "type"]

    def outputs(self) -> list[str]:
        """Every output that is named."""
        found = [str(self.get(place)) for place in self.leaves(("protocol",)) if place[-1] == "output"]
        return list(dict.fromkeys(found))

    def choices(self, place: Place) -> list[str]:
        """What can stand there, as far as it is known."""
        key = next((part for part in reversed(place) if isinstance(part, str)), "")
        points = [*(self._known.keypoints or ()), *map(str, self.get(("keypoints",)) or ())]
        if key in _KEYPOINTS and place[0] == "triggers":
            return points if self._known.keypoints else []
        if key in ("individual", "other") and place[0] == "triggers" and self._known.individuals:
            return ["any", *self._known.individuals]
        if known := next((item.choices for item in self._problems if item.choices and _is_at(item, place)), None):
            return list(known)
        if key == "camera":
            return list(self._known.cameras or ())
        if key == "output":
            return list(self._known.outputs or ())
        if key == "image" and place[-2:-1] == ("values",):
            output = (self._known.outputs or {}).get(str(self.get((*place[:-2], "output"))))
            return [str(item).partition("=")[0] for item in getattr(output, "images", None) or ()]
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
        flow.dump(plain(value), stream)
        return stream.getvalue().removesuffix("...\n").strip()

    def read(self, text: str, before: Any) -> Any:
        """An answer as a value; `before` shows whether a list is expected.

        Raises:
            DlstreamError: it can't be understood.
        """
        if isinstance(before, list) and not text.lstrip().startswith("["):
            text = f"[{text}]"
        try:
            value = parse_value(text)
        except (YAMLError, ValueError) as error:
            raise DlstreamError(f"'{text}' can't be understood; expected a plain value, such as 3 or [a, b]") from error
        if isinstance(before, str) and not isinstance(value, (str, bool, list, dict)):
            return text
        return value

    def text(self) -> str:
        """The file. Of the template's own words at its head none are left: they need not be true of it."""
        stream = io.StringIO()
        self._yaml.dump(self._data, stream)
        lines = stream.getvalue().splitlines()
        while lines and (lines[0].startswith("#") or not lines[0].strip()):
            del lines[0]
        return "\n".join([*self._head(), "", *lines]) + "\n"

    def _head(self) -> Iterator[str]:
        if (self.file.parent / _SCHEMA).is_file():
            yield f"# yaml-language-server: $schema={_SCHEMA}"
        if self._origin:
            yield f"# {self._origin}"
        yield "# `dlstream experiment check FILE` explains it in words and pictures."

    def write(self) -> None:
        """Writes the file.

        Raises:
            InputError: something is still wrong; nothing was written.
            DlstreamError: it can't be written.
        """
        if self._problems and not self.unfinished:
            raise InputError(self.file, [replace(problem, line=None) for problem in self._problems])
        try:
            self.file.write_text(self.text(), encoding="utf-8")
        except OSError as error:
            raise DlstreamError(f"{self.file}: can't be written ({error.strerror})") from error

    def _put(self, place: Place, value: Any) -> None:
        data: Any = self._data
        for part in place[:-1]:
            if isinstance(data, Mapping) and data.get(part) is None:
                data[part] = CommentedMap()  # type: ignore[index]
            data = data[part]
        old = self.get(place)
        value = as_yaml(value)
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
                    load_experiment(path, folder=self.file.resolve().parent),
                    cameras=known.cameras,
                    image_sizes=known.sizes,
                    keypoints=known.keypoints,
                    individuals=known.individuals,
                    outputs=known.outputs,
                    inputs=known.inputs,
                    depths=known.depths,
                )
            except InputError as error:
                return list(error.problems)
        self._last_valid = text
        return []


def _words(problem: Problem) -> tuple[Place, str, str]:
    return problem.place, problem.found, problem.expected


def _is_at(problem: Problem, place: Place) -> bool:
    return problem.place[: len(place)] == place
