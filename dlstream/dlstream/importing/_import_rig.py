"""DeepLabStream's settings.ini as a rig file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dlstream.importing._ini import Ini, Note

_PLACEHOLDER = re.compile(r"^(PATH_TO|NAME_OF|MODEL_ORIGIN|FullVideoPath)", re.IGNORECASE)
_ORIGINS = {
    "SLEAP": "convert the folder in which SLEAP trained a single-instance or bottom-up model, with make convert-sleap "
    "(docs/how-to/networks.md)",
    "DEEPPOSEKIT": "DeepPoseKit's models can't be converted: train a DeepLabCut network on the same labels",
    "MADLC": "a network for several animals: docs/how-to/networks.md says which of them convert, and how",
}
_MAKERS = ("basler", "realsense")
_PLUGGED_IN = (
    "DeepLabStream prefers a RealSense or Basler camera if one is plugged in: for a Basler camera write "
    "`source: basler` and leave out `device` (docs/how-to/device-cameras.md), for a RealSense `source: realsense` "
    "(docs/how-to/realsense.md)"
)
_RESIZED = (
    "DeepLabStream resizes a Basler camera's images; here width and height are the part of the sensor that is read "
    "out, and it is left as the camera has it: check regions and the network's scale against it"
)
_ONLY_COLOUR = "DeepLabStream analyses only colour images, and so does this camera"
_STREAMS = (
    "DeepLabStream analyses only colour images, and so does this camera: for depth or infrared add a camera with "
    "`source: realsense` and `stream: depth` (docs/how-to/realsense.md)"
)


def is_given(text: str) -> bool:
    """Whether somebody has filled in a value."""
    return bool(text) and not _PLACEHOLDER.match(text)


def rig_of(ini: Ini, name: str, experiment: str, outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of the rig file; what does not fit is listed in the ini's notes."""
    rig: dict[str, Any] = {"rig": name, "cameras": {"top": _camera(ini)}}
    network = _network(ini)
    if network:
        rig["pose"] = {"network": network}
    if experiment:
        rig["experiment"] = experiment
        rig["outputs"] = {key: dict(value) for key, value in outputs.items()}
    rig["recorder"] = _recorder(ini)
    return rig


def frame_rate(ini: Ini) -> float:
    """Frames per second, with DeepLabStream's default."""
    return ini.number("Streaming", "FRAMERATE", 1, 10000) or 30.0


def frame_size(ini: Ini) -> tuple[int, int]:
    """Width and height of the image that is analysed, after the crop."""
    crop = _crop(ini, notes=False)
    if crop:
        return crop[2], crop[3]
    width, height = ini.pair("Streaming", "RESOLUTION", 16, 20000) or (848, 480)
    return int(width), int(height)


def min_confidence(ini: Ini) -> float | None:
    """The likelihood filter; None where none is set."""
    if not ini.has("Pose Estimation") or not ini.text("Pose Estimation", "LIKELIHOOD_THRESHOLD"):
        return None
    if not ini.flag("Pose Estimation", "FILTER_LIKELIHOOD", True):
        return 0.0
    return ini.number("Pose Estimation", "LIKELIHOOD_THRESHOLD", 0, 1)


def _camera(ini: Ini) -> dict[str, Any]:
    video = ini.peek("Video", "VIDEO_SOURCE")
    source = ini.text("Streaming", "STREAMING_SOURCE").lower()
    frame_rate(ini)  # of no use to a video, which has its own
    if source == "video" or (not source and is_given(video)):
        if not is_given(video):
            ini.note("Video", "VIDEO_SOURCE", "put the video's path into cameras.top.path")
        path = ini.text("Video", "VIDEO_SOURCE") if is_given(video) else "video.mp4"
        file = ini.existing(path)
        if file is None:
            ini.notes.append(
                Note(ini.where("Video", "VIDEO_SOURCE"), path, "there is no such file here: correct its path")
            )
        camera: dict[str, Any] = {
            "source": "video",
            "path": str(file or path),
            "loop": ini.flag("Video", "REPEAT_VIDEO"),
        }
        if ini.text("Streaming", "RESOLUTION"):
            ini.note("Streaming", "RESOLUTION", "a video keeps its own size here; check the regions against it")
    else:
        camera = _device(ini, source)
    if [item for item in ini.words("Streaming", "STREAMS") if item.lower() != "color"]:
        ini.note("Streaming", "STREAMS", _STREAMS if camera["source"] == "realsense" else _ONLY_COLOUR)
    if ini.flag("Streaming", "MULTIPLE_DEVICES"):
        ini.note("Streaming", "MULTIPLE_DEVICES", "add the other cameras below `cameras`, each with a name")
    if ini.flag("Streaming", "STACK_FRAMES"):
        ini.note("Streaming", "STACK_FRAMES", "not needed: each camera has its own poses")
    crop = _crop(ini, notes=True)
    if crop:
        camera["crop"] = crop
    return camera


