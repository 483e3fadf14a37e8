"""`dlstream track --scheduler` on a real Dask cluster of processes, one of which is killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from track_tools import NETWORK, console, run, settings, tables, write_video, writes

from dlstream import __version__
from dlstream.offline.track.run import track
from dlstream_common import DlstreamError

pytestmark = pytest.mark.slow
pytest.importorskip("distributed", reason="distributed is not installed: make tools")


def start(*words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words, "--no-dashboard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"},
    )


def read_until(stream: IO[str], pattern: str) -> str:
    seen = ""
    for line in stream:
        seen += line
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(f"it ended before it printed {pattern}:\n{seen}")


@pytest.fixture
def cluster() -> Iterator[tuple[str, Callable[..., subprocess.Popen[str]]]]:
    """The address of a scheduler, and what starts a worker."""
    scheduler = start("scheduler", "--port", "0", "--host", "127.0.0.1")
    assert scheduler.stderr is not None
    address = read_until(scheduler.stderr, r"Scheduler at:\s+(tcp://\S+)")
    workers: list[subprocess.Popen[str]] = []

    def start_worker(cwd: Path | None = None) -> subprocess.Popen[str]:
        workers.append(start("worker", address, "--nthreads", "1", "--no-nanny", cwd=cwd))
        assert workers[-1].stderr is not None
        read_until(workers[-1].stderr, r"(Registered to)")
        return workers[-1]

    start_worker.scheduler = scheduler  # type: ignore[attr-defined]
    yield address, start_worker
    for process in (*workers, scheduler):
        process.kill()
        process.communicate()


def test_a_dead_workers_video_is_done_again_and_the_tables_are_the_same(cluster, tmp_path, wait_for):
    address, start_worker = cluster
    videos = [write_video(tmp_path / f"m{number}.mp4", 150, seed=number) for number in range(4)]
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(videos[0].read_bytes()[:3000])
    out = tmp_path / "out"
    doomed, _ = start_worker(), start_worker()
    words = [sys.executable, "-m", "dlstream", "track", *map(str, [*videos, bad]), "--network", str(NETWORK)]
    words += ["--scale", "1", "--no-annotate", "--no-pictures", "--out", str(out), "--scheduler", address]
    command = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    wait_for(lambda: writes(command, out, f".*.{doomed.pid}.*.part/*.csv", 3000), "half a table")
    doomed.send_signal(signal.SIGKILL)
    said, _ = command.communicate()
    assert command.returncode == 1, "one of the videos is bad"
    assert "4 videos tracked (600 frames, 0 lost), 1 failed:" in said
    assert f"{bad}: found 3000 bytes" in said
    assert "(worker tcp://" in said
    run(videos, tmp_path / "here")
    assert tables(out) == tables(tmp_path / "here"), "the same bytes as on one machine"
    assert not list(out.glob(".*")), "what the dead worker left is gone"

    stamps = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / "m2DLC_demo_mouse.h5").unlink()
    screen = console()
    outcomes = track(videos, settings(out), screen, address)
    assert [outcome.state for outcome in outcomes] == ["complete", "complete", "tracked", "complete"]
    changed = [path.name for path in out.iterdir() if stamps[path.name] != path.stat().st_mtime_ns]
    assert all(name.startswith("m2") for name in changed), "what is done is never done twice"


def test_a_video_of_which_worker_after_worker_dies_fails(cluster, tmp_path, wait_for):
    address, start_worker = cluster
    video, out = write_video(tmp_path / "long.mp4", 400), tmp_path / "out"
    words = [sys.executable, "-m", "dlstream", "track", str(video), "--network", str(NETWORK), "--scale", "1"]
    command = subprocess.Popen(
        [*words, "--out", str(out), "--scheduler", address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert command.stdout is not None
    read_until(command.stdout, r"(has no workers yet; waiting for the first one)")
    for _ in range(2):
        worker = start_worker()
        part = f".*.{worker.pid}.*.part/*.csv"
        wait_for(lambda part=part: writes(command, out, part), "that it begins")
        worker.send_signal(signal.SIGKILL)
    said, _ = command.communicate()
    assert command.returncode == 1
    assert f"{video}: every worker that tracked it died" in said


def test_a_scheduler_that_dies_ends_the_command(tmp_path, cluster, wait_for):
    address, start_worker = cluster
    start_worker()
    video, out = write_video(tmp_path / "long.mp4", 400), tmp_path / "out"
    words = [sys.executable, "-m", "dlstream", "track", str(video), "--network", str(NETWORK), "--scale", "1"]
    command = subprocess.Popen(
        [*words, "--out", str(out), "--scheduler", address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(lambda: writes(command, out, ".*.part/*.csv"), "that it begins")
    start_worker.scheduler.kill()
    said, _ = command.communicate()
    assert command.returncode == 1, said
    assert "the scheduler went away" in said
    assert "Traceback" not in said


def test_a_worker_that_sees_another_network_refuses(cluster, tmp_path):
    address, start_worker = cluster
    start_worker()
    network = tmp_path / "demo_mouse.onnx"
    shutil.copy(NETWORK, network)
    given = settings(tmp_path / "out", network=network)
    network.write_bytes(b"another one")
    video = write_video(tmp_path / "m.mp4", 5)
    [outcome] = track([video], given, console(), address)
    assert outcome.state == "failed"
    assert "demo_mouse.onnx" in outcome.reason
    assert "(worker tcp://" in outcome.reason


def test_a_worker_with_another_version_refuses(cluster, tmp_path):
    address, start_worker = cluster
    start_worker()
    given = replace(settings(tmp_path / "out"), version="0.0.9")
    [outcome] = track([write_video(tmp_path / "m.mp4", 5)], given, console(), address)
    assert outcome.state == "failed"
    assert f"found dlstream {__version__}; expected 0.0.9, as where the command was given" in outcome.reason
    assert list((tmp_path / "out").iterdir()) == []


HERE = Path("/proc/self/cwd")
"""A folder that each process sees as another one, as computers do that do not share their disks."""


def test_a_worker_without_the_shared_folder_refuses(cluster, tmp_path, monkeypatch):
    address, start_worker = cluster
    (tmp_path / "client").mkdir()
    (tmp_path / "worker").mkdir()
    start_worker(tmp_path / "worker")
    monkeypatch.chdir(tmp_path / "client")
    [outcome] = track([write_video(tmp_path / "m.mp4", 5)], settings(HERE / "out"), console(), address)
    assert outcome.state == "failed"
    assert "this worker does not see /proc/self/cwd/out as the computer that gave the command" in outcome.reason
    assert list((tmp_path / "worker").iterdir()) == [], "no results on its own disk"
    assert list((tmp_path / "client" / "out").iterdir()) == []


def test_workers_get_the_paths_that_were_given(cluster, tmp_path, monkeypatch):
    address, start_worker = cluster
    for name in ("client", "worker"):
        (tmp_path / name).mkdir()
        write_video(tmp_path / name / "m.mp4", 5)
        shutil.copy(NETWORK, tmp_path / name / "linked.onnx")
    start_worker(tmp_path / "worker")
    monkeypatch.chdir(tmp_path / "client")
    given = settings(tmp_path / "out", network=HERE / "linked.onnx")
    (tmp_path / "client" / "linked.onnx").unlink()
    assert [one.state for one in track([HERE / "m.mp4"], given, console(), address)] == ["tracked"]
    record = json.loads((tmp_path / "out" / "mDLC_linked.track.json").read_text())
    assert record["video"]["path"] == str(tmp_path / "worker" / "m.mp4")
    assert not list((tmp_path / "out").glob(".*"))


def test_without_a_scheduler_nothing_is_begun(tmp_path):
    video = write_video(tmp_path / "m.mp4", 5)
    with pytest.raises(DlstreamError, match=r"found no Dask scheduler at tcp://127\.0\.0\.1:9"):
        track([video], settings(tmp_path / "out"), console(), "tcp://127.0.0.1:9")
    with pytest.raises(DlstreamError, match="found no Dask scheduler at nonsense://1"):
        track([video], settings(tmp_path / "out"), console(), "nonsense://1")
