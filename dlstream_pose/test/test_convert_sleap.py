"""Networks of SLEAP: converted, and equal to what SLEAP-NN's own predictor finds."""

from __future__ import annotations

import importlib.util
import json
import shutil

import numpy as np
import pytest
from sleap_networks import EDGES, NODES, SIZE, frames, settings, write

from dlstream_common import NetworkError
from dlstream_pose import Network, NetworkInfo, Source
from dlstream_pose.convert import convert
from dlstream_pose.convert.sources import open_source
from dlstream_pose.runtime.decoders import make_decoder

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("sleap_nn") is None, reason="needs SLEAP-NN: make test-sleap"),
    pytest.mark.filterwarnings("default"),
]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("single_instance", {}),
        ("single_instance", {"in_channels": 1}),
        ("single_instance", {"in_channels": 1, "ensure_grayscale": True}),
        ("single_instance", {"ensure_rgb": True, "up_interpolate": False}),
        ("single_instance", {"scale": 0.5}),
        ("single_instance", {"max_width": None, "max_height": None, "stem_stride": 2}),
        ("bottomup", {}),
        ("bottomup", {"in_channels": 1, "ensure_grayscale": True}),
        ("bottomup", {"scale": 0.5}),
    ],
)
def test_a_network_of_this_kind_equals_its_original(tmp_path, kind, changes):
    folder, shown = write(tmp_path / "model", kind, **changes), frames(padded=kind == "single_instance")
    if kind == "bottomup" and "ensure_grayscale" in changes:
        # SLEAP makes frames grey before it resizes them, dlstream after: by weights of chance one grey value counts.
        shown = [frame for frame in shown if frame.shape[:2] == (SIZE[1], SIZE[0])]
    report = convert(folder, tmp_path / "net.onnx", shown, individuals=3 if kind == "bottomup" else None)
    network = Network(tmp_path / "net.onnx")
    assert network.info.keypoints == tuple(NODES)
    assert [(NODES[a], NODES[b]) for a, b in network.info.edges] == EDGES
    assert network.info.input_size == (None if "max_width" in changes else SIZE)
    assert len(network.info.individuals) == (3 if kind == "bottomup" else 1)
    assert report.seen >= len(shown) * 2
    assert report.worst < 0.1


def test_sleap_itself_finds_the_same_in_a_video(tmp_path):
    """Read, resized and decoded by SLEAP-NN from beginning to end, not by one of its layers."""
    import cv2
    import sleap_io
    from sleap_nn.inference import predict

    folder = write(tmp_path / "model", "single_instance")
    convert(folder, tmp_path / "net.onnx", frames())
    same = [frame for frame in frames() if frame.shape == (SIZE[1], SIZE[0], 3)][:2]
    for number, frame in enumerate(same):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
    video = sleap_io.load_video([str(tmp_path / f"{number}.png") for number in range(len(same))])
    labels = predict(video, model_paths=[str(folder)], device="cpu")
    network = Network(tmp_path / "net.onnx")
    for frame, labelled in zip(same, sorted(labels.labeled_frames, key=lambda one: one.frame_idx), strict=True):
        assert np.allclose(labelled.instances[0].numpy(), network.run(frame)[0, :, :2], atol=0.1, equal_nan=True)


def test_a_bottom_up_model_without_its_labels_asks_how_many_animals_there_are(tmp_path):
    folder = write(tmp_path / "model", "bottomup")
    with pytest.raises(NetworkError, match=r"no labels .* expected it to be given: --individuals N"):
        convert(folder, tmp_path / "net.onnx", frames()[:1])
    assert not (tmp_path / "net.onnx").exists()


def test_the_labels_say_how_many_animals_there_are(tmp_path):
    import sleap_io

    folder = write(tmp_path / "model", "bottomup")
    skeleton = sleap_io.Skeleton(list(NODES))
    video = sleap_io.Video("nowhere.mp4", open_backend=False)
    points = np.zeros((len(NODES), 2))
    labelled = [
        sleap_io.LabeledFrame(
            video=video,
            frame_idx=number,
            instances=[sleap_io.Instance.from_numpy(points + one, skeleton=skeleton) for one in range(count)],
        )
        for number, count in enumerate([1, 4, 2])
    ]
    sleap_io.Labels(labelled).save(str(folder / "labels_gt.train.0.slp"))
    info = open_source(folder).info
    assert len(info.individuals) == info.decoding["animals"] == 4


