"""The subject and the circumstances of what is analysed: those of its session, or as said now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlstream.rig.file import Rig, load_rig
from dlstream_common import DlstreamError
from dlstream_recorder import SessionMetadata, merged, metadata_in, metadata_of, read_session


def metadata_for(
    session: Path | None, rig_file: Path | None, subject: str = "", notes: Sequence[str] = ()
) -> SessionMetadata:
    """The metadata for the analysis of a session's video, or of another one with a rig.

    A session's video keeps what its session says: the rig may be about another animal by now.

    Raises:
        DlstreamError: the options contradict that.
    """
    if session is not None:
        base = recorded_metadata(session)
    else:
        base = _of_rig(load_rig(rig_file, without_experiment=True), subject) if rig_file else SessionMetadata()
    try:
        said = metadata_of([f"subject={subject}"] if subject else [])
        found = merged(base, said)
    except ValueError as error:
        raise DlstreamError(f"--subject {subject}: {error}") from error
    if notes:
        text = "\n".join([*([found.notes] if found.notes else []), *notes])
        found = found.model_copy(update={"notes": text})
    return found


def recorded_metadata(session: Path) -> SessionMetadata:
    """What a session's session.json says, also where an earlier version of dlstream wrote it.

    Raises:
        RecordingError: it is no session.
    """
    return metadata_in(read_session(session))


def _of_rig(rig: Rig, subject: str) -> SessionMetadata:
    session = rig.session
    if subject and session.subject.subject_id is None:
        session = session.model_copy(update={"subject": session.subject.model_copy(update={"subject_id": subject})})
    session.require_subject()
    try:
        return session.metadata()
    except ValueError as error:
        raise DlstreamError(str(error)) from error
