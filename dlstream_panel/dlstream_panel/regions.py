"""The regions, points and scales of the experiment file, for a page that draws them; it knows no ROS."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlstream_common import InputError
from dlstream_common.yaml.splice import REMOVED, spliced
from dlstream_panel.edited_file import EditedFile, EditError, changed_lines, content_of, mapping
from dlstream_panel.requests import SaveRegions
from dlstream_panel.settings import PanelSettings


class RegionsFile:
    """The experiment file of a rig, of which a page changes what it draws, and nothing else."""

    def __init__(self, settings: PanelSettings) -> None:
        assert settings.experiment_file is not None
        self._settings = settings
        self._file = EditedFile(settings.experiment_file)

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self._file.path.name

    def view(self) -> dict[str, Any]:
        """What a page draws, and the hash under which it may be saved.

        Raises:
            EditError: the file can't be read.
            InputError: it is no YAML.
        """
        text, digest = self._file.read()
        data = content_of(self._file.path)
        scales = mapping(data.get("calibration"))
        return {
            "file": self.name,
            "hash": digest,
            "camera": str(data.get("camera", "")),
            "regions": mapping(data.get("regions")),
            "points": _points(data),
            "scales": {name: None if isinstance(scale, Mapping) else scale for name, scale in scales.items()},
            "sizes": self._settings.sizes,
            "lines": len(text.splitlines()),
        }

    def save(self, request: SaveRegions, may_write: Callable[[], None] = lambda: None) -> str:
        """Writes what a page has drawn, after the check of the whole experiment; says what has changed.

        Args:
            may_write: raises where it must not be written any more; the check takes seconds.

        Raises:
            EditError, SpliceError: it was refused; the file is as it was.
            InputError: what is drawn does not fit the experiment or the rig.
        """
        old = self._file.read_as(request.hash)
        data = content_of(self._file.path)
        new = _with_regions(old, mapping(data.get("regions")), request.plain_regions())
        known = {name: point["at"] for name, point in _points(data).items()}
        for name, point in request.points.items():
            if known.get(name) == list(point):
                continue  # a page sends all of them, also those that can't be changed by it
            new = spliced(new, ("triggers", name, "point"), list(point))
        if request.scales is not None:
            new = _with_scales(new, mapping(data.get("calibration")), request.scales)
        if new == old:
            return f"{self.name} says this already"
        self._check(new)
        self._file.write(new, request.hash, may_write)
        return f"saved: {changed_lines(old, new)} of {self.name}"

    def _check(self, text: str) -> None:
        # Here, as the panel of a rig that nobody draws on needs none of it.
        from dlstream_experiment.checks.against_rig import check_experiment
        from dlstream_experiment.model.loading import load_experiment

        settings = self._settings
        with tempfile.TemporaryDirectory(prefix="dlstream_panel_") as folder:
            file = Path(folder) / self.name
            file.write_bytes(text.encode("utf-8"))
            try:
                experiment = load_experiment(file, settings.allow_python, self._file.path.parent)
                check_experiment(
                    experiment,
                    cameras=settings.cameras or None,
                    image_sizes={name: (size[0], size[1]) for name, size in settings.sizes.items()},
                    keypoints=settings.keypoints or None,
                    outputs=settings.outputs or None,
                )
            except InputError as error:
                raise InputError(self._file.path, error.problems) from error


def _points(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Where triggers aim (`at`) and on which camera, by the trigger's name."""
    return {
        name: {"at": list(trigger["point"]), "camera": trigger.get("camera") or str(data.get("camera", ""))}
        for name, trigger in mapping(data.get("triggers")).items()
        if isinstance(trigger, Mapping) and isinstance(trigger.get("point"), list)
    }


def _with_scales(text: str, old: Mapping[str, Any], new: Mapping[str, float]) -> str:
    """The text with these scales, and no others; calibrated planes stay.

    Raises:
        EditError: one would replace a calibrated plane.
    """
    for camera, scale in new.items():
        if isinstance(old.get(camera), Mapping):
            raise EditError(f"calibration.{camera}: it is a calibrated plane; a scale would replace it")
        if old.get(camera) != scale:
            text = spliced(text, ("calibration", camera), scale, above="protocol")
    for camera, known in old.items():
        if camera not in new and isinstance(known, int | float):
            text = spliced(text, ("calibration", camera), REMOVED)
    return text


def _with_regions(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The text with these regions: the same ones changed, others added and removed."""
    for name, region in new.items():
        if old.get(name) != region:
            text = spliced(text, ("regions", name), region, above="triggers")
    for name in old:
        if name not in new:
            text = spliced(text, ("regions", name), REMOVED)
    return text
