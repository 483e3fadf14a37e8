"""Networks of DeepLabCut 2: converted, and equal to what DeepLabCut-Live gives."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from dlc_networks import texture
from dlc_tf_networks import KEYPOINTS, dlclive_runner, write

from dlstream_common import NetworkError
from dlstream_pose import Network
from dlstream_pose.convert import convert

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None, reason="needs TensorFlow and tf2onnx: make test-dlc-tf"
)
FRAMES = [texture(number, *size) for number, size in enumerate([(128, 160), (117, 171), (203, 150)])]


@pytest.mark.parametrize(
    ("net_type", "locref", "decoded"),
    [
        ("mobilenet_v2_0.35", True, False),
        ("mobilenet_v2_0.35", False, False),
        ("mobilenet_v2_0.35", True, True),  # TFGPUinference=True
        ("mobilenet_v2_1.0", True, False),
        ("resnet_50", True, False),
        ("resnet_50", False, False),
    ],
)
def test_a_network_of_this_kind_equals_its_original(tmp_path, net_type, locref, decoded):
    folder = write(tmp_path / "export", net_type, locref, decoded)
    report = convert(folder, tmp_path / "net.onnx", FRAMES)
    network = Network(tmp_path / "net.onnx")
    assert network.info.keypoints == tuple(KEYPOINTS)
    assert network.info.net_type == net_type
    assert report.seen == len(FRAMES) * len(KEYPOINTS)
    assert report.worst < 0.05
    if locref:  # without it DeepLabCut-Live fails
        live = dlclive_runner(folder)
        live.init_inference(FRAMES[0][..., ::-1])
        for frame in FRAMES:
            assert np.allclose(network.run(frame)[0, :, :2], live.get_pose(frame[..., ::-1])[:, :2], atol=0.05)


def test_a_folder_that_does_not_belong_together_is_refused(tmp_path):
    folder = write(tmp_path / "export", "mobilenet_v2_0.35")
    text = (folder / "pose_cfg.yaml").read_text()
    (folder / "pose_cfg.yaml").write_text(text.replace("- snout\n", ""))
    with pytest.raises(NetworkError, match=r"has 4 channels; expected 3 for the 3 keypoints of pose_cfg\.yaml"):
        convert(folder, tmp_path / "net.onnx", FRAMES)
    (folder / "pose_cfg.yaml").write_text(text)
    graph = next(folder.glob("*.pb"))
    content = graph.read_bytes()
    for damage in (b"", b"\x00" * 50, content[: len(content) // 2], b"x" * 100):
        graph.write_bytes(damage)
        with pytest.raises(NetworkError, match=r"snapshot-1000\.pb"):
            convert(folder, tmp_path / "net.onnx", FRAMES)
    assert not (tmp_path / "net.onnx").exists()
