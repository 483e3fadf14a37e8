"""Calibration tables of outputs, written into a rig file as a page does it: every other byte stays."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from dlstream_common.yaml.splice import SpliceError
from dlstream_panel.calibration import CalibrationFile, _with_rows
from dlstream_panel.edited_file import EditError
from dlstream_panel.requests import SaveCalibration
from dlstream_panel.settings import PanelSettings

RIG = """\
# The rig of room 3.
rig: room3
cameras: {top: {source: synthetic, width: 320, height: 240}}
outputs:
  laser:      # 473 nm
    type: log
    calibration:
      power: {0.2: 1.5, 0.60: 5.10, 1: 9.7}   # mW, on 3 May
  water: {type: log, max_on: 1}   # none yet
  lamp:
    type: log
"""
ACTIONS = [
    {"action": "on", "values": [{"name": "level"}, {"name": "power"}, {"name": "duration"}]},
    {"action": "pulse", "values": [{"name": "width"}, {"name": "volume"}]},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rig.yaml"
    path.write_text(RIG)
    return path


def tables_of(path: Path) -> CalibrationFile:
    actions = [f"{name}={json.dumps(ACTIONS)}" for name in ("laser", "water")] + ['lamp=[{"action":"on","values":[]}]']
    return CalibrationFile(PanelSettings(rig_file=str(path), outputs=["laser", "water", "lamp"], actions=actions))


def request(path: Path, output: str, quantity: str, rows: list[Any], digest: str = "") -> SaveCalibration:
    found = digest or hashlib.sha256(path.read_bytes()).hexdigest()
    body = {"hash": found, "output": output, "quantity": quantity, "rows": rows}
    return SaveCalibration.model_validate_json(json.dumps(body))


def test_a_page_sees_the_tables_of_outputs_that_have_a_power_or_a_volume(file):
    seen = tables_of(file).view()
    assert seen["file"] == "rig.yaml"
    assert seen["hash"] == hashlib.sha256(RIG.encode()).hexdigest()
    assert seen["outputs"] == {
        "laser": {"power": [(0.2, 1.5), (0.6, 5.1), (1.0, 9.7)], "volume": []},
        "water": {"power": [], "volume": []},
    }


def test_one_measured_value_is_one_other_value_of_the_file_after_the_check_of_the_rig(file):
    tables = tables_of(file)
    said = tables.save(request(file, "laser", "power", [[0.2, 1.5], [0.6, 5.4], [1, 9.7]]))
    assert said == "saved: line 8 of rig.yaml; the rig uses it from its next start on"
    assert file.read_text() == RIG.replace("5.10", "5.4")
    # A rig that would not be valid is not written: power must rise with the level.
    before = file.read_text()
    with pytest.raises(EditError, match="the rig would not be valid") as refused:
        tables.save(request(file, "laser", "power", [[0.2, 1.5], [0.6, 0.4], [1, 9.7]]))
    assert "\nrig.yaml:7: outputs.laser.calibration: " in str(refused.value), "the file by its own name"
    assert "more mW at each higher setting" in str(refused.value)
    assert file.read_text() == before
    assert list(file.parent.iterdir()) == [file], "no copy stays"
    # A first table, in its own place.
    tables.save(request(file, "water", "volume", [[50, 5.2], [20, 1.9]]))
    line = "  water: {type: log, max_on: 1, calibration: {volume: {20: 1.9, 50: 5.2}}}   # none yet"
    assert file.read_text() == before.replace("  water: {type: log, max_on: 1}   # none yet", line)


def test_a_table_of_a_rig_with_several_hosts_is_saved_without_them_and_they_need_the_new_file(
    file, tmp_path, monkeypatch
):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ssh").write_text("#!/bin/sh\nexit 1\n")
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    hosts = "hosts: {desk: 10.0.0.1, arena: {address: 10.0.0.2, ssh: anna@arena}, loft: 10.0.0.3}\n"
    file.write_text(RIG + hosts)
    said = tables_of(file).save(request(file, "laser", "power", [[0.2, 1.5], [0.6, 5.4], [1, 9.7]]))
    assert said == (
        "saved: line 8 of rig.yaml; the rig uses it from its next start on. "
        "Copy it to arena, loft before: every host needs the same rig file"
    )
    file.write_text(RIG + hosts + "panel: {host: arena}\n")
    said = tables_of(file).save(request(file, "laser", "power", [[0.2, 1.5], [0.6, 5.4], [1, 9.7]]))
    assert "Copy it to desk, loft before" in said


def test_what_does_not_fit_is_refused_and_nothing_is_written(file):
    tables = tables_of(file)
    rows = [[0.2, 1.5], [1, 9.7]]
    for what, reason in (
        (request(file, "laser", "power", rows, digest="0" * 64), "has changed since this page read it"),
        (request(file, "lamp", "power", rows), "expected an output of this rig that has a power"),
        (request(file, "/etc", "power", rows), "expected an output of this rig that has a power"),
        (request(file, "laser", "power", [[1, 2], [1.0, 3]]), "two rows with the same level"),
    ):
        with pytest.raises(EditError, match=reason):
            tables.save(what)
    for wrong in ([[0.2]], [[-1, 2]], [[0.2, "9"]], [[1, 2, 3]], "none", [[float("nan"), 1]]):
        with pytest.raises(ValidationError):
            request(file, "laser", "power", wrong)  # type: ignore[arg-type]
    same = request(file, "laser", "power", [[1, 9.7], [0.6, 5.1], [0.2, 1.5]])
    assert tables.save(same) == "rig.yaml says this already"
    assert file.read_text() == RIG
    # As texts, which a parameter file may have: not a table that is edited here.
    file.write_text(RIG.replace("power: {0.2: 1.5, 0.60: 5.10, 1: 9.7}", "power: [1, 2]"))
    with pytest.raises(EditError, match="expected a mapping such as"):
        tables.view()


SHARED = "a: &table {0.2: 1, 1: 5}\nt: *table\n"


def test_a_table_that_stands_elsewhere_is_refused():
    with pytest.raises(SpliceError, match="used several times"):
        _with_rows(SHARED, ("t",), {0.2: 1.0, 1.0: 5.0}, {0.2: 2.0, 1.0: 5.0})


NUMBERS = st.integers(0, 40).map(lambda number: number / 4)
TABLES = st.dictionaries(NUMBERS, NUMBERS, min_size=1, max_size=6)


@given(TABLES, TABLES, st.booleans(), st.booleans())
def test_any_table_becomes_any_other_and_rows_that_stay_are_not_touched(
    old: dict[float, float], new: dict[float, float], block: bool, windows: bool
):
    if block:
        table = "\n" + "".join(f"    {key}: {value}   # {key}\n" for key, value in old.items())
    else:
        table = " {" + ", ".join(f"{key}: {value}" for key, value in old.items()) + "}   # here\n"
    text = f"first: 1 # one\nt:\n  power:{table}last: [1,  2] # end\n"
    text = text.replace("\n", "\r\n") if windows else text
    result = _with_rows(text, ("t", "power"), old, new)
    assert YAML(typ="safe", pure=True).load(result)["t"]["power"] == new
    kept = {f"    {key}: {value}   # {key}" for key, value in old.items() if new.get(key) == value} if block else set()
    lines = set(result.splitlines())
    assert kept <= lines
    assert {"first: 1 # one", "t:", "last: [1,  2] # end"} <= lines
    assert ("\r\n" in result) == windows
