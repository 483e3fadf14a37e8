"""What a session knows of its rig, so that another experiment is checked before it is replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlstream.offline.experiments import recorded_experiment
from dlstream.offline.outside import external_triggers
from dlstream.offline.session_lines import about_session
from dlstream_common import InputError, Place, Problem, line_of, suggest
from dlstream_experiment import Experiment, check_experiment
from dlstream_experiment.journal.journal import Beginning, Entry
from dlstream_experiment.runtime.inputs import Poses

Size = tuple[int, int]


@dataclass(frozen=True)
class Recorded:
    """The rig of a session, as far as the session records it.

    Attributes:
        keypoints: of each camera whose poses are in the journal.
        sizes: width and height of each camera's images, where they were recorded and did not change.
        outputs: those that took part; None if that is not known.
        depths: the cameras whose poses have the depth of their keypoints.
    """

    session: Path
    keypoints: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, Size]
    outputs: Sequence[str] | None
    depths: frozenset[str] = frozenset()

    @classmethod
    def of(cls, session: Path, entries: Sequence[Entry]) -> Recorded:
        """From a session's journal, and its session.json where there is one."""
        keypoints: dict[str, tuple[str, ...]] = {}
        poses = [entry.input.poses for entry in entries if isinstance(entry.input, Poses)]
        for one in poses:
            keypoints.setdefault(one.camera, one.keypoints)
        depths = frozenset(one.camera for one in poses if any(item.depth is not None for item in one.individuals))
        about = about_session(session)
        sizes: dict[str, Size] = {}
        for name, camera in about.get("cameras", {}).items():
            found = {(part["width"], part["height"]) for part in camera.get("parts", ()) if part.get("width")}
            if len(found) == 1:
                sizes[name] = found.pop()
        return cls(session, keypoints, sizes, about.get("settings", {}).get("outputs") or None, depths)

    def check(self, experiment: Experiment, beginning: Beginning, name: str, allow_python: bool = False) -> Experiment:
        """The experiment, where it could have run here in place of the one that did.

        What was already wrong when it ran is no mistake of the new one.

        Args:
            name: of the experiment's file, for messages.

        Raises:
            InputError: it asks for a camera, a keypoint or an output that did not exist, a place outside the image, or
                values from outside that the run did not listen to.
        """
        ran = recorded_experiment(beginning, self.session, allow_python)
        before = {_words(problem) for problem in self._problems(ran, ran)}
        new = [problem for problem in self._problems(experiment, ran) if _words(problem) not in before]
        if new:
            raise InputError(name, sorted(new, key=lambda item: item.line or 0))
        return experiment

    def _problems(self, experiment: Experiment, ran: Experiment) -> list[Problem]:
        names = list(dict.fromkeys(name for points in self.keypoints.values() for name in points)) or None
        outputs = None if self.outputs is None else list(dict.fromkeys([*self.outputs, *ran.outputs]))
        found = [*self._cameras(experiment, ran), *_sources(experiment, ran)]
        try:
            check_experiment(experiment, image_sizes=self.sizes, keypoints=names, outputs=outputs, depths=self.depths)
        except InputError as error:
            found += error.problems
        for camera, points in self.keypoints.items():
            for keypoint, trigger in experiment.missing_keypoints(camera, points).items():
                if names and keypoint in names:
                    expected = f"a keypoint of the poses of camera '{camera}'"
                    line = line_of(experiment.data, ("triggers", trigger))
                    found.append(
                        Problem(("triggers", trigger), f"'{keypoint}'", expected, suggest(keypoint, points), line=line)
                    )
        return found

    def _cameras(self, experiment: Experiment, ran: Experiment) -> Iterator[Problem]:
        """The journal has the poses of the cameras that the run listened to, and of no others."""
        known = list(dict.fromkeys([*self.keypoints, *ran.cameras]))
        places: dict[Place, str] = {("camera",): experiment.camera}
        places |= {("regions", key, "camera"): item.camera for key, item in experiment.regions.items() if item.camera}
        for place, camera in places.items():
            if camera not in known:
                line = line_of(experiment.data, place)
                expected = "a camera whose poses the run got"
                yield Problem(place, f"'{camera}'", expected, suggest(camera, known), line=line)


def _sources(experiment: Experiment, ran: Experiment) -> Iterator[Problem]:
    """The journal has the values from outside that the run listened to, and no others."""
    known = list(dict.fromkeys(source.source for source in external_triggers(ran).values()))
    for trigger, source in external_triggers(experiment).items():
        if source.source not in known:
            place: Place = ("triggers", trigger)
            expected = "values from outside that the run listened to" + ("" if known else ": it listened to none")
            line = line_of(experiment.data, place)
            yield Problem(place, f"'{source.source}'", expected, suggest(source.source, known), line=line)


def _words(problem: Problem) -> tuple[Place, str, str]:
    return problem.place, problem.found, problem.expected
