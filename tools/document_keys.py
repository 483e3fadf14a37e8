"""Writes docs/reference/keys.md, every key of a rig file and of an experiment file, from the settings classes.

.venv/bin/dlstream-env python tools/document_keys.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dlstream.rig.file import Rig
from dlstream.rig.hosts import Host
from dlstream.rig.sections import Stop
from dlstream.rig.session import RigSession
from dlstream.rig.table import NODE_KINDS
from dlstream_common import former_key
from dlstream_common.node_options import NodeOptions
from dlstream_common.plugins import own_parts_only
from dlstream_common.settings import keys_of
from dlstream_common.tagged import Tagged
from dlstream_experiment import Experiment
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.protocols import PROTOCOLS, Stimulus
from dlstream_experiment.model.protocols._control import Limit, Planned, Sham, Yoked
from dlstream_experiment.model.protocols._duration import Draw, Exponential
from dlstream_experiment.model.protocols._transitions import Action, State, StopCondition, Transition
from dlstream_experiment.model.protocols._trials import Condition, Trials
from dlstream_experiment.model.protocols.region_trials import Trial
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS
from dlstream_experiment.model.virtual import VirtualKeypoint
from dlstream_recorder import Subject

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "keys.md"
HEAD = """\
# Every key

Written by `tools/document_keys.py` from the settings classes, which are also the nodes' ROS parameters. Unknown keys
are refused, and the nearest known one is suggested. Relative paths start from the file's own folder.
"""


def main() -> None:
    """Writes the page."""
    TARGET.write_text(text())


def text() -> str:
    """The whole page, without the parts of installed packages."""
    with own_parts_only():
        return _text()


def _text() -> str:
    parts = [HEAD, "## Rig file\n", section("top level of a rig file", Rig)]
    for kind in sorted(NODE_KINDS, key=lambda kind: kind.position):
        parts += [section(title, model) for title, model in kind.documented().items()]
    parts += [section("every node's section", NodeOptions), section("`stop`", Stop)]
    parts.append(section("`hosts.<name>` (or just its address)", Host))
    parts += [section("`session`", RigSession), section("`session.subject` and `session.subjects.<name>`", Subject)]
    parts.append("## Experiment file\n")
    for title, model in {
        "top level of an experiment file": Experiment,
        "`keypoints.<name>`": VirtualKeypoint,
        "`calibration.<camera>`, where it is no number": CameraPlane,
        **{f"`regions.<name>` with `type: {name}`": kind for name, kind in REGIONS.items()},
        **{f"`triggers.<name>` with `type: {name}`": kind for name, kind in TRIGGERS.items()},
        **{f"`protocol` with `type: {name}`": kind for name, kind in PROTOCOLS.items()},
        "`protocol.trials.<name>` of region_trials": Trial,
        "`protocol.states.<name>`": State,
        "`transitions` of a state, each": Transition,
        "`enter`, `leave` and `do`, each": Action,
        "a time that is drawn": Draw,
        "`exponential` of a time that is drawn": Exponential,
        "`protocol.trials` of states": Trials,
        "`protocol.trials.conditions.<name>`": Condition,
        "`protocol.stop`, each": StopCondition,
        "`protocol.limits.<output>`": Limit,
        "`protocol.control` with `type: sham`": Sham,
        "`protocol.control` with `type: yoked`": Yoked,
        "`protocol.control.schedule`, each": Planned,
        "`stimulus`, `stimuli` and `give`": Stimulus,
    }.items():
        parts.append(section(title, model))
    return "\n".join(parts)


def section(title: str, model: type[BaseModel]) -> str:
    """One settings class as a heading and a table, without what the rig fills in."""
    rows = [f"### {title}\n", "| key | default | meaning |", "| --- | --- | --- |"]
    for key, field in keys_of(model).items():
        if key not in ("source", "type"):
            rows.append(f"| `{key}` | {default(field)} | {meaning(field)} |")
    return "\n".join([*rows, *former_keys(model)]) + "\n"


def former_keys(model: type[BaseModel]) -> list[str]:
    """A sentence on the keys of former files; empty if there are none."""
    marks = {name: former_key(field) for name, field in model.model_fields.items()}
    now = [f"`{name}` (now {' and '.join(f'`{key}`' for key in mark.now)})" for name, mark in marks.items() if mark]
    return ["", f"Keys of former files are still accepted: {', '.join(now)}."] if now else []


def default(field: FieldInfo) -> str:
    """A field's default as the page shows it."""
    value: Any = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "must be given"
    if value is None or value in ([], "", {}, ()):
        return ""
    if isinstance(value, BaseModel):
        name = getattr(value, "type", "")  # of a part
        return f"`{name}`" if name else ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def meaning(field: FieldInfo) -> str:
    """A field's description, with its limits."""
    words = " ".join((field.description or "").split()).replace("|", "\\|")
    limits = []
    for item in field.metadata:
        for sign, attribute in ((">", "gt"), (">=", "ge"), ("<", "lt"), ("<=", "le")):
            if getattr(item, attribute, None) is not None:
                limits.append(f"{sign} {getattr(item, attribute):g}")
    limits += [
        f"one of {', '.join(f'`{name}`' for name in item.names)}" for item in field.metadata if isinstance(item, Tagged)
    ]
    if str(get_origin(field.annotation)) == "typing.Literal":
        limits.append("one of " + ", ".join(f"`{item}`" for item in field.annotation.__args__))  # type: ignore[union-attr]
    return f"{words} ({', '.join(limits)})" if limits else words


if __name__ == "__main__":
    main()
