"""The tables load in the readers of other tools. sleap-io is installed for the tests; the others are if they are there.

`make readers` installs movement and napari's reader into an environment of their own, `make dlc` DeepLabCut.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from track_tools import ROOT, run, write_damaged

from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_common import FramePoses, Individual
from dlstream_recorder import PoseTable
from dlstream_recorder.report.tables import write_h5

LOST = [0, 8, 19]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory) -> Path:
    """The results of a video of 20 frames with 3 that are lost, without their endings."""
    pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    folder = tmp_path_factory.mktemp("tracked")
    run([write_damaged(folder / "mouse.avi", lost=tuple(LOST))], folder, sleap=True)
    return folder / "mouseDLC_demo_mouse"


@pytest.fixture(scope="module")
def two_animals(tmp_path_factory) -> Path:
    """A table of two animals, the second of which is never seen in the first frame."""
    path = tmp_path_factory.mktemp("two") / "pairDLC_net.csv"
    table = PoseTable(path, "DLC_net", False, ["mouse1", "mouse2"])
    for row in range(5):
        x = np.arange(2, dtype=np.float32) + row
        animals = tuple(Individual(name, x, x * 2, x * 0 + 0.9) for name in ("mouse1", "mouse2")[: 1 + (row > 0)])
        table.expect(row, row, row)
        table.write(row, FramePoses("top", row, row, ("nose", "tail"), animals))
    table.finish(5)
    write_h5(path)
    return path.with_suffix("")


def expected(base: Path, keypoints: int) -> NDArray[np.float64]:
    """(frames, animals, keypoints, 3), as pandas alone reads the table."""
    table = pd.read_hdf(f"{base}.h5")
    return table.to_numpy(float).reshape(len(table), -1, keypoints, 3)


def read_by(python: Path, script: str, *words: str) -> object:
    """What a script prints as JSON, in another tool's environment."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def environment(variable: str, folder: str, how: str) -> Path:
    python = Path(os.environ.get(variable, ROOT / folder)) / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {python}: {how}")
    return python


def test_sleap_io_reads_sleaps_file(tracked):
    import sleap_io

    labels = sleap_io.load_file(f"{tracked}.slp")
    wanted = expected(tracked, len(KEYPOINTS))
    assert [node.name for node in labels.skeleton.nodes] == list(KEYPOINTS)
    assert len(labels.skeleton.edges) == 5
    assert labels.videos[0].filename == str(tracked.parent / "mouse.avi")
    assert [frame.frame_idx for frame in labels.labeled_frames] == [row for row in range(20) if row not in LOST]
    for frame in labels.labeled_frames:
        [instance] = frame.instances
        found = instance.numpy(scores=True)
        assert np.allclose(found, wanted[frame.frame_idx, 0], atol=1e-4)


def test_sleaps_file_of_a_folder_of_images_names_them_in_the_order_of_the_rows(tmp_path):
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    arena, folder = Arena(320, 240, seed=3), tmp_path / "stills"
    folder.mkdir()
    for number in range(8, 12):  # in the order of letters, 10 comes before 8
        assert cv2.imwrite(str(folder / f"{number}.bmp"), arena.render(number)[0])
    (folder / "9.bmp").write_bytes(b"broken")
    run([folder], tmp_path / "tracked", sleap=True)
    labels = sleap_io.load_file(str(tmp_path / "tracked" / "stillsDLC_demo_mouse.slp"))
    [video] = labels.videos
    assert video.filename == [str(folder / f"{number}.bmp") for number in range(8, 12)]
    assert video.shape[:3] == (4, 240, 320)
    assert [frame.frame_idx for frame in labels.labeled_frames] == [0, 2, 3]
    assert np.array_equal(video[3][:, :, 0], cv2.imread(str(folder / "11.bmp"))[:, :, 2])