def _device(ini: Ini, source: str) -> dict[str, Any]:
    """A camera that is plugged in."""
    named = (ini.text("Streaming", key) for key in ("CAMERA_SOURCE", "VIDEO_SOURCE"))
    device = next((name for name in named if name and name.lower() != "none"), "0")
    kind = next((name for name in _MAKERS if name in (source, device.lower())), "opencv")
    camera: dict[str, Any] = {"source": kind}
    if kind == "opencv":
        camera["device"] = int(device) if device.isascii() and device.isdigit() else device
    camera["fps"] = rate = frame_rate(ini)
    if kind == "realsense" and not rate.is_integer():
        camera["fps"] = float(round(rate))
        ini.note("Streaming", "FRAMERATE", "a RealSense has rates such as 15, 30, 60 and 90")
    size = ini.pair("Streaming", "RESOLUTION", 16, 20000)
    if size and kind == "basler":
        ini.note("Streaming", "RESOLUTION", _RESIZED)
    elif size:
        camera |= {"width": int(size[0]), "height": int(size[1])}
    if source == "ipwebcam":
        port = ini.text("IPWEBCAM", "PORT")
        ini.note("Streaming", "STREAMING_SOURCE", f"its own protocol (port {port}): give the camera's URL as device")
    elif kind == "opencv":
        ini.notes.append(Note(ini.where("Streaming", "CAMERA_SOURCE"), device, _PLUGGED_IN))
    return camera


def _crop(ini: Ini, notes: bool) -> list[int] | None:
    if not ini.flag("Streaming", "CROP"):
        return None
    across, down = ini.pair("Streaming", "CROP_X"), ini.pair("Streaming", "CROP_Y")
    if across is None or down is None or across[0] >= across[1] or down[0] >= down[1]:
        if notes:
            ini.note("Streaming", "CROP", "its limits can't be used: write crop: [x, y, width, height]")
        return None
    return [int(across[0]), int(down[0]), int(across[1] - across[0]), int(down[1] - down[0])]


def _network(ini: Ini) -> str:
    _animals(ini)
    old = ini.has("DeepLabCut") or ini.text("DeepLabCut", "MODEL") != ""
    section, key = ("DeepLabCut", "MODEL") if old else ("Pose Estimation", "MODEL_NAME")
    name, path = ini.text(section, key), "" if old else ini.text("Pose Estimation", "MODEL_PATH")
    origin = "DLC" if old else ini.text("Pose Estimation", "MODEL_ORIGIN").upper()
    if not is_given(name) and not is_given(path):
        ini.note(section, key, "no network is named: add `pose: {network: FILE.onnx}`")
        return ""
    stem = name if is_given(name) else re.split(r"[/\\]", path.split(",")[0].strip().rstrip("/\\"))[-1]
    file = (re.sub(r"[^A-Za-z0-9_.-]+", "_", stem.removesuffix(".onnx")).strip("._") or "network") + ".onnx"
    todo = _ORIGINS.get(
        origin,
        f'convert it and put it beside the rig file: make convert-tf ARGS="EXPORTED_FOLDER {file} --frames VIDEO" '
        f'(DeepLabCut 2, TensorFlow) or make convert ARGS="EXPORT.pt {file} --frames VIDEO" (DeepLabCut 3); '
        "docs/how-to/networks.md",
    )
    ini.note(section, key, todo)
    if old:
        ini.note("DeepLabCut", "DLC_PATH", "not needed: dlstream runs without DeepLabCut")
    return file


def _animals(ini: Ini) -> None:
    """Keys that the network and the triggers decide on here."""
    for flag in ("FLATTEN_MA", "SPLIT_MA"):
        if ini.flag("Pose Estimation", flag):
            ini.note("Pose Estimation", flag, "not needed: poses keep each animal by its identity")
    handling = ini.text("Pose Estimation", "HANDLE_MISSING").lower()
    if handling not in ("", "skip"):
        ini.note(
            "Pose Estimation", "HANDLE_MISSING", "the key `missing` of each trigger says what a missing keypoint means"
        )
    section = ini.section_of("ANIMALS_NUMBER", "Streaming", "Pose Estimation")
    number = ini.number(section, "ANIMALS_NUMBER", 0, 1000)
    if (number or 1) > 1:
        ini.note(
            section, "ANIMALS_NUMBER", "the network defines how many animals there are; triggers accept any of them"
        )


def _recorder(ini: Ini) -> dict[str, Any]:
    directory = ini.text("Streaming", "OUTPUT_DIRECTORY")
    recorder: dict[str, Any] = {"directory": directory or "sessions"}
    if re.match(r"^[A-Za-z]:", directory):
        recorder["directory"] = "sessions"
        ini.note("Streaming", "OUTPUT_DIRECTORY", "a Windows folder: sessions are written beside the rig file instead")
    recorded = ini.flag("Experiment", "RECORD_EXP", True)
    recorder |= {"start": "experiment", "video": "h264"} if recorded else {"start": "experiment", "video": "none"}
    return recorder
