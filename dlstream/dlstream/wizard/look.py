"""What the answers come to: both files, what does not fit yet, and the experiment in words and as a diagram."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known, safety_in_words
from dlstream.authoring.templates import find_template
from dlstream.rig.file import Rig, load_rig_data
from dlstream.wizard.experiment_draft import ExperimentDraft
from dlstream.wizard.folder import Folder, FolderError
from dlstream.wizard.rig_draft import camera_data, output_data, rig_data, rig_text
from dlstream_common import DlstreamError, InputError, Problem
from dlstream_experiment import Experiment, load_checked
from dlstream_experiment.describe.course import course
from dlstream_experiment.describe.words import region_in_words, trigger_in_words, usual_in_words
from dlstream_panel.course import laid_out
from dlstream_panel.wizard_requests import Answers, OutputAnswer

_STEPS = {"cameras": "camera", "pose": "network", "outputs": "outputs", "regions": "regions", "calibration": "regions"}


@dataclass(frozen=True)
class Made:
    """Both files; a text is empty where its answers lack."""

    rig: str
    experiment: str


class Look:
    """Goes through the answers once; `problems` has what does not fit, by the step at which it is changed.

    Args:
        cameras: source and serial number of the connected cameras.
    """

    def __init__(self, answers: Answers, folder: Folder, cameras: Collection[tuple[str, str]]) -> None:
        self._answers, self._folder = answers, folder
        self.problems: list[dict[str, str]] = []
        self.warnings: list[str] = []
        self._rig_file = self._name(answers.rig_file, "rig.yaml")
        self._file = self._name(answers.experiment_file, "experiment.yaml")
        if answers.rig_file == answers.experiment_file:
            self._say("files", f"{answers.rig_file}: both files have this name; expected two names")
        found = self._cameras(cameras)
        network = self._try("network", self._network)
        draft = self._template()
        outputs = {name: self._output(name, draft) for name in (draft.outputs() if draft else [])}
        data = rig_data(answers, found, network or "", {k: v for k, v in outputs.items() if v})
        whole = len(found) == len(answers.cameras) and network and all(outputs.values())
        self._rig_text = rig_text(data) if whole else ""
        known = self._known(data) if self._rig_text else None
        self.experiment = self._experiment(known or Known(), draft) if draft else None
        self.made = Made(self._rig_text, self.experiment.draft.text() if self.experiment else "")
        self._known_rig = known
        self._in_words = self._explained()

    @property
    def fits(self) -> bool:
        """Whether both files may be written."""
        return not self.problems

    def view(self) -> dict[str, Any]:
        """For the page."""
        known = self._known_rig
        sizes = {**known.asked, **known.sizes} if known else {}
        return {
            "problems": self.problems,
            "rig_text": self.made.rig,
            "experiment_text": self.made.experiment,
            "sizes": sizes,
            "keypoints": known.keypoints if known else None,
            "animals": known.individuals if known else None,
            "outputs": self.experiment.outputs() if self.experiment else [],
            "fields": self.experiment.fields() if self.experiment else [],
            "drawing": self.experiment.drawing(sizes) if self.experiment else None,
            "explained": self._in_words,
            "warnings": self.warnings,
        }

    def _say(self, step: str, text: str) -> None:
        if {"step": step, "text": text} not in self.problems:
            self.problems.append({"step": step, "text": text})

    def _try(self, step: str, make: Any) -> Any:
        try:
            return make()
        except DlstreamError as error:
            self._say(step, str(error))
            return None

    def _name(self, name: str, otherwise: str) -> Path:
        """Where a file is to be written; where that can't be, another place to look at it from."""
        file: Path | None = self._try("files", lambda: self._folder.new_file(name))
        return file or self._folder.path / otherwise

    def _cameras(self, connected: Collection[tuple[str, str]]) -> dict[str, dict[str, Any]]:
        """The section of each camera that can be had."""
        found: dict[str, dict[str, Any]] = {}
        for number, answer in enumerate(self._answers.cameras):
            if answer.name in found:
                self._say("camera", f"{answer.name}: two cameras have this name; expected a name of its own for each")
                continue
            data = self._try("camera", functools.partial(camera_data, answer, self._folder, connected, number))
            if data is None:
                continue
            if answer.kind == "device" and data in found.values():
                other = next(name for name, known in found.items() if known == data)
                self._say("camera", f"{answer.name}: it is the same device as {other}; expected another one")
            found[answer.name] = data
        return found

    def _network(self) -> str:
        file = self._folder.network(self._answers.network)
        return file.name if file.parent == self._folder.path else str(file)

    def _template(self) -> Draft | None:
        if not self._answers.template:
            self._say("protocol", "nothing was chosen; choose an experiment to begin with")
            return None
        return self._try("protocol", lambda: Draft(_included(self._answers.template), self._file, Known()))

    def _output(self, name: str, draft: Draft | None) -> dict[str, Any] | None:
        answer = self._answers.outputs.get(name, OutputAnswer(type="log"))
        images = _images_of(draft, name) if draft else set()
        try:
            return output_data(answer, images)
        except DlstreamError as error:
            self._say("outputs", f"{name}: {error}")
            return None

    def _known(self, data: Any) -> Known | None:
        file = self._rig_file
        try:
            rig: Rig = load_rig_data(file, data, without_experiment=True)
        except InputError as error:
            for problem in error.problems:
                self._say(_STEPS.get(str(problem.place[:1] and problem.place[0]), "files"), _words(problem))
            return None
        for camera in rig.cameras.values():
            self._try("camera", camera.published_size)  # type: ignore[union-attr]
        try:
            return Known.of_rig(rig, file)
        except DlstreamError as error:
            self._say("network", str(error))
            return Known.of_rig(rig, file, with_network=False)

    def _experiment(self, known: Known, draft: Draft) -> ExperimentDraft:
        fitted = Draft(draft.template, self._file, known)
        made = ExperimentDraft(self._answers, fitted, known)
        for text in made.refused.values():
            self._say("protocol", text)
        for problem in made.draft.problems:
            self._say(_STEPS.get(str(problem.place[:1] and problem.place[0]), "protocol"), _words(problem))
        return made

    def _explained(self) -> dict[str, Any] | None:
        """The experiment in words and as a diagram; None while something in it does not fit."""
        known = self._known_rig
        if known is None or self.experiment is None or self.experiment.draft.problems:
            return None
        with TemporaryDirectory() as folder:
            file = Path(folder) / "experiment.yaml"
            file.write_text(self.made.experiment, encoding="utf-8")
            try:
                experiment, warnings = load_checked(file, known.rig())
            except InputError as error:
                for problem in error.problems:
                    self._say("protocol", _words(problem))
                return None
        self.warnings = [_words(problem) for problem in warnings]
        return {
            **laid_out(json.dumps(course(experiment))),
            "parts": [{"title": title, "lines": lines} for title, lines in _parts(experiment) if lines],
        }


def _included(name: str) -> Any:
    """An included template: no path comes from a page."""
    if not name.isidentifier():
        raise FolderError(f"'{name}': there is no such experiment to begin with; choose one of the list")
    return find_template(name)


def _parts(experiment: Experiment) -> Iterator[tuple[str, list[str]]]:
    e = experiment
    yield "Regions", [f"{name}: {region_in_words(region, e.camera)}" for name, region in e.regions.items()]
    triggers = [f"{name}: true when {trigger_in_words(item)}" for name, item in e.triggers.items()]
    usual = usual_in_words(e.triggers.values())
    yield "Triggers", [*triggers, *([usual] if usual else [])]
    yield "Safety", list(safety_in_words(e))


def _images_of(draft: Draft, output: str) -> set[str]:
    """The pictures that the protocol shows on an output."""
    leaves = [place for place in draft.leaves(("protocol",)) if place[-2:] == ("values", "image")]
    return {str(draft.get(place)) for place in leaves if draft.get((*place[:-2], "output")) == output}


def _words(problem: Problem) -> str:
    expected = f"; expected {problem.expected}" if problem.expected else ""
    found = f"found {problem.found}" if problem.expected else problem.found
    return f"{problem.key}: {found}{expected}. {problem.suggestion}".rstrip()
