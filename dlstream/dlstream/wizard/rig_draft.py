"""The rig file that the answers come to."""

from __future__ import annotations

import io
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from dlstream.authoring.draft_data import as_yaml
from dlstream.rig.ament import share
from dlstream.wizard.folder import Folder
from dlstream_camera import SOURCES, source_settings
from dlstream_common import DlstreamError
from dlstream_common.plugins import PartError
from dlstream_outputs.outputs import OUTPUTS, output_settings
from dlstream_panel.wizard_requests import Answers, CameraAnswer, OutputAnswer

SYNTHETIC = {"source": "synthetic", "width": 640, "height": 480, "fps": 30, "seed": 1}
_HEAD = """\
# Made by the page Wizard of `dlstream panel`. `dlstream run FILE` runs it.
# docs/reference/keys.md lists every key.
"""
_NOT_HERE = ("lamp",)
"""Outputs that are no device, or name files."""
_PICTURES = ("stripes.png", "checkers.png")
_PORTS = ("serial/by-id/*", "ttyACM*", "ttyUSB*")


def camera_data(
    answer: CameraAnswer, folder: Folder, known: Collection[tuple[str, str]], number: int = 0
) -> dict[str, Any]:
    """The section of a camera.

    Args:
        known: source and serial number of the connected cameras.
        number: its place among the cameras, so that each has a synthetic animal of its own.

    Raises:
        DlstreamError: there is no such video or camera.
    """
    if answer.kind == "video":
        return {"source": "video", "path": folder.video(answer.video).name}
    if answer.kind == "synthetic":
        return {**SYNTHETIC, "seed": 1 + number}
    if (answer.source, answer.serial) not in known or answer.source not in SOURCES:
        raise DlstreamError("no connected camera was chosen; look for cameras, and choose one of the list")
    key = "serial" if "serial" in source_settings(answer.source).model_fields else "device"
    return {"source": answer.source, key: answer.serial}


def rig_data(
    answers: Answers,
    cameras: Mapping[str, Mapping[str, Any]],
    network: str,
    outputs: Mapping[str, Mapping[str, Any]],
) -> CommentedMap:
    """The whole rig file."""
    pose = {"network": network, **({"scale": answers.scale} if answers.scale else {})}
    data: dict[str, Any] = {
        "rig": answers.rig,
        "cameras": _block(cameras),
        "pose": as_yaml(pose),
        "experiment": answers.experiment_file,
        "outputs": _block(outputs),
        "recorder": as_yaml({"directory": "sessions"}),
        "panel": True,
    }
    if any(camera.kind != "video" for camera in answers.cameras):  # videos end by themselves
        data["stop"] = as_yaml({"with_experiment": True})
    if not outputs:
        del data["outputs"]
    return CommentedMap(data)


def rig_text(data: CommentedMap) -> str:
    """The file, a blank line between its sections."""
    yaml = YAML(typ="rt")
    yaml.width = 118
    parts = []
    for key, value in data.items():
        stream = io.StringIO()
        yaml.dump(CommentedMap({key: value}), stream)
        parts.append(stream.getvalue())
    return _HEAD + "\n".join(parts)


def output_types() -> list[dict[str, Any]]:
    """The types of output, each with the keys that it needs: their meanings, and choices where there are some."""
    ports = sorted({str(port) for pattern in _PORTS for port in Path("/dev").glob(pattern)})
    found = []
    for name in OUTPUTS:
        if name in _NOT_HERE:
            continue
        try:
            model = output_settings(name)
        except PartError:
            continue  # `dlstream parts` says why
        keys = [
            {
                "key": key,
                "about": " ".join((field.description or "").split()),
                "choices": ports if key == "port" else [],
            }
            for key, field in model.model_fields.items()
            if field.is_required() or key == "port"
        ]
        found.append({"type": name, "about": _summary(name), "keys": keys})
    return sorted(found, key=lambda item: (item["type"] not in ("log", "screen"), item["type"]))


def output_data(answer: OutputAnswer, images: Collection[str]) -> dict[str, Any]:
    """The section of an output.

    Args:
        images: the names of the pictures that the experiment shows on it.

    Raises:
        DlstreamError: there is no such type, or a value that is a path.
    """
    kinds = {item["type"]: item for item in output_types()}
    if answer.type not in kinds:
        raise DlstreamError(f"found the type '{answer.type}'; expected one of {', '.join(kinds)}")
    data: dict[str, Any] = {"type": answer.type}
    for item in kinds[answer.type]["keys"]:
        text = answer.keys.get(item["key"], "").strip()
        if not text:
            continue  # the rig's own check says what lacks
        if text not in item["choices"]:
            refuse_path(text)
        data[item["key"]] = _typed(text, answer.type, item["key"])
    if answer.type == "screen" and images:
        names = sorted(images)
        data["images"] = {
            name: str(share("config", "images", _PICTURES[number % len(_PICTURES)]))
            for number, name in enumerate(names)
        }
    return data


def refuse_path(text: str) -> None:
    """Refuses what looks like a path: a page chooses files of its folder's lists only.

    Raises:
        DlstreamError: it does.
    """
    if "/" in text or "\\" in text or text.lstrip("[{'\" ").startswith("~"):
        raise DlstreamError(
            f"'{text}': a path can't be typed here, as pages choose from lists; write it into the file by an editor"
        )


def _typed(text: str, kind: str, key: str) -> Any:
    annotation = output_settings(kind).model_fields[key].annotation
    wanted = {annotation, *get_args(annotation)}
    try:
        return int(text) if int in wanted else float(text) if float in wanted else text
    except ValueError as error:
        raise DlstreamError(f"{key}: found '{text}'; expected a number") from error


def _summary(name: str) -> str:
    text = sys.modules[OUTPUTS.load(name).__module__].__doc__ or ""
    return text.strip().splitlines()[0] if text.strip() else ""


def _block(items: Mapping[str, Mapping[str, Any]]) -> CommentedMap:
    return CommentedMap({name: as_yaml(dict(item)) for name, item in items.items()})
