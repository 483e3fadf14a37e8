"""Engines: found by being there, honest where they are not, and of one answer."""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from dlstream_camera.arena import Arena
from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network, PoseSettings
from dlstream_pose.runtime.engines import ENGINES, NotInstalled


def intel_graphics() -> list[str]:
    """OpenVINO's names of the graphics units of Intel's that it finds here."""
    if importlib.util.find_spec("openvino") is None:
        return []
    import openvino

    return [name for name in openvino.Core().available_devices if name.startswith("GPU")]


HAS = {
    "cuda": "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    "tensorrt": "TensorrtExecutionProvider" in onnxruntime.get_available_providers(),
    "openvino": importlib.util.find_spec("openvino") is not None,
    "openvino_gpu": bool(intel_graphics()),
    "dlclive": importlib.util.find_spec("dlclive") is not None,
}
INSTALL = {
    "cuda": r"onnxruntime-gpu",
    "tensorrt": r"tensorrt-cu12",
    "openvino": r"pip install openvino",
    "openvino_gpu": r"(pip install openvino|no graphics unit of Intel's here, only CPU; install intel-opencl-icd)",
    "dlclive": r"pip install deeplabcut-live",
}


def test_the_settings_name_every_engine_that_is_there():
    (choice,) = PoseSettings.model_fields["engine"].metadata
    assert sorted(choice.names) == sorted(["auto", *ENGINES])


@pytest.mark.parametrize("name", sorted(HAS))
def test_an_engine_that_is_not_there_says_what_to_install(name, demo_network):
    if HAS[name]:
        pytest.skip(f"{name} is installed here")
    with pytest.raises(NotInstalled, match=f"engine {name}: .*{INSTALL[name]}"):
        Network(demo_network, engine=name)


def test_an_unknown_engine_is_refused(demo_network):
    with pytest.raises(
        NetworkError, match=r"engine: found 'openvin'; expected one of auto, .* Did you mean 'openvino'\?"
    ):
        Network(demo_network, engine="openvin")


def test_auto_says_what_it_took(demo_network):
    engine = Network(demo_network).engine
    assert engine.name == ("cuda" if HAS["cuda"] else "onnx")
    assert onnxruntime.__version__ in engine.description


def test_no_engine_is_imported_before_it_is_asked_for():
    import subprocess

    code = (
        "import sys, dlstream_pose.runtime.stream; from dlstream_pose.runtime.engines import ENGINES; "
        "list(ENGINES.values()); "
        "print([name for name in ('openvino', 'torch', 'dlclive', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["cuda", "tensorrt", "openvino"])
def test_every_engine_gives_the_same_answer(name, demo_network):
    """Within 0.1 px and 0.01, whole frames and windows, on more sizes than one engine prepares for."""
    if not HAS[name]:
        pytest.skip(f"{name} is not installed here")
    ours, other = Estimator(demo_network, scale=0.5), Estimator(demo_network, scale=0.5, engine=name)
    assert other.network.engine.name == name
    assert other.network.sha256 == ours.network.sha256
    assert other.info == ours.info
    arena = Arena(seed=9001)
    for number in range(12):
        image = np.ascontiguousarray(arena.render(number * 30)[0][number * 8 :, : 640 - number * 16])
        expected, found = ours.detect(image), other.detect(image)
        assert np.hypot(*(found - expected)[..., :2].T).max() < 0.1
        assert np.abs(found - expected)[..., 2].max() < 0.01


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_a_damaged_file_is_refused_by_every_engine(name, tmp_path: Path):
    if not HAS.get(name, True):
        pytest.skip(f"{name} is not installed here")
    path = tmp_path / "mouse.onnx"
    path.write_bytes(b"\x08\x07garbage" * 99)
    with pytest.raises(NetworkError, match=r"mouse.onnx: found 891 bytes that \S+( \S+)? can't load"):
        Network(path, engine=name)


def test_results_of_one_frame_are_not_overwritten_by_the_next(demo_network):
    for name in ("onnx", "openvino"):
        if HAS.get(name, True):
            network, arena = Network(demo_network, engine=name), Arena(320, 240, seed=1)
            first = network.run(arena.render(0)[0])
            kept = first.copy()
            network.run(arena.render(200)[0])
            np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("writeable", [True, False])
def test_the_array_that_an_engine_returns_remains_as_it_is(demo_network, monkeypatch, writeable):
    """It may return the same one each time, or one that nobody may write to."""
    estimator, (image, _) = Estimator(demo_network, scale=0.5), Arena(640, 480, seed=1).render(7)
    expected = estimator.detect(image)
    kept = expected * np.array([0.5, 0.5, 1], np.float32)
    kept.flags.writeable = writeable
    monkeypatch.setattr(estimator.network.engine, "run", lambda outputs, image: [kept])
    for _ in range(3):
        np.testing.assert_allclose(estimator.detect(image)[..., :2], expected[..., :2], rtol=1e-6)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_an_image_that_may_not_be_written_is_served(name, demo_network):
    """As those of messages and of cameras in the same process are."""
    if not HAS.get(name, True):
        pytest.skip(f"{name} is not installed here")
    network = Network(demo_network, engine=name)
    image, _ = Arena(320, 240, seed=1).render(7)
    expected = network.run(image)
    image.flags.writeable = False
    np.testing.assert_array_equal(network.run(image), expected)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_frames_at_the_same_time_give_what_they_give_alone(name, demo_network):
    """Four threads on one network, on more sizes than OpenVINO prepares for: nobody gets another's answer."""
    if not HAS.get(name, True):
        pytest.skip(f"{name} is not installed here")
    network = Network(demo_network, threads=2, engine=name, at_once=2)
    arena = Arena(320, 240, seed=1)
    images = [np.ascontiguousarray(arena.render(40 * n)[0][: 240 - 8 * (n % 7)]) for n in range(14)]
    expected = [network.run(image) for image in images]
    wrong: list[float] = []

    def run(first: int) -> None:
        for number in range(first, first + 40):
            found = network.run(images[number % 14])
            wrong.append(float(np.abs(found - expected[number % 14]).max()))

    threads = [threading.Thread(target=run, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(wrong) == 160
    assert max(wrong) <= (0.0 if name == "onnx" else 1e-3)


def test_deeplabcut_live_runs_its_own_exports_and_no_others(demo_network):
    if not HAS["dlclive"]:
        pytest.skip("dlclive is not installed here")
    with pytest.raises(NetworkError, match=r"found '\.onnx'; engine dlclive expects what DeepLabCut exported"):
        Network(demo_network, engine="dlclive")
    original = Network(demo_network.with_suffix(".pt"), engine="dlclive")
    converted = Network(demo_network)
    assert original.info.keypoints == converted.info.keypoints
    image, _ = Arena(320, 240, seed=3).render(50)
    assert np.abs(original.run(image) - converted.run(image)).max() < 0.1
