"""`dlstream export`: a session in the formats of other tools."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dlstream_common import RecordingError
from dlstream_recorder.export._identity import undated
from dlstream_recorder.export.csv import write_csv
from dlstream_recorder.export.nwb import left_out, missing, write_nwb
from dlstream_recorder.export.recorded import Recorded, poses_with_virtual, read_recorded, steps_back
from dlstream_recorder.export.sleap import write_slp
from dlstream_recorder.metadata import SessionMetadata, merged, metadata_of
from dlstream_recorder.report.tables import read_experiment, read_poses, segment_stems, sibling
from dlstream_recorder.writers._files import write_error

FORMATS = ("csv", "nwb", "sleap")


def export_session(
    folder: Path,
    formats: Collection[str],
    out: Path,
    force: bool = False,
    metadata: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Writes a session in each format; returns the files.

    Args:
        formats: of `FORMATS`.
        out: the folder for them.
        force: whether to overwrite files.
        metadata: what session.json does not say, as `key=value`: subject.age=P90D.
        say: called with what a person should know.

    Raises:
        RecordingError: it is no finished session, a file exists already or can't be written, or there are no poses.
        DlstreamError: a library is not installed.
    """
    recorded = read_recorded(folder)
    known = with_metadata(recorded.about.get("metadata") or {}, metadata)
    recorded = replace(recorded, about={**recorded.about, "metadata": known})
    if "nwb" in formats and (lacking := missing(recorded)):
        say(
            f"the session does not say the subject's {', '.join(lacking)}, which archives of NWB files want. Name them "
            f"in the rig file's section session, or here: --metadata subject.{lacking[0]}=..."
        )
    if "nwb" in formats:
        for text in (*undated(recorded), *left_out(recorded)):
            say(text)
    if {"csv", "nwb"} & set(formats):
        for text in steps_back(recorded):
            say(text)
    written: list[Path] = []
    for name in FORMATS:
        if name in formats:
            try:
                written += _WRITERS[name](recorded, out, force)
            except OSError as error:
                raise write_error(out, error) from error
    return written


def with_metadata(metadata: Mapping[str, Any], entries: Sequence[str]) -> dict[str, Any]:
    """Metadata with further entries, such as `subject.age=P90D`.

    Raises:
        RecordingError: an entry is wrong, or the session says something else.
    """
    if not entries:
        return dict(metadata)
    try:
        known = SessionMetadata.model_validate(metadata)
    except ValidationError as error:
        raise RecordingError(
            "--metadata: can't be added to the metadata of this session, which an older dlstream wrote; edit "
            "'metadata' in its session.json"
        ) from error
    try:
        return merged(known, metadata_of(entries)).contents()
    except ValueError as error:
        raise RecordingError(f"--metadata: expected {error}") from error


def _csv(recorded: Recorded, out: Path, force: bool) -> list[Path]:
    return write_csv(recorded, _free(out / "csv", force))


def _nwb(recorded: Recorded, out: Path, force: bool) -> list[Path]:
    target = _free(out / f"{recorded.name}.nwb", force)
    temporary = target.with_name(f".{target.stem}.new.nwb")
    try:
        write_nwb(recorded, temporary)
        temporary.replace(target)
    except (TypeError, ValueError) as error:  # pynwb's own checks of what the metadata says
        raise RecordingError(f"{recorded.folder}: NWB does not take this: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return [target]


def _sleap(recorded: Recorded, out: Path, force: bool) -> list[Path]:
    written, experiment = [], read_experiment(recorded.folder)
    for camera in recorded.cameras:
        for stem in segment_stems(recorded.folder, camera.name):
            path, video = sibling(stem, "poses.csv"), sibling(stem, "mkv")
            if path.exists():
                target = _free(out / f"{recorded.name}_{stem.name}.slp", force)
                temporary = target.with_name(f".{target.stem}.new.slp")
                try:
                    poses = poses_with_virtual(read_poses(path), experiment)
                    write_slp(temporary, poses, camera.edges, [video.resolve()] if video.exists() else [])
                    temporary.replace(target)
                finally:
                    temporary.unlink(missing_ok=True)
                written.append(target)
    if not written:
        raise RecordingError(f"{recorded.folder}: found no poses; expected some, for SLEAP's file has nothing else")
    return written


def _free(path: Path, force: bool) -> Path:
    if path.exists() and not force:
        raise RecordingError(
            f"{path}: found an earlier export; nothing is overwritten. Give --force, or another folder with --out"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


_WRITERS: dict[str, Callable[[Recorded, Path, bool], list[Path]]] = {"csv": _csv, "nwb": _nwb, "sleap": _sleap}
