"""The regions of an experiment file, changed as a page changes them: on every shipped experiment that has some."""

from __future__ import annotations

import difflib
import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from pydantic import ValidationError

from dlstream_common import InputError
from dlstream_common.yaml.splice import SpliceError
from dlstream_panel.edited_file import EditedFile, EditError, changed_lines
from dlstream_panel.regions import RegionsFile
from dlstream_panel.requests import SaveRegions
from dlstream_panel.settings import PanelSettings

ROOT = Path(__file__).parents[2]
SHIPPED = [
    file
    for folder in ("config/experiments", "docs/tutorial/files")
    for file in sorted((ROOT / folder).glob("*.yaml"))
    if "\nregions:" in file.read_text(encoding="utf-8")
]
DEMO = ROOT / "config" / "experiments" / "demo.yaml"


def regions_of(path: Path, **settings: Any) -> RegionsFile:
    return RegionsFile(PanelSettings(experiment_file=path, cameras=["top"], **settings))


def request(seen: dict[str, Any], **changes: Any) -> SaveRegions:
    """What a page sends that saw this."""
    body = {"hash": seen["hash"], "regions": seen["regions"], **changes}
    return SaveRegions.model_validate_json(json.dumps(body))


def dragged(region: dict[str, Any]) -> dict[str, Any]:
    """A region as it is after a drag by 1 pixel."""
    if region["type"] == "polygon":
        return {**region, "points": [[x + 1, y - 1] for x, y in region["points"]]}
    if region["type"] == "rectangle":
        return {**region, "left": region["left"] + 1, "right": region["right"] + 1}
    return {**region, "center": [region["center"][0] + 1, region["center"][1] - 1]}


