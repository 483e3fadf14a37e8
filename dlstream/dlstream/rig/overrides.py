"""Values of the command line in place of the rig file's: `--set cameras.top.fps=60`, `--subject M12`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from dlstream._paths import of_its_own, parts_of
from dlstream_common import DlstreamError, Place, Problem, key_of

_SHORT = {("experiment",): "file", ("session", "subject"): "subject_id"}
"""Sections that a file may write as one value, and the key for which it stands."""
_SWITCHES = {("panel",)}
"""Sections that a file may write as `true`."""
_RECORDED = ("session", "recorder")
"""Sections of what only a recorder writes."""


@dataclass(frozen=True)
class Override:
    """One option of the command line.

    Attributes:
        option: as it was typed, such as `--set cameras.top.fps=60`.
        place: the key in the rig file.
    """

    option: str
    place: Place
    value: Any

    @classmethod
    def set(cls, text: str) -> Override:
        """From the text after --set.

        Raises:
            DlstreamError: it is no key=value.
        """
        key, separator, value = text.partition("=")
        if not separator:
            raise DlstreamError(f"--set: found '{text}'; expected key=value, such as cameras.top.fps=60")
        try:
            return cls(f"--set {text}", parts_of(key), plain_value(value))
        except DlstreamError as error:
            raise DlstreamError(f"--set {error}") from error

    @classmethod
    def subject(cls, name: str) -> Override:
        """The animal; what the file says of another one must not be recorded for it."""
        return cls(f"--subject {name}", ("session", "subject", "subject_id"), name)

    @classmethod
    def session(cls, name: str) -> Override:
        """The name of the session's folder."""
        return cls(f"--session {name}", ("recorder", "session"), name)

    @classmethod
    def namespace(cls, name: str) -> Override:
        """The namespace of the rig."""
        return cls(f"--namespace {name}", ("namespace",), name)

    @classmethod
    def note(cls, text: str) -> Override:
        """A note, in addition to those of the file."""
        return cls(f"--note {text}", ("session", "notes"), text)


def overrides_of(
    subject: str = "",
    session: str = "",
    notes: Sequence[str] = (),
    changes: Sequence[str] = (),
    namespace: str | None = None,
) -> list[Override]:
    """From the options of a command.

    Raises:
        DlstreamError: one of the changes is no key=value.
    """
    found = [Override.set(text) for text in changes]
    found += [Override.subject(subject)] if subject else []
    found += [Override.session(session)] if session else []
    found += [Override.namespace(namespace)] if namespace is not None else []
    return found + [Override.note(text) for text in notes]


def options_of(overrides: Sequence[Override]) -> list[str]:
    """The words of a command line that says the same, for another host."""
    return [word for override in overrides for word in override.option.split(" ", 1)]


def plain_value(text: str) -> Any:
    """A value as a YAML file would have it.

    Raises:
        DlstreamError: it is none.
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:
        expected = "a value such as 3, true, neck or [neck, snout]; is a bracket or a quote left open?"
        raise DlstreamError(f"found '{text}'; expected {expected}") from error


class Overridden:
    """A rig file's content with the command line's values in it.

    Raises:
        DlstreamError: an option has no place in the file, or contradicts it.
    """

    def __init__(self, data: CommentedMap, overrides: Sequence[Override]) -> None:
        self.data = data
        self._made: list[tuple[Place, str]] = []
        for override in overrides:
            try:
                self._put(override)
            except DlstreamError as error:
                raise DlstreamError(f"{override.option}: {error}") from error

    def with_option(self, problem: Problem) -> Problem:
        """The problem with the option that caused it, if none of the file's lines did."""
        for place, option in reversed(self._made):
            length = min(len(place), len(problem.place))
            if (
                problem.file is None
                and length
                and problem.place[:length] == place[:length]
                and (len(problem.place) >= len(place))
            ):
                return replace(problem, option=option, line=None)
        return problem

    def _put(self, override: Override) -> None:
        place = override.place
        by_name = not override.option.startswith("--set")
        if by_name and place[0] in _RECORDED and "recorder" not in self.data:
            raise DlstreamError(
                "this rig has no recorder, so that it would be written nowhere; expected a section 'recorder'"
            )
        owner: Any = self.data
        made: Place | None = None
        for depth, part in enumerate(place[:-1], start=1):
            inner = _get(owner, part)
            if inner is None and isinstance(owner, dict):
                owner[part] = CommentedMap()
                made = made or place[:depth]
            elif isinstance(inner, str) and place[:depth] in _SHORT:
                owner[part] = CommentedMap({_SHORT[place[:depth]]: inner})  # type: ignore[index]
            elif inner is True and place[:depth] in _SWITCHES:
                owner[part] = CommentedMap()
            elif not isinstance(inner, (dict, list)):
                raise DlstreamError(f"found {key_of(place[:depth])}, which is {inner!r}; expected a section with keys")
            owner = of_its_own(owner, _known(owner, part))
        last = _known(owner, place[-1])
        if by_name:
            self._keep_apart(override, owner)
        value = override.value
        if override.option.startswith("--note") and isinstance(owner.get(last), str):
            value = f"{owner[last]}\n{value}"
        if isinstance(owner, list) and (not isinstance(last, int) or last >= len(owner)):
            raise DlstreamError(f"found {key_of(place[:-1])}, a list of {len(owner)}; expected a number below that")
        owner[last] = value
        self._made.append((made or place, override.option))

    def _keep_apart(self, override: Override, owner: dict[str, Any]) -> None:
        """What the file says of one animal is not recorded for another."""
        known = owner.get("subject_id") if override.place[-1] == "subject_id" else None
        others = [str(key) for key in owner if key != "subject_id"]
        if known is not None and known != override.value and others:
            raise DlstreamError(
                f"the file's session.subject is {known}, with {', '.join(others)} of it; expected what is said "
                f"of '{override.value}'. Write both below session.subjects, by their names: --subject then picks one"
            )


def _get(owner: Any, part: str | int) -> Any:
    if isinstance(owner, list):
        if not isinstance(part, int) or part >= len(owner):
            raise DlstreamError(f"found a list of {len(owner)}; expected a number below that in place of '{part}'")
        return owner[part]
    return owner.get(_known(owner, part))


def _known(owner: Any, part: str | int) -> Any:
    """The key as the file has it, such as the number 7 for '7'."""
    return next((key for key in owner if str(key) == str(part)), part) if isinstance(owner, dict) else part
