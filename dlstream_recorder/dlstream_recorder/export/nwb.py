"""A session as NWB (Neurodata Without Borders), with the poses in ndx-pose's types."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_recorder.export._identity import identifier
from dlstream_recorder.export._optional import need
from dlstream_recorder.export.recorded import Animal, Camera, Recorded
from dlstream_recorder.session.archive import experiment_of, subject_of

_TEXTS = (
    "experiment_description",
    "institution",
    "lab",
    "notes",
    "pharmacology",
    "protocol",
    "surgery",
    "virus",
    "stimulus_notes",
)
_LISTS = ("experimenter", "keywords", "related_publications")
_LEAST = 2
"""Frames of a camera whose poses are written: of fewer, x and y pass for the time, and archives refuse the file."""


def write_nwb(recorded: Recorded, path: Path) -> None:
    """Writes a session with its real stamps: poses, skeleton, events, trials, stimuli, metadata, links to the videos.

    Times are seconds since `session_start_time`: the session's start, or its earliest frame if that is before it.

    Raises:
        DlstreamError: pynwb or ndx-pose is not installed.
        OSError: the file can't be written.
    """
    pynwb = need("pynwb", "pynwb", "--nwb")
    need("ndx_pose", "ndx-pose", "--nwb")
    first = min([recorded.start, *(int(camera.stamps.min()) for camera in recorded.cameras if len(camera.stamps))])
    start = first - first % 1000  # NWB's start has microseconds
    file = _file(pynwb, recorded, start)
    skeletons = []
    behavior = file.create_processing_module("behavior", "poses, as dlstream estimated them during the session")
    for camera in recorded.cameras:
        videos = _add_videos(pynwb, file, camera, path.parent, start)
        if len(camera.stamps) >= _LEAST:
            skeletons += _add_poses(file, behavior, camera, videos, start, recorded)
    if skeletons:
        import ndx_pose

        behavior.add(ndx_pose.Skeletons(skeletons=skeletons))
    _add_trials(file, recorded, start)
    _add_stimuli(pynwb, file, recorded, start)
    _add_events(file, recorded, start)
    with pynwb.NWBHDF5IO(str(path), "w") as output:
        output.write(file)


def _file(pynwb: Any, recorded: Recorded, start: int) -> Any:
    about = recorded.about
    metadata: Mapping[str, Any] = about.get("metadata") or {}
    experiment = experiment_of(recorded.folder, about)
    offset = datetime.fromisoformat(about["created"]).utcoffset() or timedelta()
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=start // 1000)
    words = {name: str(metadata[name]) for name in _TEXTS if metadata.get(name)}
    words |= {name: _list(metadata[name]) for name in _LISTS if metadata.get(name)}  # type: ignore[misc]
    words.setdefault("experiment_description", f"closed-loop experiment '{experiment}'" if experiment else "tracking")
    if other := {**(metadata.get("other") or {}), **_unknown(metadata)}:
        said = "; ".join(f"{key}: {value}" for key, value in other.items())
        words["notes"] = f"{words['notes']}\n{said}" if "notes" in words else said
    if "experimenter" in words:
        words["experimenter"] = [_last_first(name) for name in words["experimenter"]]  # type: ignore[assignment]
    return pynwb.NWBFile(
        session_description=str(metadata.get("session_description") or f"session {recorded.name}"),
        identifier=identifier(recorded),
        session_start_time=moment.astimezone(timezone(offset)),
        session_id=recorded.name,
        source_script=f"dlstream {about.get('versions', {}).get('dlstream', '')}",
        source_script_file_name="dlstream export --nwb",
        data_collection=json.dumps(
            {
                "rig": about.get("rig"),
                "host": about.get("host"),
                "seeds": about.get("seeds"),
                "networks": {camera.name: camera.sha256 for camera in recorded.cameras if camera.sha256},
                "files": about.get("hashes"),
            }
        ),
        subject=_subject(pynwb, metadata),
        **words,
    )


def _subject(pynwb: Any, metadata: Mapping[str, Any]) -> Any:
    known: dict[str, Any] = subject_of(metadata)
    names = ("subject_id", "species", "sex", "age", "weight", "genotype", "strain", "description")
    words = {name: known[name] for name in names if known.get(name)}
    if born := known.get("date_of_birth"):
        words["date_of_birth"] = datetime.fromisoformat(born).replace(tzinfo=timezone.utc)
    if weight := re.fullmatch(r"([\d.]+) ?(mg|g|kg)", words.get("weight", "")):
        words["weight"] = f"{float(weight[1]) * {'mg': 1e-6, 'g': 1e-3, 'kg': 1.0}[weight[2]]:.6g} kg"
    words.setdefault("sex", "U")
    return pynwb.file.Subject(**words)


def missing(recorded: Recorded) -> list[str]:
    """What archives of NWB files want of the subject, and the session does not say."""
    known = subject_of(recorded.about.get("metadata") or {})
    wanted = [name for name in ("subject_id", "species", "sex") if name not in known]
    return wanted if known.keys() & {"age", "date_of_birth"} else [*wanted, "age"]


def left_out(recorded: Recorded) -> list[str]:
    """A sentence on each camera whose poses are not in the file."""
    return [
        f"camera '{camera.name}': its poses are not in the NWB file: found {len(camera.stamps)} frame"
        f"{'' if len(camera.stamps) == 1 else 's'}; expected at least {_LEAST}, as archives take a shorter series for "
        "a wrong one. --csv has them"
        for camera in recorded.cameras
        if camera.animals and len(camera.stamps) < _LEAST
    ]


def _add_videos(pynwb: Any, file: Any, camera: Camera, beside: Path, start: int) -> list[Any]:
    series = []
    device = file.create_device(name=f"camera {_safe(camera.name)}", description=f"camera '{camera.name}' of the rig")
    for number, video in enumerate(camera.videos, 1):
        name = f"video_{_safe(camera.name)}" + (f"_{number}" if number > 1 else "")
        image = pynwb.image.ImageSeries(
            name=name,
            description=f"every recorded frame of camera '{camera.name}', with the stamp of its acquisition",
            external_file=[os.path.relpath(video.path, beside)],
            starting_frame=[0],
            format="external",
            dimension=[video.width, video.height],
            unit="n.a.",
            timestamps=_seconds(video.stamps, start),
            device=device,
        )
        file.add_acquisition(image)
        series.append(image)
    return series


def _add_poses(
    file: Any, behavior: Any, camera: Camera, videos: list[Any], start: int, recorded: Recorded
) -> list[Any]:
    import ndx_pose

    skeletons = []
    for animal in camera.animals:
        suffix = "_".join(part for part in (_safe(camera.name), _safe(animal.name)) if part)
        skeleton = ndx_pose.Skeleton(
            name=f"skeleton_{suffix}",
            nodes=list(camera.keypoints),
            edges=np.array(camera.edges, np.uint8).reshape(-1, 2),
            subject=file.subject if len(camera.animals) == 1 else None,
        )
        skeletons.append(skeleton)
        series = _series(ndx_pose, camera, animal, start)
        link = {"source_video": videos[0]} if len(videos) == 1 else {}  # it may name one; all are in acquisition
        behavior.add(
            ndx_pose.PoseEstimation(
                name=f"pose_{suffix}",
                pose_estimation_series=series,
                description=f"poses from camera '{camera.name}', network {camera.network} (SHA-256 {camera.sha256})",
                scorer=camera.scorer,
                source_software="dlstream",
                source_software_version=str(recorded.about.get("versions", {}).get("dlstream", "")),
                skeleton=skeleton,
                device=file.devices[f"camera {_safe(camera.name)}"],
                **link,
            )
        )
    return skeletons


def _series(ndx_pose: Any, camera: Camera, animal: Animal, start: int) -> list[Any]:
    series: list[Any] = []
    for index, keypoint in enumerate(camera.keypoints):
        times: Any = series[0] if series else _seconds(camera.stamps, start)
        series.append(
            ndx_pose.PoseEstimationSeries(
                name=_safe(keypoint),
                description=f"keypoint '{keypoint}'",
                data=animal.values[:, index, :2],
                unit="pixels",
                reference_frame="(0, 0) is the centre of the top left pixel; x to the right, y downwards",
                timestamps=times,
                confidence=animal.values[:, index, 2],
                confidence_definition="of the network, from 0 to 1; NaN in frames without a pose",
            )
        )
    return series


def _add_trials(file: Any, recorded: Recorded, start: int) -> None:
    found = recorded.trials
    if not len(found):
        return
    for name, about in (
        ("trial", "name of the trial"),
        ("trigger", "trigger that started it"),
        ("count", "how many trials of this name there had been, with this one"),
        ("result", "result of the trial, if it has one"),
    ):
        file.add_trial_column(name, about)
    for row in found.to_dict("records"):
        file.add_trial(
            start_time=_second(row["start_ns"], start),
            stop_time=_second(row["stop_ns"], start),
            trial=row["name"],
            trigger=row["trigger"],
            count=str(row["count"]),
            result=row["result"],
        )


def _add_stimuli(pynwb: Any, file: Any, recorded: Recorded, start: int) -> None:
    found = recorded.stimuli
    if not len(found):
        return
    table = pynwb.epoch.TimeIntervals(
        name="stimuli",
        description="what each output did, from when it acknowledged the command (or the decision, if it never did) to "
        "its next command",
    )
    for name, about in (
        ("output", "output of the rig"),
        ("action", "the command that the output got"),
        ("trigger", "trigger that caused it"),
        ("sham", "True: a control, in which nothing was done"),
        ("acknowledged", "True: start_time is when the output did it"),
        ("frame_time", "acquisition of the frame that caused it, in seconds; NaN if none did"),
    ):
        table.add_column(name, about)
    names = _value_columns(table, found["values"])
    for row in found.to_dict("records"):
        frame = int(row["frame_stamp_ns"])
        table.add_row(
            start_time=_second(row["start_ns"], start),
            stop_time=_second(row["stop_ns"], start),
            output=row["output"],
            action=row["action"],
            trigger=row["trigger"],
            sham=bool(row["sham"]),
            acknowledged=bool(row["applied"]),
            frame_time=_second(frame, start) if frame else float("nan"),
            **{column: str(row["values"].get(name, "")) for name, column in names.items()},
        )
    file.add_time_intervals(table)


def _add_events(file: Any, recorded: Recorded, start: int) -> None:
    events = recorded.events[recorded.events["stamp_ns"] > 0].sort_values("stamp_ns", kind="stable")
    if not len(events):
        return
    table = file.create_events_table(
        name="events", description="events, commands and acknowledgements, each with its own stamp"
    )
    for name, about in (
        ("kind", "what happened"),
        ("event_name", "the trigger, trial, state, node or output that it happened to"),
        ("camera", "camera of the frame that caused it"),
        ("frame_time", "acquisition of the frame that caused it, in seconds; NaN if none did"),
        ("action", "of a command: what the output was to do"),
        ("trigger", "of a command: the trigger that caused it"),
    ):
        table.add_column(name, about)
    details = [json.loads(text) if text else {} for text in events["values"]]
    names = _value_columns(table, details)
    for row, values in zip(events.to_dict("records"), details, strict=True):
        frame = int(row["frame_stamp_ns"])
        table.add_row(
            timestamp=_second(row["stamp_ns"], start),
            kind=row["kind"],
            event_name=row["name"],
            camera=row["camera"],
            frame_time=_second(frame, start) if frame else float("nan"),
            action=row["action"],
            trigger=row["trigger"],
            **{column: str(values.get(name, "")) for name, column in names.items()},
        )


def _value_columns(table: Any, values: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Adds a column for everything that events or stimuli have of their own; returns its name for each."""
    names = {name: f"value_{_safe(name)}" for name in dict.fromkeys(name for one in values for name in one)}
    for name, column in names.items():
        table.add_column(column, f"'{name}', where it applies")
    return names


def _second(stamp: Any, start: int) -> float:
    return (int(stamp) - start) / 1e9


def _seconds(stamps: NDArray[np.int64], start: int) -> NDArray[np.float64]:
    return (stamps - start) / 1e9


def _safe(name: str) -> str:
    """A name without what HDF5 and NWB can't have in one."""
    return re.sub(r"[/:.]+", "_", name)


def _list(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _last_first(name: str) -> str:
    """NWB's form, "Lovelace, Ada", of "Ada Lovelace"; one word stays as it is."""
    first, _, last = name.rpartition(" ")
    return f"{last}, {first}" if first and "," not in name else name


def _unknown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    known = {*_TEXTS, *_LISTS, "subject", "subject_id", "session_description", "other", "species", "sex", "age"}
    known |= {"date_of_birth", "weight", "genotype", "strain"}
    return {key: value for key, value in metadata.items() if key not in known}