def test_a_single_instance_model_has_one_animal(tmp_path):
    folder = write(tmp_path / "model", "single_instance")
    with pytest.raises(NetworkError, match="individuals: found 2; expected none"):
        convert(folder, tmp_path / "net.onnx", frames()[:1], individuals=2)


@pytest.mark.parametrize("damage", ["truncated", "text", "other", "half"])
def test_damaged_weights_are_refused(tmp_path, damage):
    import torch

    folder = write(tmp_path / "model", "single_instance")
    path = folder / "best.ckpt"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:20_000])
    elif damage == "text":
        path.write_text("weights")
    elif damage == "other":
        torch.save({"weights": torch.zeros(3)}, path)
    else:
        content = torch.load(path, weights_only=True)
        content["state_dict"].popitem()
        torch.save(content, path)
    with pytest.raises(NetworkError, match="model"):
        convert(folder, tmp_path / "out.onnx", frames()[:1])
    assert not (tmp_path / "out.onnx").exists()


def test_names_that_do_not_fit_the_weights_are_refused(tmp_path):
    folder = write(tmp_path / "model", "single_instance")
    text = (folder / "training_config.yaml").read_text()
    (folder / "training_config.yaml").write_text(text.replace("- name: tailbase\n", "", 1))
    with pytest.raises(NetworkError, match="model"):
        convert(folder, tmp_path / "out.onnx", frames()[:1])


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    import torch

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return shutil.rmtree, (str(tmp_path / "victim"),)

    folder = write(tmp_path / "model", "single_instance")
    (tmp_path / "victim").mkdir()
    torch.save({"state_dict": torch.load(folder / "best.ckpt")["state_dict"], "trap": Trap()}, folder / "best.ckpt")
    with pytest.raises(NetworkError, match=r"best\.ckpt: can't be loaded as plain numbers"):
        convert(folder, tmp_path / "out.onnx")
    assert (tmp_path / "victim").exists()


def test_animals_are_those_of_sleap():
    """The grouping alone, on candidates of chance, against SLEAP-NN's own."""
    import torch
    from sleap_nn.inference.ops.paf import PAFScorer

    chance = np.random.default_rng(0)
    for _ in range(300):
        count = int(chance.integers(2, 7))
        parts = [str(number) for number in range(count)]
        shuffled = chance.permutation(count).tolist()
        # Not always a tree: SLEAP leaves out edges that lead to where it has been.
        edges = [(shuffled[int(chance.integers(0, end))], shuffled[end]) for end in range(1, count)]
        scorer = PAFScorer(parts, [(parts[a], parts[b]) for a, b in edges], pafs_stride=2)
        counts = chance.integers(0, 5, count)
        peaks, values, channels, places = [], [], [], []
        for place in chance.permutation(200)[: int(counts.sum())].tolist():
            peaks.append(chance.uniform(0, 100, 2))
            values.append(float(chance.uniform(0.2, 1)))
            places.append(place)
        channels = chance.permutation(np.repeat(np.arange(count), counts)).tolist()
        order = np.argsort(places)
        peaks, values = np.array(peaks, np.float32).reshape(-1, 2)[order], np.array(values, np.float32)[order]
        channels, places = np.array(channels, np.int32)[order] if len(order) else np.zeros(0, np.int32), np.sort(places)
        candidates = np.zeros((count, 6, 4), np.float32)
        index = {}
        for number in np.argsort(-values):
            keypoint = int(channels[number])
            slot = sum(1 for known in index.values() if known[0] == keypoint)
            index[int(number)] = keypoint, slot
            candidates[keypoint, slot] = *peaks[number], values[number], places[number]
        affinities = chance.uniform(-0.5, 1, (len(edges), 6, 6)).astype(np.float32)
        pairs = [
            (edge, first, second)
            for edge, (a, b) in enumerate(edges)
            for first in np.flatnonzero(channels == a)
            for second in np.flatnonzero(channels == b)
        ]
        scores = [affinities[edge, index[int(first)][1], index[int(second)][1]] for edge, first, second in pairs]
        matched = scorer.match_candidates(
            [torch.tensor([pair[0] for pair in pairs], dtype=torch.int32)],
            [torch.tensor([pair[1:] for pair in pairs], dtype=torch.int64).reshape(-1, 2)],
            [torch.tensor(scores, dtype=torch.float32)],
        )
        tensors = [[torch.from_numpy(values_of)] for values_of in (peaks, values, channels)]
        expected, confidences, _ = scorer.group_instances(*tensors, *matched)
        info = NetworkInfo(
            keypoints=tuple(parts),
            stride=2.0,
            decoder="sleap_tree",
            outputs=("candidates", "affinities"),
            decoding={
                "animals": 50,
                "edges": [list(scorer.edge_inds[number]) for number in scorer.sorted_edge_inds],
                "min_affinity": scorer.min_line_scores,
            },
            source=Source(file="x", sha256="0", tool="SLEAP-NN"),
        )
        order = list(scorer.sorted_edge_inds)
        found = make_decoder(info)[1]({"candidates": candidates, "affinities": affinities[order]})
        assert found.shape == (*expected[0].shape[:2], 3)
        assert np.allclose(found[..., :2], expected[0].numpy(), equal_nan=True)
        assert np.allclose(found[..., 2], np.nan_to_num(confidences[0].numpy()))


