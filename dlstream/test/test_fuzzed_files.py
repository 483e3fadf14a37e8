"""Files of every kind that is read, with random damage to their bytes: read, or refused in our own words.

Networks, experiments and journals have tests of their own; DLSTREAM_FUZZ sets how many files of each kind.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from deeplabstream_files import CONDITIONAL, FIRST
from offline_tools import EXPERIMENT
from rich.console import Console

from dlstream.importing.convert import convert_setup
from dlstream.offline.analysis import Analysis
from dlstream.offline.analyze import Options
from dlstream.offline.bags import replay_bag
from dlstream.rig.file import load_rig
from dlstream_common import DlstreamError, FramePoses, Individual
from dlstream_common.calibration import load_calibration
from dlstream_common.video import open_frames
from dlstream_experiment import load_experiment
from dlstream_outputs.outputs._sound_waves import read_sound
from dlstream_panel.tokens import read_or_make
from dlstream_pose.convert.precision._labels import read_labels
from dlstream_recorder import OfflineSession, read_session, summarise
from dlstream_recorder.report.tables import read_poses

COUNT = int(os.environ.get("DLSTREAM_FUZZ", "15"))
SECOND = 1_000_000_000
RIG = """\
rig: demo
cameras:
  top: {source: synthetic, width: 640, height: 480, fps: 30}
experiment: experiment.yaml
outputs:
  screen: {type: log}
