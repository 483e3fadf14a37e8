"""The files that a recorded run depended on: the session's own copies of them."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from dlstream.offline.session_lines import journal_of
from dlstream_common import DlstreamError, RecordingError, UsedFile, resolved
from dlstream_experiment.journal.journal import Beginning
from dlstream_recorder import FILES, JOURNAL, read_session


def copies(beginning: Beginning, session: Path) -> dict[str, Path]:
    """The session's copy of each file that the experiment of a run names, by its name as it is written there.

    A copy is known by its SHA-256, whatever it is called. Where it is lost or was altered, the file itself takes its
    place as long as it is where it was, and as it was.

    Raises:
        DlstreamError: names every file that is no longer available as it was.
    """
    kept, found, problems = _kept(session), {}, list[str]()
    for used in beginning.files:
        path = kept.get(used.sha256, used.path)
        if used.sha256 in kept or _sha256(path) == used.sha256:
            found[used.written] = path
        else:
            original = "has changed since" if used.path.exists() else "no longer exists"
            problems.append(
                f"{session}: the experiment needs '{used.written}', but {_what_of(used, session)}, and {used.path} "
                f"{original}; expected a file of SHA-256 {used.sha256} in {session / FILES}, under any name"
            )
    if problems:
        raise DlstreamError("\n".join(problems))
    return found


def copy_warnings(beginning: Beginning, session: Path) -> list[str]:
    """A sentence for each lost or altered copy whose original is read in its place."""
    kept = _kept(session)
    return [
        f"{_what_of(used, session)}: '{used.written}' is read from {used.path}, which is unchanged"
        for used in beginning.files
        if used.sha256 not in kept and _sha256(used.path) == used.sha256
    ]


def copies_for(experiment: Path, beginning: Beginning, session: Path) -> dict[str, Path]:
    """As `copies`, for another experiment file: only of those files that it would not find by itself."""
    kept = _kept(session)
    return {
        used.written: kept[used.sha256]
        for used in beginning.files
        if used.sha256 in kept and not _place(used.written, experiment).exists()
    }


def copies_beside(experiment: Path) -> dict[str, Path]:
    """As `copies_for`, for the experiment file in a session folder; nothing for one that is elsewhere."""
    session = resolved(experiment).parent
    if not (session / FILES).is_dir() or not (session / JOURNAL).is_file():
        return {}
    beginning = next((entry.beginning for entry in journal_of(session) if entry.beginning), None)
    return {} if beginning is None else copies_for(experiment, beginning, session)


def _place(written: str, experiment: Path) -> Path:
    path = Path(written)
    with contextlib.suppress(RuntimeError):  # the home of somebody who is not known on this machine
        path = path.expanduser()
    return resolved(experiment).parent / path


def _kept(session: Path) -> dict[str, Path]:
    """The session's copies by their SHA-256."""
    return {_sha256(path): path for path in sorted((session / FILES).glob("*")) if path.is_file()}


def _what_of(used: UsedFile, session: Path) -> str:
    """What became of the copy."""
    name = _name_of(used, session)
    if name is None:
        return "the session has no copy of it"
    return f"its copy {name} {'was altered' if (session / name).exists() else 'is missing'}"


def _name_of(used: UsedFile, session: Path) -> str | None:
    """What the copy was called; None where there never was one, or nothing is known of it."""
    try:
        hashes = read_session(session).get("hashes", {})
    except RecordingError:
        return None
    return next((name for name, sha256 in hashes.items() if sha256 == used.sha256), None)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
