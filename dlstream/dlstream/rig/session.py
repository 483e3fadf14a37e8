"""The rig file's section `session`: the subject and the circumstances of the sessions that the rig records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from ruamel.yaml.comments import CommentedMap

from dlstream_common import DlstreamError, Problem, misfit, suggest
from dlstream_common.yaml.wording import shown
from dlstream_recorder import SessionMetadata, Subject


def unquoted_names(data: Any) -> Iterator[Problem]:
    """Names of animals that YAML reads as other ones: 007 as the number 7, 12_3 as 123, 1.10 as 1.1.

    Args:
        data: a rig file's content as ruamel reads it.
    """
    session = data.get("session")
    subjects = session.get("subjects") if isinstance(session, dict) else None
    if not isinstance(subjects, CommentedMap):
        return
    for name in subjects:
        if not isinstance(name, str) and type(name) is not int:
            expected = "a text: write it in quotes, as in '007' (of 007 the file keeps only 7)"
            place = ("session", "subjects", str(name))
            yield Problem(place, shown(name), expected, line=subjects.lc.key(name)[0] + 1)


class RigSession(SessionMetadata):
    """Subject and circumstances, in the words of NWB; written into every session."""

    subjects: dict[Annotated[str, Field(min_length=1, max_length=100)], Subject] = {}
    """Several animals by subject_id, one of which `dlstream run --subject ID` picks."""

    @field_validator("subjects")
    @classmethod
    def _named(cls, subjects: dict[str, Subject]) -> dict[str, Subject]:
        for name, known in subjects.items():
            if known.subject_id not in (None, name):
                raise misfit(name, f"no subject_id, or '{name}': the key says it")
        return subjects

    @model_validator(mode="after")
    def _known(self) -> RigSession:
        name = self.subject.subject_id
        if self.subjects and name is not None and name not in self.subjects:
            raise misfit("subject", f"one of session.subjects. {suggest(name, list(self.subjects))}".rstrip(". "))
        return self

    def metadata(self) -> SessionMetadata:
        """What sessions get: with the chosen one of the subjects, and what is said of it.

        Raises:
            ValueError: `subject` contradicts what `subjects` says of the same animal.
        """
        values = self.contents()
        chosen = self.subjects.get(self.subject.subject_id or "")
        if chosen is not None:
            known = chosen.model_dump(mode="json", exclude_none=True)
            said = values.get("subject", {})
            for key, value in known.items():
                if said.get(key, value) != value:
                    raise ValueError(f"session.subject.{key} is '{said[key]}', and session.subjects says '{value}'")
            values["subject"] = {**known, **said}
        return SessionMetadata.model_validate(values)

    def require_subject(self) -> None:
        """Raises DlstreamError where the rig knows several animals and nobody said which one is in it."""
        if self.subjects and self.subject.subject_id is None:
            known = ", ".join(self.subjects)
            raise DlstreamError(
                f"session.subject: found none; expected one of session.subjects: {known}. Give --subject ID"
            )
