"""The bench with a network of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "dlstream_pose" / "test"))


def bench(*words: str) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "test" / "bench_pose.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_network_with_other_keypoints_is_measured_alone(tmp_path: Path):
    from spot_network import write_spot_network

    network, output = write_spot_network(tmp_path / "own.onnx"), tmp_path / "figures.json"
    words = ["--network", str(network), "--only", "speed", "--frames", "8", "--crops", "--output", str(output)]
    code, said = bench(*words)
    assert code == 0, said
    assert "measured without it" in said
    figures = json.loads(output.read_text())
    assert set(figures) == {"machine", "network", "frames", "size", "speed", "accuracy"}, "nothing else was measured"
    assert figures["speed"]["dlstream, whole frame"]["median"] > 0


def test_what_is_missing_is_said_before_anything_is_measured(tmp_path: Path):
    assert bench("--network", str(tmp_path / "no.onnx")) == (
        1,
        f"--network {tmp_path / 'no.onnx'}: there is no such file\n",
    )
    code, said = bench("--only", "labels")
    assert (code, "--only labels: needs --labels" in said) == (1, True), said