def test_sleaps_file_of_a_folder_with_one_stack_names_the_stack(tmp_path):
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    arena, folder = Arena(320, 240, seed=3), tmp_path / "day1"
    folder.mkdir()
    pages = [arena.render(number)[0] for number in range(3)]
    assert cv2.imwritemulti(str(folder / "m1.tif"), pages)
    run([folder], tmp_path / "one", sleap=True)
    [video] = sleap_io.load_file(str(tmp_path / "one" / "day1DLC_demo_mouse.slp")).videos
    assert video.filename == str(folder / "m1.tif")
    assert cv2.imwrite(str(folder / "m2.png"), pages[0])
    run([folder], tmp_path / "both", sleap=True)
    [video] = sleap_io.load_file(str(tmp_path / "both" / "day1DLC_demo_mouse.slp")).videos
    assert video.filename == "no_video_was_recorded.mp4", "no list of files has a row of the table each"


MOVEMENT = """
import json, sys
from movement.io import load_poses
found = load_poses.from_dlc_file(sys.argv[1], fps=10)
order = found.position.transpose("time", "individuals", "keypoints", "space")
print(json.dumps({"keypoints": found.keypoints.values.tolist(), "animals": found.individuals.values.tolist(),
    "position": order.fillna(-1).values.tolist(),
    "confidence": found.confidence.transpose("time", "individuals", "keypoints").fillna(-1).values.tolist()}))
"""


@pytest.mark.parametrize("ending", [".h5", ".csv"])
@pytest.mark.parametrize("which", ["one", "two"])
def test_movement_reads_the_tables(tracked, two_animals, ending, which):
    python = environment("DLSTREAM_TEST_READERS", ".venv-readers", "make readers")
    base, keypoints = (tracked, list(KEYPOINTS)) if which == "one" else (two_animals, ["nose", "tail"])
    found = read_by(python, MOVEMENT, f"{base}{ending}")
    wanted = np.nan_to_num(expected(base, len(keypoints)), nan=-1)
    assert found["keypoints"] == keypoints
    assert len(found["animals"]) == wanted.shape[1]
    assert np.allclose(found["position"], wanted[..., :2])
    assert np.allclose(found["confidence"], wanted[..., 2])


NAPARI = """
import json, sys
from napari_deeplabcut._reader import get_hdf_reader
read = get_hdf_reader(sys.argv[1])
points = [(layer[0].tolist(), list(map(str, layer[1]["properties"]["label"]))) for layer in read(sys.argv[1])]
print(json.dumps(points))
"""


@pytest.mark.parametrize("which", ["one", "two"])
def test_naparis_reader_for_deeplabcut_reads_the_tables(tracked, two_animals, which):
    python = environment("DLSTREAM_TEST_READERS", ".venv-readers", "make readers")
    base, keypoints = (tracked, list(KEYPOINTS)) if which == "one" else (two_animals, ["nose", "tail"])
    [[points, labels]] = read_by(python, NAPARI, f"{base}.h5")
    wanted = expected(base, len(keypoints))
    assert set(labels) == set(keypoints)
    found = sorted((int(frame), round(y, 2), round(x, 2)) for frame, y, x in points)
    known = ~np.isnan(wanted[..., 0])
    rows = np.broadcast_to(np.arange(len(wanted))[:, None, None], known.shape)[known]
    assert found == sorted(
        (int(row), round(y, 2), round(x, 2)) for row, (x, y) in zip(rows, wanted[known][:, :2].tolist(), strict=True)
    )


DEEPLABCUT = """
import json, sys
from deeplabcut.utils.auxiliaryfunctions import load_analyzed_data
table, path, scorer, suffix = load_analyzed_data(*sys.argv[1:], filtered=False, track_method="")
print(json.dumps({"path": str(path), "names": list(table.columns.names), "values": table.fillna(-1).values.tolist()}))
"""


@pytest.mark.parametrize("which", ["one", "two"])
def test_deeplabcut_finds_and_reads_the_tables(tracked, two_animals, which):
    python = environment("DLSTREAM_TEST_DLC", ".venv-dlc", "make dlc")
    base, video, scorer = (tracked, "mouse", "DLC_demo_mouse") if which == "one" else (two_animals, "pair", "DLC_net")
    found = read_by(python, DEEPLABCUT, str(base.parent), video, scorer)
    assert found["path"] == f"{base}.h5"
    levels = ["scorer", "individuals", "bodyparts", "coords"]
    assert found["names"] == ([*levels[:1], *levels[2:]] if which == "one" else levels)
    wanted = pd.read_hdf(f"{base}.h5").fillna(-1).to_numpy()
    assert np.allclose(found["values"], wanted)
