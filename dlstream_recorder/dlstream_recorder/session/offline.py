"""A session folder written offline: the same tables, but nothing in them depends on when they were written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlstream_common import Frame, FramePoses, RecordingError
from dlstream_common.event_kinds import FAULT
from dlstream_recorder.metadata import SessionMetadata
from dlstream_recorder.report.summary import Summary, summarise
from dlstream_recorder.report.tables import write_all_h5
from dlstream_recorder.session._copies import Copies
from dlstream_recorder.session.check import check_directory
from dlstream_recorder.writers._camera import CameraRecorder
from dlstream_recorder.writers._files import write_error
from dlstream_recorder.writers.events import EventRow, EventTable
from dlstream_recorder.writers.journal import JournalFiles, run_start
from dlstream_recorder.writers.session_file import SessionFile, first_contents, iso


class OfflineSession:
    """Writes the results of an analysis. They are in the files as soon as a method returns; nothing is dropped.

    Args:
        folder: new, or empty.
        name: of the session, instead of the folder's, so that two analyses of a video give the same files.
        cameras: their names.
        started: stamp of the first frame, in nanoseconds since the epoch.
        about: further entries for session.json.
        metadata: subject and circumstances.

    Attributes:
        stamp: of the last frame.

    Raises:
        RecordingError: the folder is not empty, or can't be written.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        cameras: Sequence[str],
        started: int,
        about: Mapping[str, Any] | None = None,
        metadata: SessionMetadata | None = None,
    ) -> None:
        if folder.is_dir() and any(folder.iterdir()):
            raise RecordingError(f"{folder} is not empty; nothing is overwritten. Choose another folder")
        check_directory(folder, 0.0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(folder, error) from error
        self.folder = folder
        self.stamp = started
        contents = first_contents(name, "", started, (metadata or SessionMetadata()).contents())
        contents |= {"offline": True, "cameras": {camera: {"parts": []} for camera in cameras}, **(about or {})}
        self._file = SessionFile(folder, contents)
        self._copies = Copies(folder, self._file)
        self._events = EventTable(folder / "events.csv", lambda: started)
        self._journal = JournalFiles(folder)
        self._cameras = {camera: self._camera(camera) for camera in cameras}

    def add_frame(self, frame: Frame, every: bool = True) -> None:
        """Adds a frame as a row of the tables. The video is not copied.

        Args:
            every: False if only frames with poses are known, so that a gap in their sequence is not a loss.
        """
        self.stamp = frame.stamp
        self._cameras[frame.camera].add_frame(frame, 0, every)

    def add_lost(self, camera: str, sequence: int, stamp: int, reason: str) -> None:
        """Adds a frame that can't be decoded: an empty row, a fault of the session, counted as a lost frame."""
        self._cameras[camera].add_lost(sequence, stamp)
        values = {
            "text": f"frame {sequence} is lost: {reason}",
            "first_frame": str(sequence),
            "last_frame": str(sequence),
        }
        self.add_event(camera, FAULT, sequence, stamp, {**values, "frames": "1"})

    def add_event(self, camera: str, kind: str, sequence: int, stamp: int, values: Mapping[str, str]) -> None:
        """Adds what happened to a camera, at a stamp in nanoseconds since the epoch, as a row of events.csv."""
        row = EventRow(kind, f"/{camera}", camera, sequence=sequence, stamp_ns=stamp, values=dict(values))
        self._events.add(row)
        self._events.write(everything=True)

    def add_poses(self, poses: FramePoses) -> None:
        """Adds the poses of a frame that was added before."""
        self._cameras[poses.camera].add_poses(poses, 0)
        self._events.poses(poses)

    def add_entry(self, lines: Sequence[str], rows: Iterable[EventRow]) -> None:
        """Adds a journal entry with its lines of the event log, and the same as rows of events.csv."""
        text = "\n".join(lines)
        self._journal.write(text)
        start = run_start(text)
        if start is not None:
            self._file.add_seed(start.seed)
        for used in start.files if start else ():
            problem = self._copies.add_used(used)
            if problem:
                raise RecordingError(problem)
        for row in rows:
            self._events.add(row)
        self._events.write(everything=True)

    def set_network(
        self,
        camera: str,
        network: str,
        sha256: str,
        edges: Sequence[tuple[int, int]],
        individuals: Sequence[str] = (),
    ) -> None:
        """As Session.set_network."""
        self._cameras[camera].set_network(Path(network).stem, individuals)
        pairs = [list(edge) for edge in edges]
        self._file.update_camera(camera, network={"file": network, "sha256": sha256}, edges=pairs)

    def set_regions(self, camera: str, regions: Iterable[tuple[str, Sequence[tuple[float, float]]]]) -> None:
        """As Session.set_regions."""
        outlines = [{"name": name, "points": [[round(x, 3), round(y, 3)] for x, y in each]} for name, each in regions]
        self._file.update_camera(camera, regions=outlines)

    def copy(self, source: Path, name: str) -> None:
        """Copies a file that belongs to the session, such as the experiment file."""
        self._copies.add(source, name)

    def finish(self, reason: str, ended: int) -> Summary:
        """Completes all files and session.json."""
        for name, camera in self._cameras.items():
            camera.finish()
            if camera.dropped_since:
                self._file.update_camera(name, lost_at_end=camera.dropped_since)
        self._events.close()
        self._journal.close()
        write_all_h5(self.folder)
        summary = summarise(self.folder)
        self._file.update(
            complete=True,
            ended=iso(ended),
            ended_ns=ended,
            reason=reason,
            summary=summary.model_dump(mode="json"),
        )
        return summary

    def close(self) -> None:
        """Closes the files as they are. Does nothing if they are closed or finished already."""
        self._events.close()
        self._journal.close()

    def _camera(self, name: str) -> CameraRecorder:
        def on_fault(text: str, values: dict[str, str]) -> None:
            self._events.add(EventRow(FAULT, f"/{name}", name, stamp_ns=self.stamp, values={"text": text, **values}))

        def on_segment() -> None:
            self._file.update_camera(name, parts=list(camera.parts))

        camera = CameraRecorder(self.folder, name, "none", on_fault, on_segment)
        return camera
