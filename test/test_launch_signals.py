"""What nodes get that do not end when `ros2 launch` tells them to: the same as under `dlstream run`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import ExitStack

import pytest
from launch_tools import launch_words, write_programs
from rig_tools import RigUnderTest, is_gone, recorded, wait_until

pytest.importorskip("ros2launch", reason="ROS 2's own launch, launch_ros and ros2cli are not installed")

NODE = """
signal.signal(signal.SIGINT, lambda *_: (print('ends', flush=True), sys.exit(0)))
print('runs', os.getpid(), flush=True)
while True: time.sleep(1)
"""
DEAF = """
[signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)]
print('runs', os.getpid(), flush=True)
while True: time.sleep(1)
"""
WRITING = """
told = []
[signal.signal(n, lambda number, frame: told.append(number)) for n in (signal.SIGINT, signal.SIGTERM)]
print('runs', os.getpid(), flush=True)
while not told: time.sleep(0.01)
number = 0
while not os.path.exists(DONE):
    time.sleep(0.1)
    number += 1
    print('still writing', number, flush=True)
print('complete', set(told) == {signal.SIGINT}, flush=True)
"""
QUIET = "time.sleep(600)"
VIDEO = """
print('runs', os.getpid(), flush=True)
while not os.path.exists(END): time.sleep(0.01)
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Starts `ros2 launch` of programs, and waits until they run; with the seconds before the next signal."""
    begun: list[RigUnderTest] = []

    def launch(programs: dict[str, str], seconds: float, **options: dict[str, object]) -> RigUnderTest:
        prefix, file = write_programs(tmp_path, programs, **options)
        monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}:{os.environ['AMENT_PREFIX_PATH']}")
        begun.append(RigUnderTest(launch_words(str(file), seconds=seconds), tmp_path))
        started = "process started" if QUIET in programs.values() else "] runs "
        wait_until(lambda: begun[-1].output.count(started) == len(programs), begun[-1])
        return begun[-1]

    yield launch
    for rig in begun:
        rig.clear()


def pids(rig: RigUnderTest) -> list[int]:
    """Of the programs."""
    return [int(line.rpartition(" ")[2]) for line in rig.lines if "] runs " in line]


def pid_of(rig: RigUnderTest, name: str) -> int:
    """Of one program."""
    return next(int(line.rpartition(" ")[2]) for line in rig.lines if f"[{name}-" in line and "] runs " in line)


def test_a_node_that_ignores_the_signals_is_killed_and_the_others_still_end_in_order(launch):
    rig = launch({"first": NODE, "deaf": DEAF, "last": NODE}, 0.5)
    programs = pids(rig)
    assert rig.stop() == 1, rig.output
    steps = [
        "[last-3] ends",
        "/deaf did not end after SIGINT",
        "/deaf did not end after SIGTERM",
        "/deaf was killed by SIGKILL while it was stopped",
        "[first-1] ends",
    ]
    places = [next(number for number, line in enumerate(rig.lines) if step in line) for step in steps]
    assert places == sorted(places), rig.output
    assert all(map(is_gone, programs))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_node_that_says_that_it_writes_is_waited_for_also_where_it_is_told_to_end_again(launch, tmp_path, number):
    done = tmp_path / "done"
    rig = launch({"writing": WRITING.replace("DONE", repr(str(done)))}, 2.0)
    rig.process.send_signal(number)
    rig.saw("still writing 60")
    for again in (signal.SIGINT, signal.SIGTERM):
        rig.process.send_signal(again)
    rig.saw("still writing 120")
    done.touch()
    assert rig.wait() == 0, rig.output
    assert "[writing-1] complete True" in rig.output


def test_a_node_that_is_told_to_end_before_it_has_printed_anything_is_no_failure(launch):
    rig = launch({"quiet": QUIET}, 30.0)
    assert rig.stop() == 0, rig.output
    assert "process has died" in rig.output


def test_once_all_nodes_have_ended_sigterm_ends_launch_at_once(launch, tmp_path):
    (tmp_path / "programs.hold").touch()
    rig = launch({"first": NODE}, 30.0)
    rig.process.send_signal(signal.SIGINT)
    rig.saw("all nodes have ended")
    rig.process.send_signal(signal.SIGTERM)
    try:
        assert rig.wait(60) == -signal.SIGTERM, rig.output
    finally:
        (tmp_path / "programs.hold").unlink()


def test_of_many_videos_that_end_at_once_none_is_played_once_more(launch, tmp_path):
    end = tmp_path / "end"
    names = [f"video{number}" for number in range(8)]
    options = {"ends_rig": True, "on_failure": "restart"}
    rig = launch(dict.fromkeys(names, VIDEO.replace("END", repr(str(end)))), 30.0, **dict.fromkeys(names, options))
    end.touch()
    assert rig.wait() == 0, rig.output
    assert rig.output.count("process started") == len(names), rig.output


def test_a_node_that_was_started_again_ends_in_its_turn_and_is_started_again_once_more(launch):
    rig = launch({"first": NODE, "second": NODE, "last": NODE}, 30.0, second={"on_failure": "restart"})
    for times in (1, 2):
        os.kill(pids(rig)[-1] if times > 1 else pid_of(rig, "second"), signal.SIGKILL)
        wait_until(lambda times=times: len(pids(rig)) == 3 + times, rig)
    assert rig.output.count("/second was killed by SIGKILL; started again") == 2
    assert rig.stop() == 0, rig.output
    ends = [line.split("-")[0] for line in rig.lines if line.endswith("] ends")]
    assert ends == ["[last", "[second", "[first"], rig.output
    handlers = [line.rpartition(" ")[2] for line in rig.lines if "event handlers: " in line]
    assert len(handlers) == 5
    assert handlers[-1] == handlers[-2], "a node that was started again has left handlers behind"


@pytest.fixture
def still_disk(tmp_path):
    """Mounts a disk of its own for the sessions; what it gives has it stand still, or go on."""
    for program in ("mkfs.ext4", "mount", "fsfreeze"):
        if shutil.which(program) is None:
            pytest.skip(f"can't mount a disk that stands still: {program} is not installed")
    image, folder = tmp_path / "disk", tmp_path / "sessions"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(256 << 20)
    for words in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, folder]):
        made = subprocess.run(words, capture_output=True, check=False)
        if made.returncode:
            pytest.skip(f"can't mount a disk: {made.stderr.decode().strip()}")
    (folder / "lost+found").rmdir()
    yield lambda stands: subprocess.run(["fsfreeze", "-f" if stands else "-u", folder], check=True)
    subprocess.run(["fsfreeze", "-u", folder], capture_output=True, check=False)
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_recorder_whose_disk_is_slow_finishes_its_session(still_disk, write_rig, tmp_path):
    rig_file = write_rig()
    rig = RigUnderTest(launch_words("dlstream", "rig.launch.py", f"rig:={rig_file}", seconds=6.0), tmp_path)
    try:
        recorded(rig, 30)
        still_disk(True)
        rig.process.send_signal(signal.SIGINT)
        wait_until(lambda: rig.output.count("still writing") >= 10, rig)
        still_disk(False)
        assert rig.wait() == 0, rig.output
    finally:
        subprocess.run(["fsfreeze", "-u", tmp_path / "sessions"], capture_output=True, check=False)
        rig.clear()
    about = rig.about()
    assert about["complete"]
    assert about["summary"]["frames_recorded"] > 30


def test_of_two_rigs_in_one_launch_the_first_installs_the_handlers_and_the_last_gives_launchs_back():
    from dlstream.launching.signals import heeding_signals
    from launch import LaunchContext

    def handlers() -> list[object]:
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    context, before = LaunchContext(), handlers()
    first, second = ExitStack(), ExitStack()
    with first, second:
        first.enter_context(heeding_signals(context, pytest.fail))
        heeded = handlers()
        assert all(one is not other for one, other in zip(before, heeded, strict=True))
        second.enter_context(heeding_signals(context, pytest.fail))
        first.close()
        assert handlers() == heeded
        second.close()
        assert handlers() == before
