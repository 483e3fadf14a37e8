"""The section `pose`: engines and filters with keys of their own, and the keys of former files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dlstream.rig.file import load_rig
from dlstream.rig.nodes import rig_nodes
from dlstream_common import InputError
from dlstream_pose.runtime.filters import FILTERS, filter_settings

NETWORK = Path(__file__).resolve().parents[2] / "config" / "networks" / "demo_mouse.onnx"


def rig_file(folder: Path, pose: dict[str, Any]) -> Path:
    path = folder / "rig.yaml"
    content = {"rig": "test", "cameras": {"top": {"source": "synthetic"}}, "pose": {"network": str(NETWORK), **pose}}
    with path.open("w") as file:
        YAML().dump(content, file)
    return path


def parameters(folder: Path, **pose: Any) -> dict[str, Any]:
    """What the pose node of such a rig gets."""
    path = rig_file(folder, pose)
    (node,) = [node for node in rig_nodes(load_rig(path), path) if node.name == "pose"]
    return dict(node.parameters)


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ({"threads": 5}, {"engine": {"type": "auto", "threads": 5}}),
        ({"engine": "onnx", "threads": 5}, {"engine": {"type": "onnx", "threads": 5}}),
        ({"filter": "kalman", "filter_noise": 3.0}, {"filter": {"type": "kalman", "noise": 3.0}}),
        (
            {"filter": "kalman", "filter_agility": 50.0},
            {"filter": {"type": "kalman", "agility": 50.0}, "crop_agility": 50.0},
        ),
        ({"filter": "one_euro", "filter_cutoff": 5.0}, {"filter": {"type": "one_euro", "cutoff": 5.0}}),
        ({"filter": "one_euro", "filter_beta": 0.5}, {"filter": {"type": "one_euro", "beta": 0.5}}),
        ({"filter": "one_euro", "filter_gap": 1.0}, {"filter": {"type": "one_euro", "gap": 1.0}}),
        ({"filter": "kalman", "filter_confidence": 0.6}, {"filter": {"type": "kalman", "min_confidence": 0.6}}),
        ({"filter": "one_euro", "filter_noise": 3.0}, {"filter": "one_euro"}),
        ({"filter_agility": 50.0, "crop": 64}, {"crop_agility": 50.0, "crop": 64}),
        ({"filter": "kalman"}, {"filter": {"type": "kalman"}}),
        ({"filter_noise": 3.0}, {}),
    ],
)
def test_keys_of_former_files_mean_what_they_meant(tmp_path: Path, former: dict[str, Any], now: dict[str, Any]):
    assert parameters(tmp_path, **former) == parameters(tmp_path, **now)


def test_any_former_keys_together_mean_what_they_meant(tmp_path: Path):
    """As 0.1 did: what does not apply to the filter is left out."""
    draw = random.Random(9)
    names = {"noise": "noise", "agility": "agility", "gap": "gap", "confidence": "min_confidence"}
    names |= {"cutoff": "cutoff", "beta": "beta"}
    for _ in range(30):
        kind = draw.choice(sorted(FILTERS))
        values = {name: round(draw.uniform(0.1, 0.9), 3) for name in names if draw.random() < 0.5}
        found = parameters(tmp_path, filter=kind, **{f"filter_{name}": value for name, value in values.items()})
        for name, value in values.items():
            own = names[name] in filter_settings(kind).model_fields
            assert found.get(f"filter.{names[name]}") == (value if own else None), (kind, values)
        assert found["crop_agility"] == values.get("agility", 1000.0)


def test_each_key_of_a_part_is_a_parameter(tmp_path: Path):
    found = parameters(tmp_path, filter={"type": "one_euro", "beta": 0.1}, engine={"type": "onnx", "threads": 1})
    ours = {name: value for name, value in found.items() if name.startswith(("filter", "engine"))}
    assert ours == {
        "engine": "onnx",
        "engine.threads": 1,
        "filter": "one_euro",
        "filter.gap": 0.3,
        "filter.min_confidence": 0.1,
        "filter.cutoff": 2.0,
        "filter.beta": 0.1,
    }


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        ({"filter": "men"}, "pose.filter: found 'men'; expected one of none, kalman, one_euro"),
        ({"filter": "kalmann"}, "one_euro. Did you mean 'kalman'?"),
        ({"filter": 3}, "pose.filter: found 3; expected one of none, kalman"),
        ({"filter": {"type": "men"}}, "pose.filter.type: found 'men'; expected one of none, kalman, one_euro"),
        ({"filter": {"noise": 1.0}}, "pose.filter.type: found nothing; expected this key: one of none, kalman"),
        (
            {"filter": {"type": "kalman", "nois": 1.0}},
            "pose.filter.nois: found the unknown key 'nois'; expected a known",
        ),
        ({"filter": {"type": "kalman", "beta": 1.0}}, "pose.filter.beta: found the unknown key 'beta'"),
        (
            {"filter": {"type": "kalman", "noise": -1.0}},
            "pose.filter.noise: found -1.0; expected a number greater than 0",
        ),
        ({"filter_noise": -1.0}, "pose.filter_noise: found -1.0; expected a number greater than 0"),
        ({"engine": "onx"}, "pose.engine: found 'onx'; expected one of auto, cuda"),
        ({"engine": {"type": "onnx", "threads": 99}}, "pose.engine.threads: found 99; expected a number at most 64"),
        (
            {"filter": {"type": "kalman", "noise": 2.0}, "filter_noise": 3.0},
            "pose.filter_noise: found 3.0; expected only the newer key filter.noise, which is there as well",
        ),
    ],
)
def test_mistakes_are_found_at_their_key(tmp_path: Path, pose: dict[str, Any], expected: str):
    path = rig_file(tmp_path, pose)
    with pytest.raises(InputError) as caught:
        load_rig(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}:"), "with its line"
