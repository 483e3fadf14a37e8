"""A package of parts with mistakes, derived from docs/examples/lab_parts: each does one thing wrong."""

from __future__ import annotations

from pathlib import Path

HEAD = """\
from dataclasses import replace
import numpy as np
from lab_parts.brightest import Brightest
from lab_parts.image_folder import ImageFolder, ImageFolderSettings
from lab_parts.mean import Mean
from lab_parts.near_point import NearPoint, NearPointTrigger
from lab_parts.valve import Valve, ValveSettings
from dlstream_experiment.model.triggers import PoseSettings, Trigger
"""
SETTINGS = """
class {name}Settings({base}Settings):
    def {method}(self, *args):
        {body}
class {name}({base}[{name}Settings] if False else {base}):
    settings_type = {name}Settings
"""
PART = """
class {name}({base}):
    name = "{entry}"
    def {method}(self, *args, **more):
        {body}
"""
GROUPS = {
    "ImageFolder": "sources",
    "Valve": "outputs",
    "Brightest": "engines",
    "Mean": "filters",
    "NearPoint": "triggers",
}


def write_package(site: Path, *mistakes: tuple[str, str, str, str], more: str = "") -> Path:
    """Installs a package `faulty` into a folder that goes on Python's path.

    Args:
        mistakes: (entry point, base class of lab_parts, method, body); a method of the settings is `settings.NAME`.
        more: of the module's code: a trigger `Gaze`, which decides on poses, is the entry point `gaze`.
    """
    groups = {"dlstream.triggers": ["gaze = faulty:Gaze"] if more else []}
    code = HEAD + more
    for entry, base, method, body in mistakes:
        name = entry.title().replace("_", "")
        of_settings = method.startswith("settings.")
        template = SETTINGS if of_settings else PART
        code += template.format(
            name=name,
            base=base,
            entry=entry,
            method=method.removeprefix("settings."),
            body=body.replace("\n", "\n        "),
        )
        groups.setdefault(f"dlstream.{GROUPS[base]}", []).append(f"{entry} = faulty:{name}")
    info = site / "faulty-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: faulty\nVersion: 0.1\n")
    lines = [line for group, points in groups.items() for line in (f"[{group}]", *points)]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (site / "faulty.py").write_text(code)
    return site
