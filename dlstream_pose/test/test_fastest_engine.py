"""`auto` with a file of less than single precision: the fastest of the engines that it was proved for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blob_network import blob_samples, write_blob_network

from dlstream_common import NetworkError
from dlstream_pose import Network
from dlstream_pose.convert.precision import quantize, select
from dlstream_pose.runtime.engines import Engine, EngineSettings, _fastest
from dlstream_pose.runtime.engines._fastest import fastest, memory


class Timed(Engine[EngineSettings]):
    """An engine whose time is known."""

    def __init__(self, seconds: float, fault: str = "") -> None:
        self._seconds, self._fault, self.runs = seconds, fault, 0
        self.sha256, self.metadata, self.inputs, self.outputs = "0" * 64, None, {}, {}
        self.description = f"takes {seconds} s"

    def run(self, outputs: Sequence[str], image: np.ndarray) -> list[Any]:
        if self._fault:
            raise RuntimeError(self._fault)
        self.runs += 1
        time.sleep(self._seconds)
        return []


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return memory()


@pytest.fixture(scope="module")
def int8(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("int8")
    quantize(
        write_blob_network(folder / "blobs.onnx"), folder / "blobs.int8.onnx", "int8", select(blob_samples(40), 12)
    )
    return folder / "blobs.int8.onnx"


def test_the_fastest_is_taken_and_remembered(monkeypatch, cache):
    monkeypatch.setattr(_fastest, "SECONDS", 0.0)
    engines = {"slow": Timed(0.02), "fast": Timed(0.0)}
    choice = fastest(engines, (1, 1))
    assert choice.name == "fast"
    assert list(choice.milliseconds) == ["slow", "fast"]
    assert choice.milliseconds["slow"] >= 20
    assert f"measured now; kept in {cache}" in str(choice)
    runs = engines["slow"].runs
    again = fastest(engines, (1, 1))
    assert (again.name, again.milliseconds) == (choice.name, choice.milliseconds)
    assert f"remembered in {cache}" in str(again)
    assert engines["slow"].runs == runs
    assert "measured now" in str(fastest(engines, (2, 1)))  # other threads are another measurement
    cache.write_text("{broken")
    assert "measured now" in str(fastest(engines, (1, 1)))


def test_an_engine_that_fails_is_told_and_the_other_taken(monkeypatch):
    monkeypatch.setattr(_fastest, "SECONDS", 0.0)
    choice = fastest({"broken": Timed(0.0, "no such layer"), "whole": Timed(0.0)}, (1, 1))
    assert choice.name == "whole"
    assert "broken fails: no such layer" in str(choice)
    with pytest.raises(NetworkError, match="no engine runs the network: broken fails: no such layer"):
        fastest({"broken": Timed(0.0, "no such layer"), "worse": Timed(0.0, "none")}, (1, 1))


def test_without_a_place_to_write_it_measures_every_time(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(_fastest, "SECONDS", 0.0)
    assert "measured now; not kept in" in str(fastest({"a": Timed(0.0), "b": Timed(0.0)}, (1, 1)))


def test_auto_takes_an_engine_that_the_file_was_proved_for(int8):
    about = Network(int8, engine="onnx").info.precision
    assert about is not None
    first = Network(int8)
    assert first.engine.name in {proof.engine for proof in about.proofs}
    if len(about.proofs) == 1:
        assert "the only engine here that the file was proved for" in first.engine.description
        return
    assert "measured now" in first.engine.description
    again = Network(int8)
    assert again.engine.name == first.engine.name
    assert "remembered" in again.engine.description
