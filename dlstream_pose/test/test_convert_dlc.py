"""Every kind of network that DeepLabCut 3 trains: converted, and equal to the original."""

from __future__ import annotations

import importlib.util
import random

import numpy as np
import pytest
from dlc_networks import KEYPOINTS, config, texture, write, write_top_down

from dlstream_common import NetworkError
from dlstream_pose import Network
from dlstream_pose.convert import convert
from dlstream_pose.runtime.assignment import best_assignment
from dlstream_pose.runtime.top_down import crop

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("deeplabcut") is None, reason="needs DeepLabCut: make test-dlc"
)
# Sizes that are and are not multiples of 32: HRNet pads.
FRAMES = [texture(number, *size) for number, size in enumerate([(128, 160), (117, 171), (200, 150), (128, 160)])]
KINDS = {
    "cspnext": ("cspnext_s", 1),
    "resnet": ("resnet_50", 1),
    "hrnet": ("hrnet_w18", 1),
    "cspnext several": ("cspnext_s", 2),
    "resnet several": ("resnet_50", 3),
    "dlcrnet": ("dlcrnet_stride16_ms5", 3),
    "dekr": ("dekr_w18", 3),
}


def settings(kind: str) -> dict:
    net_type, individuals = KINDS[kind]
    made = config(net_type, individuals)
    backbone = made["model"]["backbone"]
    if backbone["type"] == "CSPNeXt":  # a smaller one, as DeepLabCut loads it
        backbone["widen_factor"] = 0.25
        for branch in ("heatmap_config", "locref_config", "paf_config"):
            channels = made["model"]["heads"]["bodypart"].get(branch)
            if channels:
                channels["channels"][0] = 256
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_of_this_kind_equals_its_original(tmp_path, kind):
    report = convert(write(tmp_path / "net.pt", settings(kind)), tmp_path / "net.onnx", FRAMES)
    network = Network(tmp_path / "net.onnx")
    assert network.info.keypoints == tuple(KEYPOINTS)
    assert len(network.info.individuals) == KINDS[kind][1]
    assert report.seen >= len(FRAMES) * len(KEYPOINTS)
    assert report.worst < 0.01
    assert network.info.proof.worst == pytest.approx(report.worst, abs=1e-6)
    live = Network(tmp_path / "net.pt", engine="dlclive")
    for frame in FRAMES:
        found, expected = network.run(frame), live.run(frame)
        assert found.shape == expected.shape
        seen = expected[..., 2] > 0.1
        assert seen.any()
        assert np.allclose(found[seen], expected[seen], atol=0.01)