recorder: {directory: sessions, video: lossless}
"""
CALIBRATION = """\
image_width: 640
image_height: 480
camera_name: top
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.01, 0.0, 0.0, 0.0]}
rectification_matrix: {rows: 3, cols: 3, data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]}
projection_matrix: {rows: 3, cols: 4, data: [500.0, 0.0, 320.0, 0.0, 0.0, 500.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]}
"""
LABELS = """\
scorer,anna,anna,anna,anna
bodyparts,snout,snout,neck,neck
coords,x,y,x,y
frame.png,12.5,20,30,31
"""


@dataclass(frozen=True)
class Kind:
    """A kind of file: `make` writes a valid one, which is then damaged, `read` reads it.

    Attributes:
        damaged: which of the files in the folder, as a glob; one of them is chosen.
    """

    damaged: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def texts(**contents: str) -> Callable[[Path], object]:
    """Writes files; `rig_yaml` is rig.yaml."""
    return lambda folder: [(folder / name.replace("_", ".")).write_text(text) for name, text in contents.items()]


def images() -> Iterator[np.ndarray]:
    chance = np.random.default_rng(0)
    for number in range(12):
        image = chance.integers(0, 255, (48, 64, 3), np.uint8)
        yield cv2.circle(image, (5 * number, 20), 6, (255, 255, 255), -1)


def video(name: str, codec: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with av.open(str(folder / name), "w") as file:
            stream = file.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for image in images():
                file.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
            file.mux(stream.encode())

    return make


def pictures(folder: Path) -> None:
    for number, image in enumerate(images()):
        cv2.imwrite(str(folder / f"{number}.{'png' if number % 2 else 'jpg'}"), image)


def stack(folder: Path) -> None:
    cv2.imwritemulti(str(folder / "stack.tiff"), list(images()))


def sound(folder: Path) -> None:
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.arange(-2000, 2000, dtype=np.int16).tobytes())


def session(folder: Path) -> None:
    file = folder / "left.yaml"
    file.write_text(EXPERIMENT)
    made = OfflineSession(folder / "session", "walk", ["top"], SECOND)
    made.copy(file, "experiment.yaml")
    analysis = Analysis(load_experiment(file), made)
    for number in range(30):
        x = np.array([20 if number % 9 in (3, 4) else 300, 5], np.float32)
        poses = FramePoses(
            "top",
            number,
            SECOND + number * SECOND // 10,
            ("neck", "tail"),
            (Individual("", x, x, np.ones_like(x), 1.0),),
        )
        analysis.add_poses(poses, poses.stamp + 1000)
    made.finish("over", analysis.finish("over"))


def read_all(folder: Path) -> None:
    read_session(folder / "session")
    summarise(folder / "session")
    for table in (folder / "session").glob("*.poses.csv"):
        read_poses(table)


def frames(name: str) -> Callable[[Path], object]:
    return lambda folder: [item.number for item in open_frames(folder / name).frames()]


def labels(folder: Path) -> None:
    (folder / "CollectedData_anna.csv").write_text(LABELS)
    cv2.imwrite(str(folder / "frame.png"), next(images()))


def read_tokens(folder: Path) -> object:
    return read_or_make(folder / "token")


KINDS = {
    "rig": Kind(
        "rig.yaml", texts(rig_yaml=RIG, experiment_yaml=EXPERIMENT), lambda folder: load_rig(folder / "rig.yaml")
    ),
    "calibration": Kind(
        "top.yaml", texts(top_yaml=CALIBRATION), lambda folder: load_calibration(folder / "top.yaml", 640, 480)
    ),
    "labels": Kind("*.csv", labels, read_labels),
    "deeplabstream": Kind(
        "*.ini",
        texts(settings_ini=FIRST, experiment_ini=CONDITIONAL),
        lambda folder: convert_setup(folder / "settings.ini", folder / "experiment.ini", folder / "out", force=True),
    ),
    "tokens": Kind("token", read_tokens, read_tokens),
    "mkv": Kind("*.mkv", video("a.mkv", "ffv1"), frames("a.mkv")),
    "mp4": Kind("*.mp4", video("a.mp4", "libx264"), frames("a.mp4")),
    "avi": Kind("*.avi", video("a.avi", "mjpeg"), frames("a.avi")),
    "images": Kind("*.??g", pictures, frames(".")),
    "tiff": Kind("*.tiff", stack, frames("stack.tiff")),
    "sound": Kind("*.wav", sound, lambda folder: read_sound("tone", folder / "tone.wav", 44100)),
    "session": Kind("session/*.*", session, read_all),
}


def damage(content: bytes, chance: random.Random) -> bytes:
    """Bits flipped, bytes replaced, a part cut out, zeroed, repeated or put elsewhere, or the end missing."""
    if not content:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(40)))
    start = chance.randrange(len(content))
    length = chance.randrange(1, max(2, len(content) // 4))
    before, part, after = content[:start], content[start : start + length], content[start + length :]
    match chance.randrange(7):
        case 0:
            changed = bytearray(content)
            for _ in range(chance.randrange(1, 5)):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            return bytes(changed)
        case 1:
            return before + bytes(chance.randrange(256) for _ in part[:50]) + after
        case 2:
            return before + after
        case 3:
            return before + bytes(len(part)) + after
        case 4:
            return before + part + part + after
        case 5:
            return part + before + after
        case _:
            return before


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("default")
def test_a_damaged_file_is_read_or_refused(name, tmp_path):
    kind = KINDS[name]
    valid = tmp_path / "valid"
    valid.mkdir()
    kind.make(valid)
    kind.read(valid)
    for seed in range(COUNT):
        chance = random.Random(f"{name} {seed}")
        folder = tmp_path / "damaged"
        shutil.copytree(valid, folder)
        file = chance.choice(sorted(path for path in folder.glob(kind.damaged) if path.is_file()))
        file.write_bytes(damage(file.read_bytes(), chance))
        try:
            kind.read(folder)
        except DlstreamError as error:
            assert str(error).strip(), f"{name}, seed {seed}"
        except BaseException as error:
            raise AssertionError(f"{name}, seed {seed}, {file.name}: {type(error).__name__}: {error}") from error
        shutil.rmtree(folder)


def test_a_damaged_bag_is_read_or_refused(make, tmp_path):
    experiment = tmp_path / "left.yaml"
    experiment.write_text(EXPERIMENT)
    valid = make.bag({"/top/pose": make.poses()})
    for seed in range(COUNT):
        chance = random.Random(f"bag {seed}")
        folder = tmp_path / "damaged"
        shutil.copytree(valid, folder)
        file = chance.choice(sorted(folder.iterdir()))
        file.write_bytes(damage(file.read_bytes(), chance))
        try:
            replay_bag(folder, tmp_path / "out", Options(None, experiment, video=False), Console(file=io.StringIO()))
        except DlstreamError as error:
            assert str(error).strip(), f"bag, seed {seed}"
        except BaseException as error:
            raise AssertionError(f"bag, seed {seed}, {file.name}: {type(error).__name__}: {error}") from error
        shutil.rmtree(folder)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
