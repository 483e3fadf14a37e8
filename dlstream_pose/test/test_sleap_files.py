"""Folders of SLEAP, looked at without SLEAP: which are known, and what is said of those that can't be converted."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path

import pytest
from sleap_networks import settings

from dlstream_common import NetworkError
from dlstream_pose.convert import convert
from dlstream_pose.convert.sources import deeplabcut, deeplabcut_tf, sleap

KERAS = {
    "model": {
        "backbone": {"unet": {"filters": 16}, "resnet": None},
        "heads": {"single_instance": {"part_names": ["snout"]}, "multi_instance": None},
    }
}


def folder_of(path: Path, content: object, weights: str = "best.ckpt", name: str = "training_config.yaml") -> Path:
    """JSON is YAML too."""
    path.mkdir()
    (path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    (path / weights).write_bytes(b"PK\x03\x04 not a checkpoint")
    return path


@pytest.mark.parametrize(
    "files",
    [
        ["training_config.yaml", "best.ckpt"],
        ["training_config.json", "best_model.h5"],
        ["model.onnx", "export_metadata.json"],
        ["best.ckpt"],
    ],
)
def test_a_folder_of_sleap_is_known_as_such(tmp_path, files):
    for file in files:
        (tmp_path / file).touch()
    assert sleap.accepts(tmp_path)
    assert not deeplabcut_tf.accepts(tmp_path)
    assert not deeplabcut.accepts(tmp_path)
    assert sleap.accepts(tmp_path / "best.ckpt") == ("best.ckpt" in files) or not (tmp_path / "best.ckpt").exists()


def test_a_folder_of_deeplabcut_is_not_sleaps(tmp_path):
    (tmp_path / "snapshot-1.pb").touch()
    (tmp_path / "pose_cfg.yaml").touch()
    assert deeplabcut_tf.accepts(tmp_path)
    assert not sleap.accepts(tmp_path)


def test_a_folder_of_nothing_is_told_what_is_expected(tmp_path):
    with pytest.raises(NetworkError, match=r"a file of DeepLabCut 3 .*\.pb .* a folder in which SLEAP trained"):
        convert(tmp_path, tmp_path / "out.onnx")


def changed(**changes: object) -> dict:
    made = settings("single_instance")
    for key, value in changes.items():
        made[key] = value
    return made


def with_head(kind: str) -> dict:
    made = settings("single_instance")
    made["model_config"]["head_configs"] = {kind: {"confmaps": {}} | {"x": 1}, "single_instance": None}
    return made


def with_tiles() -> dict:
    made = settings("single_instance")
    made["data_config"]["preprocessing"]["tiling"] = {"enabled": True}
    return made


def with_backbone() -> dict:
    made = settings("single_instance")
    made["model_config"]["backbone_config"] = {"pretrained": {"model": "vit"}}
    return made


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (with_head("centroid"), "kind 'centroid'; expected single_instance or bottomup. A top-down pair"),
        (with_head("centered_instance"), "kind 'centered_instance'"),
        (with_head("oracle"), "kind 'oracle'"),
        (with_backbone(), "backbone 'pretrained'; expected one of unet, convnext, swint"),
        (with_tiles(), "tiling switched on"),
        (changed(model_config=None), "head_configs: found none; expected one"),
        (changed(model_config={"head_configs": 3}), "head_configs: found none; expected one"),
        (changed(model_config={"head_configs": {"a": {"b": 1}, "c": {"d": 1}}}), "found a, c; expected one"),
        ("[1, 2]", "found no keys with values"),
        ("model_config: [1", r":1: not YAML"),
        ("", "found no keys with values"),
        (changed(data_config=[1]), "found no keys with values"),
    ],
)
def test_a_configuration_that_can_not_be_converted_is_named(tmp_path, content, said):
    folder = folder_of(tmp_path / "model", content)
    with pytest.raises(NetworkError, match=rf"training_config\.yaml.*{said}"):
        convert(folder, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_missing_files_are_named(tmp_path):
    folder = folder_of(tmp_path / "model", settings("bottomup"))
    (folder / "best.ckpt").unlink()
    with pytest.raises(NetworkError, match=r"model: found no best\.ckpt"):
        convert(folder, tmp_path / "out.onnx")
    (folder / "training_config.yaml").unlink()
    (folder / "best.ckpt").touch()
    with pytest.raises(NetworkError, match=r"model: found no training_config\.yaml or training_config\.json"):
        convert(folder / "best.ckpt", tmp_path / "out.onnx")


@pytest.mark.parametrize("name", ["export_metadata.json", "frozen_graph.pb"])
def test_an_export_is_told_what_it_lacks(tmp_path, name):
    (tmp_path / name).touch()
    (tmp_path / "info.json").touch()
    with pytest.raises(NetworkError, match=r"found an export of SLEAP .* expected the folder in which the model was"):
        convert(tmp_path, tmp_path / "out.onnx")


def test_a_model_of_the_older_sleap_is_read(tmp_path):
    folder = folder_of(tmp_path / "model", KERAS, "best_model.h5", "training_config.json")
    found = sleap.SleapFolder(folder)
    assert (found.legacy, found.kind, found.weights.name) == (True, "single_instance", "best_model.h5")
    content = json.loads(json.dumps(KERAS))
    content["model"]["backbone"] = {"resnet": {"version": "ResNet50"}}
    (folder / "training_config.json").write_text(json.dumps(content))
    with pytest.raises(NetworkError, match=r"training_config\.json: found the backbone 'resnet'; expected one of unet"):
        convert(folder, tmp_path / "out.onnx")


def test_any_damage_to_a_configuration_is_an_error_that_names_the_file(tmp_path):
    whole = json.dumps(settings("bottomup"))
    folder = folder_of(tmp_path / "model", whole)
    chance = random.Random(3)
    for _ in range(150):
        text = bytearray(whole.encode()[: chance.randrange(len(whole))])
        for _ in range(chance.randrange(3)):
            if text:
                text[chance.randrange(len(text))] = chance.randrange(256)
        (folder / "training_config.yaml").write_bytes(bytes(text))
        with pytest.raises(NetworkError, match="model"):
            convert(folder, tmp_path / "out.onnx")


@pytest.mark.skipif(importlib.util.find_spec("sleap_nn") is not None, reason="SLEAP-NN is installed")
def test_without_sleap_nn_it_says_what_to_install(tmp_path):
    folder = folder_of(tmp_path / "model", settings("single_instance"))
    with pytest.raises(NetworkError, match=r"make sleap, or pip install -r requirements-sleap\.txt"):
        convert(folder, tmp_path / "out.onnx")
