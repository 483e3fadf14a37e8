"""The files for rviz2, Foxglove and rqt; test_rig_together.py compares them with what a rig publishes."""

from __future__ import annotations

from math import pi
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory
from view_files import (
    CONFIG,
    CORE_PANELS,
    FOXGLOVE,
    FOXGLOVE_KEYS,
    FOXGLOVE_PATH_KEYS,
    RVIZ,
    RVIZ_KEYS,
    analyzers,
    panels,
    parts_of,
    placed,
)


def test_the_foxglove_layout_has_core_panels_only_and_shows_each_once():
    assert {kind for kind, _ in panels()} <= CORE_PANELS
    assert sorted(placed(FOXGLOVE["layout"])) == sorted(FOXGLOVE["configById"])


def test_no_key_of_them_is_one_that_the_programs_pass_over():
    for kind, config in panels():
        assert config.keys() - {"foxglovePanelTitle"} <= FOXGLOVE_KEYS[kind], kind
        for path in config.get("paths", []):
            assert path.keys() == FOXGLOVE_PATH_KEYS
    view = RVIZ["Views"]["Current"]
    usual = {"Class", "Name", "Enabled", "Value"}
    for item in [*RVIZ["Displays"], view]:
        package, _, kind = item["Class"].partition("/")
        assert package == "rviz_default_plugins"
        assert item.keys() - usual <= RVIZ_KEYS[kind], kind
        assert item.get("Topic", {}).keys() <= RVIZ_KEYS["Topic"]
    assert RVIZ["Global Options"].keys() <= RVIZ_KEYS["Global Options"]
    assert abs(view["Pitch"]) <= pi / 2 - 0.001, "rviz would bend it"


@pytest.mark.parametrize("namespace", ["", "/lab/rig1", "/pose"])
def test_each_node_is_in_one_part_of_the_diagnostics_in_any_namespace(namespace):
    nodes = {
        "cameras": "/top/camera",
        "pose": "/pose",
        "experiment": "/experiment",
        "outputs": "/outputs/laser",
        "inputs": "/inputs/lever",
        "recorder": "/recorder",
        "panel": "/panel",
    }
    assert nodes.keys() == analyzers().keys()
    assert {name: parts_of(f"{namespace}{name}") for name in nodes.values()} == {
        name: [part] for part, name in nodes.items()
    }
    assert parts_of(f"{namespace}/somebody") == []


@pytest.mark.parametrize("name", ["dlstream.rviz", "dlstream.foxglove.json", "diagnostics.yaml"])
def test_they_are_installed(name):
    installed = Path(get_package_share_directory("dlstream")) / "config" / name
    assert installed.read_text() == (CONFIG / name).read_text()
