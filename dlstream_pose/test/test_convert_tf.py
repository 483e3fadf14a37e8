"""Networks of DeepLabCut 2: converted, and equal to what DeepLabCut-Live gives."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from dlc_networks import texture
from dlc_tf_networks import KEYPOINTS, write

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
        live = Network(folder / "snapshot-1000.pb", engine="dlclive")
        assert live.info.keypoints == network.info.keypoints
        for frame in FRAMES:
            found, expected = network.run(frame), live.run(frame)
            assert found.shape == expected.shape == (1, len(KEYPOINTS), 3)
            assert np.allclose(found[..., :2], expected[..., :2], atol=0.05)
            assert np.allclose(found[..., 2], expected[..., 2], atol=0.001)


def test_what_deeplabcut_live_can_not_run_is_refused(tmp_path):
    folder = write(tmp_path / "export", "mobilenet_v2_0.35", locref=False)
    graph, settings = folder / "snapshot-1000.pb", folder / "pose_cfg.yaml"
    with pytest.raises(NetworkError, match=r"pose_cfg\.yaml: found a network without location_refinement"):
        Network(graph, engine="dlclive")
    settings.write_text(settings.read_text().replace("location_refinement: false", "location_refinement: true"))
    graph.write_bytes(graph.read_bytes()[:5000])
    with pytest.raises(NetworkError, match=r"snapshot-1000\.pb: DeepLabCut-Live can't load it"):
        Network(graph, engine="dlclive")
    (folder / "snapshot-2000.pb").touch()  # DeepLabCut-Live would take either
    with pytest.raises(NetworkError, match=r"found snapshot-1000\.pb, snapshot-2000\.pb; expected one frozen graph"):
        Network(graph, engine="dlclive")
    (folder / "snapshot-2000.pb").unlink()
    settings.unlink()
    with pytest.raises(NetworkError, match=r"pose_cfg\.yaml: can't be read"):
        Network(graph, engine="dlclive")


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