def copied(file: Path, folder: Path) -> Path:
    """An experiment file and what it names beside it."""
    shutil.copytree(file.parent, folder / "copy", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "copy" / file.name


def test_thirteen_shipped_experiments_have_regions() -> None:
    assert len(SHIPPED) == 13


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_one_drag_changes_one_line_of_every_shipped_experiment(file: Path, tmp_path: Path) -> None:
    path = copied(file, tmp_path)
    old = path.read_bytes()
    edited = RegionsFile(PanelSettings(experiment_file=path))
    seen = edited.view()
    for name, region in seen["regions"].items():
        path.write_bytes(old)
        said = edited.save(request(seen, regions={**seen["regions"], name: dragged(region)}))
        before, after = old.splitlines(keepends=True), path.read_bytes().splitlines(keepends=True)
        [place] = [number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
        assert said == f"saved: line {place + 1} of {file.name}"
        assert name.encode() in after[place]
        comment = before[place].partition(b"#")[2]
        assert after[place].endswith(comment)


def test_of_two_that_save_at_once_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    for turn in range(20):
        path.write_text(f"turn: {turn}\n")
        file, together = EditedFile(path), Barrier(8)
        _, digest = file.read()

        def save(name: int, file: EditedFile = file, together: Barrier = together, digest: str = digest) -> str:
            together.wait()
            try:
                file.write(f"by: {name}\n", digest)
            except EditError:
                return ""
            return f"by: {name}\n"

        with ThreadPoolExecutor(8) as pool:
            [saved] = [text for text in pool.map(save, range(8)) if text]
        assert path.read_text() == saved


def test_where_a_run_has_begun_during_the_check_nothing_is_written(tmp_path: Path) -> None:
    path = copied(DEMO, tmp_path)
    old, edited = path.read_bytes(), regions_of(path)
    seen = edited.view()

    def refuse() -> None:
        raise EditError("a run is on")

    for name, region in seen["regions"].items():
        with pytest.raises(EditError, match="a run is on"):
            edited.save(request(seen, regions={**seen["regions"], name: dragged(region)}), refuse)
    assert path.read_bytes() == old
    assert [file.name for file in path.parent.glob(f".{path.name}.*")] == []


def test_points_of_triggers_and_a_scale_are_saved_as_well(tmp_path: Path) -> None:
    path = copied(ROOT / "config" / "experiments" / "staged_single.yaml", tmp_path)
    old, edited = path.read_text(), regions_of(path)
    seen = edited.view()
    assert seen["points"]["to_green"] == {"at": [550, 63], "camera": "top"}
    edited.save(request(seen, points={"to_green": [551, 64.5]}, scales={"top": 20.5}))
    lines = [line for line in difflib.ndiff(old.splitlines(), path.read_text().splitlines()) if line[0] in "-+"]
    assert len(lines) == 4
    assert "[551, 64.5]" in lines[1]
    assert sorted(lines[2:]) == ["+ ", "+ calibration: {top: 20.5}"]
    assert edited.view()["scales"] == {"top": 20.5}
    edited.save(request(edited.view()))
    assert edited.view()["scales"] == {"top": 20.5}, "a request that says nothing of them"
    edited.save(request(edited.view(), scales={}))
    assert edited.view()["scales"] == {}, "taken back"


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    path = copied(DEMO, tmp_path)
    edited = regions_of(path)
    seen = edited.view()
    path.write_text(path.read_text() + "# by an editor\n")
    theirs = path.read_bytes()
    with pytest.raises(EditError, match="has changed since"):
        edited.save(request(seen, regions={**seen["regions"], "left": dragged(seen["regions"]["left"])}))
    assert path.read_bytes() == theirs
    assert edited.save(request(edited.view())) == "demo.yaml says this already"


@pytest.mark.parametrize(
    ("name", "region", "words"),
    [
        ("left", {"type": "circle", "center": [2, 2], "radius": 50}, "inside the image"),
        ("left", {"type": "rectangle", "left": 9, "top": 1, "right": 3, "bottom": 4}, "left smaller than right"),
        ("left", {"type": "polygon", "points": [[0, 0], [9, 9], [9, 0], [0, 9]]}, "these edges cross"),
        ("left", {"type": "circle", "center": [99, 99], "radius": 9, "camera": "nobody"}, "nobody"),
    ],
)
def test_what_the_experiment_does_not_allow_is_refused_and_nothing_is_written(tmp_path, name, region, words) -> None:
    path = copied(DEMO, tmp_path)
    old = path.read_bytes()
    edited = regions_of(path, image_sizes=["top=640x480"])
    seen = edited.view()
    with pytest.raises(InputError, match=words) as refused:
        edited.save(request(seen, regions={**seen["regions"], name: region}))
    assert "demo.yaml:20" in str(refused.value), "the file's own line"
    without = {"right": seen["regions"]["right"]}
    with pytest.raises(InputError, match="left"):
        edited.save(request(seen, regions=without))  # a trigger needs it
    assert path.read_bytes() == old


def test_shared_values_are_refused_with_their_line(tmp_path: Path) -> None:
    path = copied(DEMO, tmp_path)
    text = path.read_text().replace("center: [372, 163]", "center: *middle").replace("[550, 163]", "&middle [550, 163]")
    path.write_text(text)
    edited = regions_of(path)
    seen = edited.view()
    with pytest.raises(SpliceError, match="line 19"):
        edited.save(request(seen, regions={**seen["regions"], "left": dragged(seen["regions"]["left"])}))
    assert path.read_text() == text


def test_shared_values_that_stay_keep_nothing_else_from_being_saved(tmp_path: Path) -> None:
    path = copied(ROOT / "config" / "experiments" / "staged_single.yaml", tmp_path)
    text = path.read_text().replace("point: [550, 63]", "point: &aim [550, 63]")
    text = text.replace("point: [372, 63]", "point: *aim")
    text += "calibration: {top: &scale 12.5, side: *scale}\n"
    path.write_text(text)
    edited = RegionsFile(PanelSettings(experiment_file=path))
    seen = edited.view()
    points = {name: point["at"] for name, point in seen["points"].items()}
    drawn = {name: dragged(region) for name, region in list(seen["regions"].items())[:1]}
    said = edited.save(request(seen, regions={**seen["regions"], **drawn}, points=points, scales=seen["scales"]))
    assert said.startswith("saved: line")
    assert "point: *aim" in path.read_text()
    with pytest.raises(SpliceError, match="line 22 of the file has it under a name"):
        edited.save(request(edited.view(), points={"to_blue": [1, 2]}))


def test_a_link_and_the_files_mode_remain(tmp_path: Path) -> None:
    path = copied(DEMO, tmp_path)
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    edited = regions_of(link)
    seen = edited.view()
    edited.save(request(seen, regions={**seen["regions"], "left": dragged(seen["regions"]["left"])}))
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert "[373, 162]" in path.read_text()
    assert not list(path.parent.glob(".demo*"))


def test_a_folder_that_can_not_be_written_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    edited = EditedFile(path)
    digest = hashlib.sha256(b"a: 1\n").hexdigest()
    assert edited.read() == ("a: 1\n", digest)
    path.unlink()
    with pytest.raises(EditError, match="no readable file"):
        edited.write("a: 2\n", digest)
    assert not list(tmp_path.iterdir())


def test_a_path_or_unknown_key_in_a_request_is_refused() -> None:
    good = {"hash": "0" * 64, "regions": {"a": {"type": "circle", "center": [1, 2], "radius": 3}}}
    assert SaveRegions.model_validate(good).plain_regions() == good["regions"]
    circle: Any = {"type": "circle", "center": [1, 2], "radius": 3}
    for bad in (
        {**good, "file": "/etc/passwd"},
        {**good, "hash": "x"},
        {**good, "regions": {"a": {**circle, "path": "x"}}},
        {**good, "regions": {"a\nb": circle}},
        {**good, "regions": {"a": {**circle, "radius": float("inf")}}},
        {**good, "regions": {"a": {**circle, "center": [1]}}},
        {**good, "regions": {"a": {**circle, "type": "python"}}},
    ):
        with pytest.raises(ValidationError):
            SaveRegions.model_validate(bad)


def test_changed_lines_in_words() -> None:
    assert changed_lines("a\nb\nc", "a\nx\nc") == "line 2"
    assert changed_lines("a\nb\nc\nd", "x\nb\ny\nd") == "lines 1 and 3"
    assert changed_lines("a", "a\nb\nc") == "2 new lines"
    assert changed_lines("a\nb", "a") == "1 removed line"
