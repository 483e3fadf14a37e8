"""What the page Wizard reads and asks for, without a rig: lists, pictures, both files, and a run of them."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlstream.authoring.templates import templates
from dlstream.rig.check import checked_rig
from dlstream.wizard.folder import Folder, FolderError
from dlstream.wizard.look import Look
from dlstream.wizard.rig_draft import camera_data, output_types
from dlstream_camera.connected import connected
from dlstream_common import DlstreamError, InputError
from dlstream_panel.checks import Checks
from dlstream_panel.frames import Still, jpeg_of, video_frame
from dlstream_panel.request import Request
from dlstream_panel.requests import EndJob, StartJob
from dlstream_panel.wizard_requests import Answers, LookAtRig, RunRig, TryCamera, WriteRig

_FRAMES = 10
_END_OF_RUN = 300.0
"""Seconds in which a rig finishes its session once it was asked to end."""
_END_OF_TRIAL = 20.0


class WizardPage:
    """Keeps no answers: each request has them all, so that a page may go back, change, be reloaded, or be two.

    Args:
        options: more words for `dlstream run`, so that the rig's own panel is reached as this page is.
    """

    def __init__(self, folder: Folder, checks: Checks, options: Sequence[str]) -> None:
        self._folder, self._checks, self._options = folder, checks, options
        self._cameras: frozenset[tuple[str, str]] = frozenset()
        self._place = tempfile.TemporaryDirectory(prefix="dlstream_wizard_")
        self._lock = asyncio.Lock()

    # What the page reads; in any thread.

    def view(self) -> Mapping[str, Any]:
        """What there is to choose from."""
        return {
            "folder": str(self._folder.path),
            "videos": self._folder.videos(),
            "networks": self._folder.networks(),
            "taken": self._folder.settings(),
            "templates": [{"name": item.name, "about": item.about} for item in templates()],
            "types": output_types(),
        }

    def cameras(self) -> Mapping[str, Any]:
        """The connected cameras, and why kinds of camera can't be looked for."""
        devices, remarks = [], []
        for name, found, problem in connected():
            devices += [
                {"source": item.source, "serial": item.serial, "model": item.model, "interface": item.interface}
                for item in found
            ]
            if problem:
                remarks.append(f"{name}: {problem}")
        self._cameras = frozenset((item["source"], item["serial"]) for item in devices)
        return {"devices": devices, "remarks": remarks}

    def frame(self, video: str, at: float) -> Still:
        """As Wizard.frame."""
        return video_frame(self._folder.video(video), at)

    def picture(self, source: str, serial: str) -> Still:
        """As Wizard.picture."""
        import cv2

        files = sorted(self._shots(source, serial).glob("*.png"), key=lambda file: file.stat().st_mtime)
        image = cv2.imread(str(files[-1])) if files else None
        if image is None:
            raise FolderError("no picture of this camera was taken yet; take one at the step Cameras")
        return Still(jpeg_of(image), "a picture of the camera")

    # What it asks for; in the server's thread.

    def watch(self, cameras: frozenset[str]) -> None:
        """As Rig.watch: there are none."""

    async def carry_out(self, request: Request) -> str | Mapping[str, Any]:
        """As Rig.carry_out."""
        match request:
            case LookAtRig():
                return await asyncio.to_thread(lambda: self._look(request.answers).view())
            case WriteRig():
                async with self._lock:  # of two pages, the second one finds the files of the first
                    return await asyncio.to_thread(self._write, request.answers)
            case RunRig():
                return self._run(request)
            case TryCamera():
                return self._try(request)
            case StartJob():
                return self._checks.start(request)
            case EndJob():
                return self._checks.end(request)
        raise FolderError("no rig is running here; the page Wizard starts one")

    def close(self) -> None:
        """The page ends, and the rig that it has started."""
        self._checks.finish()
        self._place.cleanup()

    def _look(self, answers: Answers) -> Look:
        return Look(answers, self._folder, self._cameras)

    def _write(self, answers: Answers) -> str:
        look = self._look(answers)
        if not look.fits:
            raise FolderError("\n".join(["nothing was written:", *(item["text"] for item in look.problems)]))
        texts = {answers.rig_file: look.made.rig, answers.experiment_file: look.made.experiment}
        before = self._folder.write(texts)
        try:
            checked_rig(self._folder.path / answers.rig_file)
        except DlstreamError as error:
            self._folder.restore(before)
            problems = error.problems if isinstance(error, InputError) else [error]
            raise FolderError("\n".join(["nothing was written:", *map(str, problems)])) from error
        return f"written: {answers.rig_file} and {answers.experiment_file}"

    def _run(self, request: RunRig) -> str:
        file = self._folder.written(request.rig_file)
        words = ["run", str(file), "--status", "10", "--set", "panel.port=0", *self._options]
        words += ["--subject", request.subject.strip()] if request.subject.strip() else []
        self._checks.run("run", words, _END_OF_RUN)
        return f"started: dlstream run {file.name}"

    def _shots(self, source: str, serial: str) -> Path:
        """Where the pictures of a camera are put."""
        return Path(self._place.name) / hashlib.sha256(f"{source}\n{serial}".encode("utf-8", "replace")).hexdigest()

    def _try(self, request: TryCamera) -> str:
        data = camera_data(request.camera, self._folder, self._cameras)
        words = [f"{key}={value}" for key, value in data.items() if key != "source"]
        serial = request.camera.serial if request.camera.kind == "device" else ""
        shots = self._shots(str(data["source"]), serial)
        options = ["--frames", str(_FRAMES), "--out", str(shots)]
        self._checks.run("picture", ["camera", "test", str(data["source"]), *words, *options], _END_OF_TRIAL)
        for file in shots.glob("*.png"):  # a page takes what it finds there for the new one
            file.unlink()
        return "taking a picture"
