"""Graphics cards. `make test-gpu` runs this where a card is, and says so where there is none."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from blob_network import write_blob_network
from test_pose_engines import HAS

from dlstream_camera.arena import Arena
from dlstream_pose import Estimator, Network
from dlstream_pose.runtime.engines import ENGINES, EngineSettings, NotInstalled, settings_of_engine
from dlstream_pose.runtime.engines._card import Lane
from dlstream_pose.runtime.precision import Precision

CARDS = [name for name in ("cuda", "tensorrt", "openvino_gpu") if HAS[name]]


def test_there_is_a_card_if_one_is_to_be_tested():
    if not os.environ.get("DLSTREAM_TEST_GPU"):
        pytest.skip("only for make test-gpu")
    assert CARDS, (
        "no graphics card can be used here. For NVIDIA's: pip uninstall onnxruntime, then pip install "
        "onnxruntime-gpu[cuda,cudnn] tensorrt-cu12, and its driver; for Intel's: intel-opencl-icd"
    )


@pytest.fixture(scope="module")
def session(demo_network: Path):
    return onnxruntime.InferenceSession(str(demo_network), providers=["CPUExecutionProvider"])


def images(count: int = 12) -> list[np.ndarray]:
    """Of more sizes than a lane keeps memory for."""
    arena = Arena(320, 240, seed=1)
    return [np.ascontiguousarray(arena.render(40 * n)[0][: 240 - 8 * (n % 10)]) for n in range(count)]


def test_memory_that_is_used_again_gives_each_frame_its_own_answer(session):
    """The same code as on a card, with the processor's memory: nothing of one frame is left in another's answer."""
    lane = Lane(session, "cpu")
    every = images()
    every[3].flags.writeable = False
    found = [lane.run(["poses"], image)[0] for image in every + every[::-1]]
    for image, poses in zip(every + every[::-1], found, strict=True):
        np.testing.assert_array_equal(poses, session.run(["poses"], {"image": image})[0])


def test_what_a_file_is_proved_for_is_what_tensorrt_may_compute(tmp_path, monkeypatch):
    from dlstream_pose.runtime.engines import tensorrt

    path = tmp_path / "mouse.onnx"
    card = object.__new__(tensorrt.OnnxTensorRt)
    assert not {"trt_fp16_enable", "trt_int8_enable"} & card.options(path, "0" * 64).keys()
    for name in ("fp16", "int8", "bf16"):
        monkeypatch.setattr(tensorrt, "precision_of", lambda _, name=name: Precision(name=name))
        allowed = {key for key in card.options(path, "0" * 64) if key.endswith(("fp16_enable", "int8_enable"))}
        assert allowed == ({f"trt_{name}_enable"} if name != "bf16" else set())


def test_a_file_of_another_content_never_takes_the_engines_of_the_former_one(tmp_path, monkeypatch):
    """ONNX Runtime finds an engine by names and shapes in the graph, which other weights don't change."""
    from dlstream_pose.runtime.engines import tensorrt

    asked, plain = [], onnxruntime.InferenceSession

    def on_the_processor(content, options, providers):
        asked.append(providers[0][1])
        return plain(content, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", on_the_processor)
    path, card = tmp_path / "mouse.onnx", object.__new__(tensorrt.OnnxTensorRt)
    kept = []
    for sure_from in (0.2, 0.4, 0.4):
        write_blob_network(path, sure_from=sure_from)
        _, sha256, _ = card._open(path, EngineSettings())
        folder = Path(asked[-1]["trt_engine_cache_path"])
        assert folder == tmp_path / "mouse.tensorrt" / sha256[:16]
        kept.append({file.name for file in folder.iterdir()})  # ONNX Runtime would make the folder, but not its parent
        (folder / f"built_{sure_from}.engine").touch()
        (folder.parent / "built_in_a_former_version.engine").touch()
        (folder.parent / "shared.timing").touch()
    assert kept == [set(), set(), {"built_0.4.engine"}]
    assert [one["trt_timing_cache_path"] for one in asked] == [str(tmp_path / "mouse.tensorrt")] * 3
    card._open(path, EngineSettings())
    assert {file.name for file in folder.parent.iterdir()} == {folder.name, "shared.timing"}


def test_a_folder_for_engines_that_can_not_be_made_is_told(tmp_path):
    from dlstream_pose.runtime.engines import tensorrt

    (tmp_path / "mouse.tensorrt").touch()
    with pytest.raises(NotInstalled, match=r"mouse\.tensorrt/0+: can't be made \(.*folder that can be written to"):
        object.__new__(tensorrt.OnnxTensorRt).options(tmp_path / "mouse.onnx", "0" * 64)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_agrees_with_the_processor_also_from_several_threads(name, demo_network):
    ours, other = Network(demo_network, engine="onnx"), Network(demo_network, threads=2, engine=name, at_once=2)
    every = images()
    expected = [ours.run(image) for image in every]
    apart: list[float] = []

    def run(first: int) -> None:
        for number in range(first, first + 24):
            found = other.run(every[number % len(every)])
            apart.append(float(np.hypot(*(found - expected[number % len(every)])[..., :2].T).max()))

    threads = [threading.Thread(target=run, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(apart) == 72
    assert max(apart) < 0.1


@pytest.mark.parametrize("name", CARDS)
def test_after_the_warm_up_a_frame_takes_no_preparation(name, demo_network):
    """The first frame of a size prepares; those after it take a part of that. The figures are printed."""
    from time import perf_counter

    estimator = Estimator(demo_network, 0.5, engine=settings_of_engine(name))
    picture = Arena(seed=2).render(5)[0]
    start = perf_counter()
    estimator.warm_up(640, 480)
    prepared = perf_counter() - start
    times = []
    for _ in range(200):
        start = perf_counter()
        estimator.detect(picture)
        times.append(perf_counter() - start)
    median, p99 = np.percentile(times, [50, 99]) * 1e3
    print(f"{name}: prepared in {prepared:.2f} s; a frame {median:.2f} ms, p99 {p99:.2f} ms")
    assert max(times) < prepared


def test_every_card_is_an_engine():
    assert {"cuda", "tensorrt", "openvino_gpu"} <= set(ENGINES)
