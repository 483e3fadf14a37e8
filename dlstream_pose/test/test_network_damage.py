"""Damaged network files and sources: an error that names the file, never a wrong answer and never a traceback."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlstream_common import NetworkError
from dlstream_pose import Network
from dlstream_pose.convert import convert
from dlstream_pose.runtime._seal import is_damaged, sealed

DEMO = Path(__file__).parents[2] / "config" / "networks" / "demo_mouse.pt"
POSE_CFG = """\
all_joints_names:
- snout
- tailbase
location_refinement: true
locref_stdev: 7.2801
net_type: resnet_50
num_joints: 2
num_outputs: 1
stride: 8.0
"""
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def damaged(content: bytes, seed: int) -> bytes:
    """Bits flipped, a part cut out, zeroed or repeated, or the end missing."""
    chance = random.Random(seed)
    kind, start = chance.randrange(5), chance.randrange(len(content))
    length = chance.randrange(1, max(2, len(content) // 4))
    part = content[start : start + length]
    if kind == 0:
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        return bytes(changed)
    before, after = content[:start], content[start + length :]
    return (before, before + after, before + bytes(len(part)) + after, before + part + part + after)[kind - 1]


@pytest.fixture(scope="session")
def sealed_network(spot_network, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "sealed.onnx"
    path.write_bytes(sealed(spot_network.read_bytes()))
    return path


@pytest.fixture(scope="session")
def expected(sealed_network) -> np.ndarray:
    return Network(sealed_network).run(picture())


def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)


@quick
@given(st.integers(0, 2**32))
def test_a_damaged_network_is_refused_or_gives_the_same(sealed_network, expected, tmp_path, seed):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(damaged(sealed_network.read_bytes(), seed))
    try:
        found = Network(path).run(picture())
    except NetworkError as error:
        assert "damaged.onnx" in str(error)
    else:
        assert found.tolist() == expected.tolist()


def test_a_weight_that_changed_is_noticed(tmp_path, demo_network):
    content = bytearray(sealed(demo_network.read_bytes()))
    content[len(content) // 2] ^= 1
    (tmp_path / "bent.onnx").write_bytes(content)
    with pytest.raises(NetworkError, match=r"bent\.onnx: the file is not what the converter wrote"):
        Network(tmp_path / "bent.onnx")


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_seal_that_is_damaged_itself_is_refused_or_the_content_is_whole(sealed_network, expected, tmp_path, engine):
    if engine != "onnx":
        pytest.importorskip(engine)
    refused = 0
    for byte in range(-110, 0):
        content = bytearray(sealed_network.read_bytes())
        content[byte] ^= 0xB0  # no longer text
        (tmp_path / "bent.onnx").write_bytes(content)
        try:
            found = Network(tmp_path / "bent.onnx", engine=engine).run(picture())
        except NetworkError as error:
            refused += 1
            assert "bent.onnx" in str(error)
        else:
            assert found.tolist() == expected.tolist()
    assert refused > 90


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 1000])
def test_a_seal_fits_its_content_alone(content):
    assert not is_damaged(sealed(content))
    assert is_damaged(sealed(content) + b"x")
    assert is_damaged(b"y" + sealed(content))
    assert not is_damaged(content)


def folder_of(tmp_path: Path, settings_text: bytes, graph: bytes = b"\x0a\x03abc") -> Path:
    folder = tmp_path / "export"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "snapshot-1.pb").write_bytes(graph)
    (folder / "pose_cfg.yaml").write_bytes(settings_text)
    return folder


@quick
@given(st.integers(0, 2**32))
def test_a_damaged_pose_cfg_is_refused(tmp_path, seed):
    folder = folder_of(tmp_path, damaged(POSE_CFG.encode(), seed))
    with pytest.raises(NetworkError, match=r"pose_cfg\.yaml|snapshot-1\.pb|export"):
        convert(folder, tmp_path / "out.onnx")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("stride: [8]", "stride: found"),
        ("stride: -8", "stride: found -8; expected a number above 0"),
        ("all_joints_names: snout", "all_joints_names: found 'snout'"),
        ("all_joints_names: [a, a]", "different names"),
        ("num_outputs: 3", "several animals"),
        ("partaffinityfield_predict: true", "several animals"),
        ("- 1\n- 2", "found list; expected keys"),
        ("{", r"pose_cfg\.yaml:\d+: not YAML"),
        ("", "found NoneType"),
    ],
)
def test_a_pose_cfg_that_does_not_fit_is_named(tmp_path, change, said):
    text = change if change[:1] in "-{" else "\n".join([*POSE_CFG.splitlines(), change])
    key = change.partition(":")[0]
    if ":" in change:
        lines = [line for line in POSE_CFG.splitlines() if not line.startswith(key)]
        if key == "all_joints_names":
            lines = [line for line in lines if not line.startswith("-")]
        text = "\n".join([*lines, change])
    if not change:
        text = ""
    with pytest.raises(NetworkError, match=rf"pose_cfg\.yaml.*{said}|{said}"):
        convert(folder_of(tmp_path, text.encode()), tmp_path / "out.onnx")


def test_a_folder_without_a_graph_or_with_two_is_named(tmp_path):
    folder = folder_of(tmp_path, POSE_CFG.encode())
    (folder / "snapshot-2.pb").touch()
    with pytest.raises(NetworkError, match=r"found snapshot-1\.pb, snapshot-2\.pb; expected one frozen graph"):
        convert(folder, tmp_path / "out.onnx")
    for graph in folder.glob("*.pb"):
        graph.unlink()
    with pytest.raises(NetworkError, match=r"found no file that ends in \.pb"):
        convert(folder, tmp_path / "out.onnx")


def test_a_graph_without_its_settings_is_named(tmp_path):
    folder = folder_of(tmp_path, b"")
    (folder / "pose_cfg.yaml").unlink()
    with pytest.raises(NetworkError, match=r"pose_cfg\.yaml: can't be read \(No such file"):
        convert(folder / "snapshot-1.pb", tmp_path / "out.onnx")