def test_a_network_without_location_refinement_equals_its_original(tmp_path):
    made = settings("cspnext")
    head = made["model"]["heads"]["bodypart"]
    head["predictor"]["location_refinement"] = False
    head["target_generator"]["generate_locref"] = False
    head["locref_config"] = None
    del head["criterion"]["locref"]
    report = convert(write(tmp_path / "net.pt", made), tmp_path / "net.onnx", FRAMES)
    assert report.worst == 0
    stride = Network(tmp_path / "net.onnx").info.stride
    places = Network(tmp_path / "net.onnx").run(FRAMES[0])[..., :2]
    assert (places % stride == stride / 2).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made.update(method="ctd"), "method 'ctd'"),
        (lambda made: made["data"].update(colormode="BGR"), "colormode BGR"),
        (lambda made: made["data"]["inference"].update(longest_max_size=64), "data.inference.longest_max_size 64"),
        (lambda made: made["model"].pop("heads"), "configuration is not one of DeepLabCut 3"),
        (lambda made: made["metadata"].pop("bodyparts"), "configuration is not one of DeepLabCut 3"),
        (lambda made: made["metadata"].update(bodyparts=["one"]), "found 4 keypoints in the network and 1 names"),
        (lambda made: made["model"]["backbone"].update(type="Brain"), "can't build the network"),
        (lambda made: made["model"]["heads"]["bodypart"]["predictor"].update(type="Oracle"), "Oracle|can't build"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(tmp_path, change, said):
    import torch

    path = write(tmp_path / "net.pt", settings("cspnext"))
    content = torch.load(path, weights_only=True)
    change(content["config"])
    torch.save(content, path)
    with pytest.raises(NetworkError, match=rf"net\.pt: .*({said})"):
        convert(path, tmp_path / "out.onnx", FRAMES[:1])


def test_a_snapshot_of_a_training_is_told_to_be_exported(tmp_path):
    import torch

    content = torch.load(write(tmp_path / "net.pt", settings("cspnext")), weights_only=True)
    torch.save({"model": content["pose"], "metadata": {"epoch": 3}}, tmp_path / "snapshot-003.pt")
    with pytest.raises(
        NetworkError, match=r"snapshot-003\.pt: found a snapshot of a training.*deeplabcut.export_model"
    ):
        convert(tmp_path / "snapshot-003.pt", tmp_path / "out.onnx", FRAMES[:1])
    with pytest.raises(NetworkError, match=r"found net\.pt, snapshot-003\.pt; expected one"):
        convert(tmp_path, tmp_path / "out.onnx", FRAMES[:1])
    (tmp_path / "net.pt").unlink()
    with pytest.raises(NetworkError, match=r"snapshot-003\.pt: found a snapshot"):  # the folder's only one
        convert(tmp_path, tmp_path / "out.onnx", FRAMES[:1])


def test_damaged_exports_are_refused(tmp_path):
    """Most bits are weights: a network with other weights is another network, and equals itself."""
    from test_network_damage import damaged

    whole = write(tmp_path / "net.pt", settings("cspnext")).read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(40):
        kind = chance.randrange(2)
        path = tmp_path / "damaged.pt"
        path.write_bytes(whole[: chance.randrange(len(whole))] if kind else damaged(whole, chance.randrange(10**6)))
        try:
            from dlstream_pose.convert.sources import open_source

            open_source(path)
        except NetworkError as error:
            refused += 1
            assert "damaged.pt" in str(error)
    assert refused >= 20


def test_assignments_are_those_of_scipy():
    from scipy.optimize import linear_sum_assignment

    chance = np.random.default_rng(0)
    for _ in range(2000):
        gain = chance.integers(0, 4, chance.integers(1, 7, 2)).astype(float)
        rows, columns = linear_sum_assignment(gain, maximize=True)
        assert best_assignment(gain.tolist()) == list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_animals_are_those_of_deeplabcut():
    """The grouping alone, on candidates of chance with many ties, against DeepLabCut's own assembly."""
    from deeplabcut.core.inferenceutils import Assembler

    from dlstream_pose import NetworkInfo, Source
    from dlstream_pose.runtime.decoders import make_decoder

    chance = np.random.default_rng(1)
    for _ in range(300):
        keypoints, animals = int(chance.integers(3, 7)), int(chance.integers(2, 5))
        graph = [(a, b) for a in range(keypoints) for b in range(a + 1, keypoints)]
        kept = sorted(chance.choice(len(graph), int(chance.integers(2, len(graph) + 1)), replace=False).tolist())
        counts = chance.integers(0, animals + 1, keypoints)
        candidates = np.zeros((keypoints, animals, 4), np.float32)
        coordinates, confidence, number = [], [], 0
        for keypoint, count in enumerate(counts):
            points = chance.uniform(1, 100, (count, 2)).astype(np.float32)
            sure = chance.choice([0.05, 0.2, 0.5, 0.9], (count, 1)).astype(np.float32)
            coordinates.append(points)
            confidence.append(sure)
            order = sorted(range(count), key=lambda index: sure[index, 0], reverse=True)
            for place, index in enumerate(order):
                candidates[keypoint, place] = *points[index], sure[index, 0], number + index
            number += count
        affinities = np.zeros((len(kept), animals, animals), np.float32)
        costs = {}
        for row, edge in enumerate(kept):
            first, second = graph[edge]
            table = np.round(chance.choice([0, 0.04, 0.3, 0.6, 0.9], (counts[first], counts[second])), 3).astype(
                np.float32
            )
            if table.size:
                costs[edge] = {"m1": table, "distance": np.ones_like(table)}
            orders = [
                sorted(range(counts[end]), key=lambda index, end=end: confidence[end][index, 0], reverse=True)
                for end in (first, second)
            ]
            affinities[row, : counts[first], : counts[second]] = table[np.ix_(*orders)]
        assembler = Assembler.empty(
            animals, n_multibodyparts=keypoints, n_uniquebodyparts=0, graph=graph, paf_inds=kept, min_affinity=0.05
        )
        data = {"coordinates": (coordinates,), "confidence": confidence, "costs": costs}
        expected, _ = assembler._assemble(data, 0)
        about = NetworkInfo(
            format=2,
            keypoints=tuple(f"k{index}" for index in range(keypoints)),
            individuals=tuple(f"i{index}" for index in range(animals)),
            stride=8,
            decoder="part_affinity",
            outputs=("candidates", "affinities"),
            decoding={"animals": animals, "edges": [graph[edge] for edge in kept], "min_affinity": 0.05},
            source=Source(file="x", sha256="0", tool="test"),
        )
        found = make_decoder(about)[1]({"candidates": candidates, "affinities": affinities})
        wanted = np.array([one.data[:, :3] for one in expected or []], np.float32).reshape(-1, keypoints, 3)
        wanted[..., 2] = np.nan_to_num(wanted[..., 2])
        assert np.array_equal(found, wanted, equal_nan=True)


@pytest.mark.parametrize("net_type", ["rtmpose_s", "cspnext_s"])
def test_a_top_down_network_equals_its_original(tmp_path, net_type):
    made = config(net_type, 3, top_down=True)
    frames = [texture(number, *size) for number, size in enumerate([(240, 320), (203, 317), (300, 250)])]
    report = convert(write_top_down(tmp_path / "net.pt", made), tmp_path / "net.onnx", frames)
    network = Network(tmp_path / "net.onnx")
    assert network.info.detector.net_type == "SSDLite"
    assert report.seen > len(frames)
    assert report.worst < 0.05


def test_a_top_down_network_without_its_detector_is_refused(tmp_path):
    path = write(tmp_path / "net.pt", config("rtmpose_s", 3, top_down=True))
    with pytest.raises(NetworkError, match=r"net\.pt: found a top-down network without its detector"):
        convert(path, tmp_path / "net.onnx", FRAMES)


@pytest.mark.parametrize("whose", ["", "detector"])
def test_a_top_down_network_that_resizes_is_refused(tmp_path, whose):
    import torch

    path = write_top_down(tmp_path / "net.pt", config("rtmpose_s", 3, top_down=True))
    content = torch.load(path, weights_only=True)
    (content["config"][whose] if whose else content["config"])["data"]["inference"]["resize"] = {
        "height": 9,
        "width": 9,
    }
    torch.save(content, path)
    with pytest.raises(NetworkError, match=rf"net\.pt: found {whose}\.?data\.inference\.resize"):
        convert(path, tmp_path / "net.onnx", FRAMES)


def test_a_faster_rcnn_detector_is_built_without_the_internet(monkeypatch):
    """DeepLabCut's class loads weights of ImageNet first. Its exports don't count the batches of frozen statistics."""
    import torchvision.models._api as api

    from dlstream_pose.convert.sources._top_down import built, load

    monkeypatch.setattr(api, "load_state_dict_from_url", lambda *_, **__: pytest.fail("asked the internet"))
    detector = built({"type": "FasterRCNN", "variant": "fasterrcnn_mobilenet_v3_large_fpn", "freeze_bn_stats": True})
    weights = {name: value for name, value in detector.state_dict().items() if not name.endswith("_batches_tracked")}
    assert len(weights) < len(detector.state_dict())
    load(detector, weights)
    weights.pop("model.roi_heads.box_predictor.cls_score.bias")
    with pytest.raises(RuntimeError, match=r"box_predictor\.cls_score\.bias"):
        load(detector, weights)


def test_crops_of_another_size_than_the_head_takes_are_refused(tmp_path):
    import torch

    path = write(tmp_path / "net.pt", config("rtmpose_s", 3, top_down=True))
    content = torch.load(path, weights_only=True)
    content["config"]["data"]["inference"]["top_down_crop"] = {"width": 128, "height": 128}
    torch.save(content, path)
    with pytest.raises(NetworkError, match=r"net\.pt: found crops of 128x128 .* head for 256x256"):
        convert(path, tmp_path / "net.onnx", FRAMES)


def test_crops_are_those_of_torchvision():
    import torch
    from torchvision.transforms.functional import resized_crop

    chance, image = np.random.default_rng(0), texture(1, 240, 320)
    for _ in range(30):
        side = int(chance.integers(5, 300))
        # A detector's boxes lie in the image; torchvision cuts others wrongly.
        left, top = chance.integers(-side // 2, 320 - side // 2), chance.integers(-side // 2, 240 - side // 2)
        channels = torch.from_numpy(image.copy()).permute(2, 0, 1)
        expected = resized_crop(channels, int(top), int(left), side, side, [64, 64]).permute(1, 2, 0).numpy()
        found = crop(image, (int(left), int(top), int(left) + side, int(top) + side), (64, 64))
        assert np.abs(found.astype(int) - expected).max() <= 1
        assert (found != expected).mean() < 0.001