@pytest.mark.parametrize("levels", [4, 12, 1000])
def test_maxima_of_equally_high_cells_are_those_of_sleap(levels):
    """Of maps with so few values that many neighbours are alike."""
    import torch
    from sleap_nn.inference.ops.peaks import find_local_peaks

    from dlstream_pose.convert.sources._sleap_decoders import Fields, several
    from dlstream_pose.convert.sources._sleap_steps import Steps

    chance = torch.Generator().manual_seed(levels)
    steps = Steps(3, False, False, 1.0, 16, 1.0, 0.2, 5)
    decoder = several(steps, Fields(((0, 1, 0),), 1.0, 10, 0.25, 1.0, 120))
    seen = 0
    for _ in range(20):
        maps = torch.randint(0, levels, (2, 15, 20), generator=chance) / levels
        candidates, _ = decoder(maps, torch.zeros(2, 8, 10))
        points, values, _, channels = find_local_peaks(maps[None], 0.2, refinement="integral")
        for keypoint, found in enumerate(candidates):
            found = found[found[:, 2] > 0]
            found = found[found[:, 3].argsort()]  # both in reading order
            mine = channels == keypoint
            assert torch.equal(found[:, 2], values[mine])
            assert torch.allclose(found[:, :2], points[mine], atol=1e-4)
            seen += len(found)
    assert seen > 100


def test_the_configuration_that_tests_write_is_one_that_sleap_reads(tmp_path):
    assert settings("bottomup")["model_config"]["head_configs"]["bottomup"]["pafs"]["edges"] == [list(e) for e in EDGES]
    source = open_source(write(tmp_path / "model", "bottomup"))
    assert source.info.net_type == "unet"
    assert source.info.source.tool == "SLEAP-NN"


def test_an_older_model_of_which_not_every_weight_is_taken_over_is_refused(tmp_path):
    import h5py

    folder = tmp_path / "old"
    folder.mkdir()
    heads = {"single_instance": {"part_names": NODES, "sigma": 2.5, "output_stride": 2}, "multi_instance": None}
    unet = {"filters": 8, "filters_rate": 2, "max_stride": 8, "output_stride": 2, "up_interpolate": True}
    content = {"model": {"backbone": {"unet": unet}, "heads": heads}, "data": {"preprocessing": {}, "labels": {}}}
    (folder / "training_config.json").write_text(json.dumps(content))
    with h5py.File(folder / "best_model.h5", "w") as file:
        file["model_weights/strange/strange/kernel:0"] = np.zeros((3, 3, 1, 8), np.float32)
    with pytest.raises(NetworkError, match=r"best_model\.h5|SLEAP-NN can't load it"):
        convert(folder, tmp_path / "net.onnx", frames())
    assert not (tmp_path / "net.onnx").exists()
