"""A session folder written offline: the same tables, with nothing in them that depends on when it was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlstream_common import Frame, FramePoses, RecordingError
from dlstream_recorder.report.summary import Summary, summarise
from dlstream_recorder.report.tables import write_all_h5
from dlstream_recorder.session._copies import Copies
from dlstream_recorder.writers._camera import CameraRecorder
from dlstream_recorder.writers._files import write_error
from dlstream_recorder.writers._session_file import SessionFile, first_contents, iso
from dlstream_recorder.writers.events import FAULT, EventRow, EventTable
from dlstream_recorder.writers.journal import JournalFiles, run_start


class OfflineSession:
    """Writes what an analysis finds. Everything is in the files as soon as a method returns, and nothing is dropped.

    Args:
        folder: new, or empty.
        name: of the session, in place of the folder's: two analyses of the same video give the same files.
        cameras: their names.
        started: stamp of the first frame.
        about: kept in session.json beside what every session has.

    Raises:
        RecordingError: there is something in the folder, or it can't be written.
    """

    def __init__(
        self, folder: Path, name: str, cameras: Sequence[str], started: int, about: Mapping[str, Any] | None = None
    ) -> None:
        if folder.is_dir() and any(folder.iterdir()):
            raise RecordingError(f"{folder} is not empty; nothing is overwritten. Choose another folder")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(folder, error) from error
        self.folder = folder
        self._stamp = started
        contents = first_contents(name, "", started, {})
        contents |= {"offline": True, "cameras": {camera: {"parts": []} for camera in cameras}, **(about or {})}
        self._file = SessionFile(folder, contents)
        self._copies = Copies(folder, self._file)
        self._events = EventTable(folder / "events.csv", started)
        self._journal = JournalFiles(folder)
        self._cameras = {camera: self._camera(camera) for camera in cameras}

    def add_frame(self, frame: Frame, every: bool = True) -> None:
        """A frame: a row in the tables. There is no second copy of the video.

        Args:
            every: False where frames are known by their poses alone, so that a gap in their sequence is no loss.
        """
        self._stamp = frame.stamp
        self._cameras[frame.camera].add_frame(frame, 0, every)

    def add_lost(self, camera: str, sequence: int, stamp: int, reason: str) -> None:
        """A frame that can't be decoded: a fault of the session, counted among those that are lost."""
        self._cameras[camera].add_lost(sequence)
        values = {
            "text": f"frame {sequence} is lost: {reason}",
            "first_frame": str(sequence),
            "last_frame": str(sequence),
        }
        self._events.add(
            EventRow(FAULT, f"/{camera}", camera, sequence=sequence, stamp_ns=stamp, values={**values, "frames": "1"})
        )
        self._events.write(everything=True)

    def add_poses(self, poses: FramePoses) -> None:
        """The poses of a frame that was added."""
        self._cameras[poses.camera].add_poses(poses, 0)
        self._events.poses(poses)

    def add_entry(self, lines: Sequence[str], rows: Iterable[EventRow]) -> None:
        """An entry of the journal with the lines of the event log below it, and the same as rows of events.csv."""
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
        self._cameras[camera].set_network(Path(network).stem, len(individuals) == 1)
        pairs = [list(edge) for edge in edges]
        self._file.update_camera(camera, network={"file": network, "sha256": sha256}, edges=pairs)

    def set_regions(self, camera: str, regions: Iterable[tuple[str, Sequence[tuple[float, float]]]]) -> None:
        """As Session.set_regions."""
        outlines = [{"name": name, "points": [[round(x, 3), round(y, 3)] for x, y in each]} for name, each in regions]
        self._file.update_camera(camera, regions=outlines)

    def copy(self, source: Path, name: str) -> None:
        """Copies a file that belongs to it, such as the experiment's."""
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
        """Closes the files as they are; a second time, or after `finish`, does nothing."""
        self._events.close()
        self._journal.close()

    def _camera(self, name: str) -> CameraRecorder:
        def on_fault(text: str, values: dict[str, str]) -> None:
            self._events.add(EventRow(FAULT, f"/{name}", name, stamp_ns=self._stamp, values={"text": text, **values}))

        def on_part() -> None:
            self._file.update_camera(name, parts=[part.describe() for part in camera.parts])

        camera = CameraRecorder(self.folder, name, "none", on_fault, on_part)
        return camera
