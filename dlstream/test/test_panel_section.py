"""The panel in a rig file: true, a mapping, or by an option; and what the rig tells it."""

from __future__ import annotations

import json

import pytest
from ruamel.yaml import YAML

from dlstream.rig.check import checked_rig
from dlstream.rig.file import load_rig, with_panel
from dlstream.rig.nodes import rig_nodes
from dlstream_common import InputError

RIG = """\
rig: test
cameras: {top: {source: synthetic}, side: {source: topic}}
outputs:
  laser: {type: log}
  shutter: {type: lamp, file: lamp}
  other: {type: topic}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "rig.yaml"
        path.write_text(RIG + text)
        return path

    return write


def panel_of(path, rig=None):
    found = [spec for spec in rig_nodes(rig or load_rig(path), path) if spec.package == "dlstream_panel"]
    return found[0] if found else None


@pytest.mark.parametrize(("text", "port"), [("panel: true", 8642), ("panel: {}", 8642), ("panel: {port: 80}", 80)])
def test_it_is_there_where_the_file_says_so(write, text, port):
    spec = panel_of(write(text))
    assert (spec.full_name, spec.on_failure, spec.parameters["port"]) == ("/panel", "continue", port)
    assert spec.parameters["nodes"] == ["/top/camera", "/outputs/laser", "/outputs/shutter"], "not those of others"
    assert spec.parameters["cameras"] == ["top", "side"]


@pytest.mark.parametrize("text", ["", "panel: false", "panel: null"])
def test_else_it_is_not_and_an_option_adds_it(write, text):
    path = write(text)
    assert panel_of(path) is None
    assert panel_of(path, with_panel(load_rig(path))).parameters["address"] == "127.0.0.1"


def test_the_option_keeps_what_the_file_says(write):
    path = write("panel: {port: 81, on_failure: stop}")
    spec = panel_of(path, with_panel(load_rig(path)))
    assert (spec.parameters["port"], spec.on_failure) == (81, "stop")


def test_it_knows_what_each_output_can_be_told_also_where_texts_are_read_as_yaml(write):
    items = panel_of(write("panel: true")).parameters["actions"]
    assert [YAML(typ="safe", pure=True).load(item) for item in items] == items
    actions = {name: json.loads(text) for name, text in (item.split("=", 1) for item in items)}
    assert [action["action"] for action in actions["shutter"]] == ["on", "level"]
    duration = next(value for value in actions["shutter"][0]["values"] if value["name"] == "duration")
    assert (duration["required"], "Seconds until" in duration["meaning"]) == (False, True)
    assert actions["other"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("panel: yes please", "panel"),
        ("panel: {prot: 80}", "Did you mean 'port'?"),
        ("panel: {port: 65536}", "panel.port"),
        ("panel: {address: rig1.lab}", "panel.address"),
        ("panel: {address: 0.0.0.0}", "names as well"),
        ("panel: {names: [http://rig1]}", "panel.names"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_its_line(write, text, words):
    with pytest.raises(InputError) as caught:
        load_rig(write(text))
    assert words in str(caught.value)
    assert "rig.yaml:7" in str(caught.value)


def test_the_check_makes_no_file_of_tokens_and_says_where_none_could_be_made(write, tmp_path):
    before = set(tmp_path.rglob("*"))
    path = write("panel: {token: deep/er/tokens}")
    checked_rig(path)
    assert set(tmp_path.rglob("*")) == {*before, path}
    (tmp_path / "deep").write_text("a file")
    with pytest.raises(InputError, match=r"deep/er/tokens, which can't be used \("):
        checked_rig(path)


def test_tokens_that_others_can_read_are_refused_before_anything_starts(write, tmp_path):
    (tmp_path / "tokens").write_text("{}")
    (tmp_path / "tokens").chmod(0o644)
    with pytest.raises(InputError) as caught:
        checked_rig(write("panel: {token: tokens}"))
    file = tmp_path / "tokens"
    assert str(caught.value).endswith(
        f":7: panel.token: found {file} with mode 644, which others can read; "
        f"expected a file that only you can read (mode 600). Run: chmod 600 {file}"
    )
