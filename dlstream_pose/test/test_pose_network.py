"""Network files: what they say of themselves, and what is said of those that can't be used."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from dlstream_common import NetworkError
from dlstream_pose import Network


def test_a_network_says_what_it_finds(spot_network):
    network = Network(spot_network)
    assert network.info.keypoints == ("brightest", "darkest")
    assert network.info.edges == ((0, 1),)
    assert network.info.source.file == "spot.txt"
    assert network.sha256 == hashlib.sha256(spot_network.read_bytes()).hexdigest()


def test_images_of_any_size_run(spot_network):
    network = Network(spot_network)
    for height, width, x, y in ((40, 60, 59, 39), (101, 33, 0, 0), (48, 64, 17, 30)):
        image = np.full((height, width, 3), 100, np.uint8)
        image[y, x] = 255
        image[5, 7] = 0
        assert network.run(image).tolist() == [[[x, y, 1.0], [7.0, 5.0, 1.0]]]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NetworkError, match=r"nowhere\.onnx: can't be read \(No such file"):
        Network(tmp_path / "nowhere.onnx")


def test_a_folder_is_no_network(tmp_path):
    with pytest.raises(NetworkError, match=r"found a folder; expected a network file"):
        Network(tmp_path)


def test_an_empty_file_is_no_network(tmp_path):
    path = tmp_path / "empty.onnx"
    path.touch()
    with pytest.raises(NetworkError, match=r"empty\.onnx: found an empty file"):
        Network(path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_network_is_refused(demo_network, tmp_path, kept):
    content = demo_network.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(NetworkError, match=r"cut\.onnx: found"):
        Network(path)


def test_what_is_not_onnx_is_refused(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("keypoints: snout\n" * 50)
    with pytest.raises(NetworkError, match=r"text\.onnx: found a text; expected a network"):
        Network(path)


def test_a_pytorch_file_is_told_how_to_be_converted(tmp_path):
    path = tmp_path / "mouse.pt"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(NetworkError, match=r"convert mouse\.pt mouse\.onnx"):
        Network(path)


def test_a_network_of_unknown_origin_is_refused(write_network):
    with pytest.raises(NetworkError, match="without 'dlstream' metadata"):
        Network(write_network(None))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keypoints": []}, "keypoints: found \\[\\]"),
        ({"keypoints": ["snout", "snout"]}, "occurs twice"),
        ({"edges": [[0, 2]]}, "does not exist"),
        ({"stride": 0}, "stride: found 0"),
        ({"format": 99}, "format: found 99"),
        ({"decoder": None}, "decoder: found None"),
    ],
)
def test_wrong_metadata_is_named(write_network, spot_network, change, said):
    metadata = json.loads(Network(spot_network).info.model_dump_json()) | change
    with pytest.raises(NetworkError, match=said):
        Network(write_network(json.dumps(metadata)))


def test_metadata_that_is_not_json_is_refused(write_network):
    with pytest.raises(NetworkError, match="metadata dlstream: found 'none of this'"):
        Network(write_network("none of this"))


def test_metadata_of_a_later_version_may_say_more(write_network, spot_network):
    metadata = json.loads(Network(spot_network).info.model_dump_json()) | {"colour": "unknown today"}
    assert Network(write_network(json.dumps(metadata))).info.keypoints == ("brightest", "darkest")


def test_another_graph_with_our_metadata_is_refused(spot_network, tmp_path):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    node = helper.make_node("Identity", ["pixels"], ["features"])
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3]) for name in ("pixels", "features")]
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]), ir_version=10)
    model.opset_import[0].version = 18
    helper.set_model_props(model, {"dlstream": Network(spot_network).info.model_dump_json()})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(NetworkError, match=r"inputs pixels: tensor\(float\) and outputs features"):
        Network(tmp_path / "other.onnx")


def test_an_image_that_does_not_fit_is_named(spot_network):
    with pytest.raises(NetworkError, match=r"image of \(48, 64, 4\)"):
        Network(spot_network).run(np.zeros((48, 64, 4), np.uint8))
