"""A session folder, written while a rig is running."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dlstream_common import Frame, FramePoses, RecordingError, now
from dlstream_common.event_kinds import FAULT
from dlstream_recorder.metadata import SessionMetadata, merged, metadata_of
from dlstream_recorder.report.summary import Summary, summarise
from dlstream_recorder.report.tables import write_all_h5
from dlstream_recorder.session import _folder
from dlstream_recorder.session._copies import Copies
from dlstream_recorder.session._patience import patiently
from dlstream_recorder.session._refusals import Refusals
from dlstream_recorder.session._unseen import Unseen
from dlstream_recorder.settings import SessionSettings
from dlstream_recorder.writers._camera import CameraRecorder
from dlstream_recorder.writers._event_log import Log
from dlstream_recorder.writers._files import disk_of, free_bytes, in_gigabytes
from dlstream_recorder.writers._worker import Worker
from dlstream_recorder.writers.bag import Quality
from dlstream_recorder.writers.events import EventRow
from dlstream_recorder.writers.journal import RunStart, run_start
from dlstream_recorder.writers.session_file import SessionFile, first_contents, iso

_SYNC_INTERVAL = 1.0
_SMALL = 1000


@dataclass(frozen=True)
class Status:
    """The state of a session. `refused`: frames and messages that a full queue had no room for; `free`: bytes."""

    seconds: float
    frames_recorded: int
    frames_dropped: int
    refused: int
    poses: int
    queue_fill: float
    free: int


class Session:
    """Records frames, poses, events and messages into a new folder, until `finish`.

    Only `finish` waits for the disk: each camera has a thread and a bounded queue, and so have events and the bag.
    What a full queue refuses is counted and reported as a fault.

    Args:
        settings: what to record, and where.
        name: of the folder, instead of that in the settings.
        metadata: key and value of what is to be in session.json besides the settings' metadata: see `metadata_of`.
        clock: the time of the stamps, in nanoseconds, such as that of /clock; 0 as long as it isn't known.

    Raises:
        RecordingError: the folder exists or can't be written, the disk is (nearly) full, or the metadata is wrong or
            contradicts the settings'. Leaves nothing behind.
    """

    def __init__(
        self,
        settings: SessionSettings,
        name: str = "",
        metadata: Mapping[str, str] | None = None,
        clock: Callable[[], int] = now,
    ) -> None:
        self.settings = settings
        self._now = clock
        self._created = now()
        self._started = clock()
        self.summary: Summary | None = None
        self.failure = ""
        self._clock = time.monotonic()
        self._faults: list[EventRow] = []
        self._faults_lock = threading.Lock()
        self._refusals = Refusals(self.fault)
        self._disk_is_low = False
        self._sync_error: Exception | None = None
        self._ending = threading.Event()
        self.metadata = _metadata(settings, metadata or {})
        self.folder = _folder.make_folder(settings, name, self._created, self.metadata.subject.subject_id or "")
        try:
            self._identity = _folder.Identity(self.folder)
            self._file = self._begin_file()
            self._reserve = _folder.Reserve(self.folder)
            self._log = Log(self.folder, self._start, settings.bag, self._tick)
        except BaseException:
            _folder.remove(self.folder)
            raise
        self._cameras = {name: self._camera(name) for name in settings.cameras}
        self._workers = {name: Worker(f"recorder {name}", settings.queue << 20) for name in settings.cameras}
        self._refused: dict[str, list[int]] = {name: [] for name in settings.cameras}  # since the last accepted frame
        self._unseen = {name: Unseen() for name in settings.cameras}
        self._syncer = threading.Thread(target=self._sync, name="recorder sync", daemon=True)
        self._syncer.start()

    # What is recorded; `recorded` is when it reached the recorder.

    def add_frame(self, frame: Frame, recorded: int | None = None) -> bool:
        """Records a frame, whose image must not change any more; returns False if there was no room for it."""
        refused = self._refused[frame.camera]
        job = partial(self._cameras[frame.camera].add_frame, frame, recorded or self._now(), refused=refused)
        accepted = self._put(frame.camera, job, frame.image.nbytes)
        if accepted:
            self._refused[frame.camera] = []
        else:
            refused.append(frame.sequence)
        if accepted or not self._ending.is_set():  # frames that arrive while it is ending are not losses
            self._unseen[frame.camera].add_frame(frame.sequence)
        return accepted

    def add_frame_info(self, camera: str, sequence: int, stamp: int, dropped: int) -> None:
        """Records the camera's own counts: the number of a frame that it published, and how many its source lost."""
        if not self._ending.is_set():
            self._unseen[camera].add_info(stamp, sequence, self._cameras[camera].last_stamp)
        job = partial(self._cameras[camera].add_source_dropped, dropped, from_start=sequence == 0)
        self._put(camera, job, _SMALL)

    def add_poses(self, poses: FramePoses, recorded: int | None = None, published: int = 0) -> None:
        """Records the poses of a frame, which may arrive before the frame or after it; `published`: 0 if unknown."""
        job = partial(self._cameras[poses.camera].add_poses, poses, recorded or self._now(), published)
        self._put(poses.camera, job, _SMALL)
        self._count(self._log.add_poses(poses))

    def add_ground_truth(self, poses: FramePoses) -> None:
        """Records the true poses of a frame."""
        self._put(poses.camera, partial(self._cameras[poses.camera].add_ground_truth, poses), _SMALL)

    def add_event(self, row: EventRow) -> None:
        """Records an event, a command or an acknowledgement."""
        self._count(self._log.add_event(row))

    def add_journal(self, lines: str) -> None:
        """Records an entry of the experiment's journal: its first line, and the lines of the event log below it."""
        self._count(self._log.add_journal(lines))
        start = run_start(lines)
        if start is not None:
            self._log.put(partial(self._begin_run, start))

    def add_topic(self, topic: str, msgtype: str, quality: Quality) -> None:
        """Registers a topic of the bag; must be called before its first message."""
        self._count(self._log.add_topic(topic, msgtype, quality))

    def add_message(self, topic: str, data: bytes, recorded: int) -> None:
        """Puts a serialized message into the bag."""
        self._count(self._log.add_message(topic, data, recorded))

    def set_network(
        self,
        camera: str,
        network: str,
        sha256: str,
        edges: Sequence[tuple[int, int]],
        individuals: Sequence[str] = (),
    ) -> None:
        """Writes to session.json which network gives the camera's poses; the tables' scorer is named after it.

        With a network for one individual, the tables have DeepLabCut's layout for a single animal; with a network for
        several, they have all of them, seen or not.
        """
        job = partial(self._cameras[camera].set_network, Path(network).stem, tuple(individuals))
        self._put(camera, job, _SMALL)
        entry = {"file": network, "sha256": sha256}
        pairs = [list(edge) for edge in edges]
        self._log.put(partial(self._file.update_camera, camera, network=entry, edges=pairs))

    def set_device(self, camera: str, description: str, hardware_id: str, values: Mapping[str, str]) -> None:
        """Writes to session.json what the camera is, what its stamps are, and its settings: asked for and set."""
        entry: dict[str, Any] = {"description": description, "hardware_id": hardware_id}
        for key, value in values.items():
            group, dot, name = key.partition(".")
            if dot:
                entry.setdefault(group, {})[name] = value
            else:
                entry[key] = value
        self._log.put(partial(self._file.update_camera, camera, device=entry))

    def set_inference(self, camera: str, description: str, values: Mapping[str, str]) -> None:
        """Writes to session.json what computed the camera's poses: engine, precision and its proof."""
        entry = {**values, "description": description}
        self._log.put(partial(self._file.update_camera, camera, inference=entry))

    def set_regions(self, camera: str, regions: Iterable[tuple[str, Sequence[tuple[float, float]]]]) -> None:
        """Writes the outlines of the experiment's regions, in pixels, to session.json."""
        outlines = [
            {"name": name, "points": [[round(x, 3), round(y, 3)] for x, y in points]} for name, points in regions
        ]
        self._log.put(partial(self._file.update_camera, camera, regions=outlines))

    def fault(self, name: str, text: str, values: Mapping[str, str] | None = None, camera: str = "") -> None:
        """Records a fault that the recorder noticed; `take_faults` returns it for publishing."""
        self.notice(FAULT, name, text, values, camera)

    def notice(
        self, kind: str, name: str, text: str, values: Mapping[str, str] | None = None, camera: str = ""
    ) -> None:
        """Records something of any kind that the recorder noticed."""
        stamp = self._now()
        row = EventRow(kind, name, camera, stamp_ns=stamp, recorded_ns=stamp, values={"text": text, **(values or {})})
        with self._faults_lock:
            self._faults.append(row)
        self._log.add_event(row)

    def take_faults(self) -> list[EventRow]:
        """Returns what the recorder has noticed since the last call."""
        with self._faults_lock:
            faults, self._faults = self._faults, []
        return faults

    def report_losses(self) -> None:
        """Reports frames found lost since the last call as faults."""
        for camera in self._cameras.values():
            camera.report_gaps()

    # How it goes.

    @property
    def error(self) -> Exception | None:
        """Why recording had to stop; None while all is well. Then call `finish`: what was written stays readable."""
        errors = [worker.error for worker in (*self._workers.values(), self._log.worker)]
        return next((error for error in errors if error), self._sync_error)

    @property
    def refused(self) -> int:
        """Frames and messages that full queues had no room for."""
        return self._refusals.total

    def status(self) -> Status:
        """Counts so far."""
        cameras = self._cameras.values()
        return Status(
            time.monotonic() - self._clock,
            sum(camera.recorded for camera in cameras),
            sum(camera.dropped for camera in cameras),
            self.refused,
            sum(camera.poses for camera in cameras),
            max(worker.fill for worker in (*self._workers.values(), self._log.worker)),
            free_bytes(self.folder),
        )

    def finish(self, reason: str = "", say: Callable[[str], None] = lambda text: None) -> Summary | None:
        """Writes what is waiting, and completes all files and session.json. A second call does nothing.

        If this takes long, `say` is called now and then with what is still to be done.
        Raises nothing: what went wrong, here or before, is in session.json as `error`. Returns the summary, or None
        if the disk has no room even for that; `recover` completes such a session later.
        """
        if self._ending.is_set():
            return self.summary
        self._ending.set()
        patiently(self._syncer.join, say, "still writing: the disk does not yet have all that was recorded")
        for name, worker in self._workers.items():
            worker.close(lambda jobs, name=name: say(f"still writing: {jobs} frames and poses of {name} are waiting"))  # type: ignore[misc]
        failures = [self.error] if self.error else []
        self._reserve.release()
        if failures:
            self.fault("recorder", f"recording stopped: {failures[0]}")
        steps: list[Callable[[], None]] = [camera.finish for camera in self._cameras.values()]
        log = partial(patiently, self._log.close, say, "still writing: events and messages are waiting")
        steps += [self._refusals.report_rest, log, partial(self._finish_file, reason, failures, say)]
        for step in steps:
            try:
                step()
            except Exception as failure:
                failures.append(failure)
        self.failure = _sentence(failures)
        if self.summary is None:
            with contextlib.suppress(RecordingError):
                self._file.update(error=self.failure)
        return self.summary

    # How it is done.

    def _start(self) -> int:
        """When the session began, in the time of its stamps; 0 as long as no /clock has told it."""
        if not self._started and (started := self._now()):
            self._started = started
            self._file.update(created_ns=started)
        return self._started

    def _begin_file(self) -> SessionFile:
        settings = self.settings
        contents = first_contents(
            self.folder.name, settings.rig, self._created, self.metadata.contents(), self._started
        )
        contents["changes"] = list(settings.changes)
        contents["settings"] = settings.model_dump(mode="json", exclude={"metadata", "changes"})
        contents["cameras"] = {camera: {"parts": []} for camera in settings.cameras}
        file = SessionFile(self.folder, contents)
        self._copies = Copies(self.folder, file)
        for source, copy in ((settings.rig_file, "rig.yaml"), (settings.experiment_file, "experiment.yaml")):
            if source:
                self._copies.add(Path(source), copy)
        return file

    def _begin_run(self, start: RunStart) -> None:
        self._file.add_seed(start.seed)
        for used in start.files:
            problem = self._copies.add_used(used)
            if problem:
                self.fault("recorder", f"{problem}; a replay needs it", {"file": str(used.path)})

    def _camera(self, name: str) -> CameraRecorder:
        def on_fault(text: str, values: dict[str, str]) -> None:
            self.fault(f"/{name}", text, values, name)

        def on_segment() -> None:
            self._file.update_camera(name, parts=list(camera.parts))

        camera = CameraRecorder(self.folder, name, self.settings.video, on_fault, on_segment)
        return camera

    def _put(self, camera: str, job: Callable[[], None], size: int) -> bool:
        accepted = self._workers[camera].put(job, size)
        self._count(accepted, camera)
        return accepted

    def _count(self, accepted: bool, camera: str = "") -> None:
        if not accepted and not self._ending.is_set():
            self._refusals.count(camera, report=self.error is None)

    def _tick(self) -> None:
        self._start()
        self._watch_disk()

    def _watch_disk(self) -> None:
        free = free_bytes(self.folder)
        low = free < self.settings.min_free * 1e9
        if low and not self._disk_is_low:
            text = f"the disk {disk_of(self.folder)} is nearly full: {in_gigabytes(free)} free"
            self.fault("recorder", text, {"free_bytes": str(free)})
        self._disk_is_low = low

    def _sync(self) -> None:
        while not self._ending.wait(_SYNC_INTERVAL):
            try:
                self._identity.check()
                for camera in self._cameras.values():
                    camera.sync()
                self._log.sync()
            except Exception as error:
                self._sync_error = error
                return

    def _lost_at_end(self, name: str) -> int:
        """Frames lost after the last recorded one, which no gap in the sequence shows."""
        camera = self._cameras[name]
        return self._unseen[name].after(camera.last_stamp, camera.last_sequence) + camera.dropped_since

    def _finish_file(self, reason: str, failures: list[Exception], say: Callable[[str], None]) -> None:
        for name in self._cameras:
            self._file.update_camera(
                name,
                lost_at_end=self._lost_at_end(name),
                poses_without_frame=self._cameras[name].poses_without_frame,
            )
        try:
            patiently(partial(write_all_h5, self.folder), say, "still writing: the tables of poses as HDF5")
        except RecordingError as failure:  # the tables themselves are whole, and so is the rest
            failures.append(failure)
        self.summary = patiently(partial(summarise, self.folder), say, "still writing: the summary")
        ended = self._now()
        silent = self.summary.without_frames
        self._file.update(
            complete=not failures and not silent,
            without_frames=silent,
            ended=iso(now()),
            ended_ns=ended,
            reason=reason,
            error=_sentence(failures) if failures else None,
            summary=self.summary.model_dump(mode="json"),
        )


def _metadata(settings: SessionSettings, more: Mapping[str, str]) -> SessionMetadata:
    try:
        return merged(metadata_of(settings.metadata), metadata_of(f"{key}={value}" for key, value in more.items()))
    except ValueError as error:
        raise RecordingError(f"metadata of the session: {error}") from error


def _sentence(failures: Sequence[Exception]) -> str:
    return "; ".join(dict.fromkeys(str(failure) for failure in failures))
