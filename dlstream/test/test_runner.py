"""The process runner with real processes: small programs in the place of nodes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from dlstream.rig.nodes import NodeSpec
from dlstream.run.runner import Runner
from dlstream_common import DlstreamError


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a package `programs` with an executable of the given code, found by the ament index as any other."""
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "programs").touch()
    (tmp_path / "lib" / "programs").mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}:{os.environ.get('AMENT_PREFIX_PATH', '')}")

    def make(name: str, code: str) -> None:
        path = tmp_path / "lib" / "programs" / name
        path.write_text(f"#!{sys.executable} -S\nimport os, signal, sys, time\n{code}\n")
        path.chmod(0o755)

    return make


class Lines:
    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self.seen = threading.Condition()

    def __call__(self, name: str, text: str) -> None:
        with self.seen:
            self.all.append((name, text))
            self.seen.notify_all()

    def wait(self, text: str) -> None:
        with self.seen:
            assert self.seen.wait_for(lambda: any(text in line for _, line in self.all), 120), self.all

    def index(self, text: str) -> int:
        return next(number for number, (_, line) in enumerate(self.all) if text in line)


FOREVER = """
signal.signal(signal.SIGINT, lambda *_: (print(sys.argv[0][-1], 'ends', flush=True), sys.exit(0)))
print(sys.argv[0][-1], 'runs', flush=True)
while True: time.sleep(1)
"""


def spec(name: str, **options) -> NodeSpec:
    return NodeSpec("programs", name, name, "/", **options)


def run_until_all_run(runner: Runner, lines: Lines) -> int:
    """Ends the rig once a, b and c run; its exit code."""

    def stop() -> None:
        for name in "abc":
            lines.wait(f"{name} runs")
        runner.stop("enough")

    thread = threading.Thread(target=stop)
    thread.start()
    code = runner.run()
    thread.join()
    return code


def test_ends_in_the_reverse_order_and_shows_the_last_words(program):
    for name in "abc":
        program(name, FOREVER)
    lines = Lines()
    runner = Runner([spec("a"), spec("b"), spec("c")], {}, lines)

    assert run_until_all_run(runner, lines) == 0
    assert lines.index("c ends") < lines.index("b ends") < lines.index("a ends")
    assert ("/a", "a ends") in lines.all, "each line with the node's name"


def test_failure_of_a_needed_node_fails_the_rig_and_ends_the_others(program):
    program("a", FOREVER)
    program("b", "print('broken'); sys.exit(3)")
    lines = Lines()
    assert Runner([spec("a"), spec("b")], {}, lines).run() == 1
    lines.wait("/b has failed with exit code 3")
    assert lines.index("broken") >= 0


def test_killed_node_is_named_with_its_signal(program):
    program("a", "os.kill(os.getpid(), signal.SIGKILL)")
    lines = Lines()
    assert Runner([spec("a")], {}, lines).run() == 1
    lines.wait("/a was killed by SIGKILL")


def test_end_of_a_source_ends_the_rig_without_failure(program):
    program("a", FOREVER)
    program("b", "sys.exit(0)")
    lines = Lines()
    assert Runner([spec("a"), spec("b", ends_rig=True)], {}, lines).run() == 0
    lines.wait("/b has finished")


@pytest.mark.parametrize("told", [True, False])
def test_a_source_that_a_signal_has_told_to_end_is_started_again(program, tmp_path, monkeypatch, told):
    monkeypatch.setattr("dlstream.run.runner.RESTART_DELAY", 0.01)
    program("a", FOREVER)
    program("b", f"open({str(tmp_path / 'count')!r}, 'a').write('x'); sys.exit(0)")
    lines, faults, off, asked = Lines(), [], [], []

    def was_told_to_end(nodes: list[str]) -> bool:
        asked.append(list(nodes))
        return told and len(asked) == 1

    specs = [spec("a"), spec("b", ends_rig=True, decides=True, on_failure="restart")]
    runner = Runner(
        specs,
        {},
        lines,
        on_fault=lambda *of: faults.append(of),
        stop_outputs=lambda *why: off.append(why),
        was_told_to_end=was_told_to_end,
    )
    assert runner.run() == 0
    lines.wait("/b has finished")
    assert asked == [["/b"]] * (2 if told else 1)
    assert (tmp_path / "count").read_text() == "x" * (2 if told else 1)
    assert faults == ([("/b", "was asked to end by a signal")] if told else [])
    assert off == ([("/b was asked to end by a signal", False)] if told else [])


def test_node_that_is_stopped_while_it_starts_has_not_failed(program, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program("a", f"open({str(pipe)!r}, 'w').close(); time.sleep(60)")
    lines = Lines()
    runner = Runner([spec("a")], {}, lines)

    def stop() -> None:
        pipe.read_bytes()
        runner.stop("enough")

    thread = threading.Thread(target=stop)
    thread.start()
    assert runner.run() == 0, lines.all
    thread.join()


def test_failure_while_a_node_ends_fails_the_rig(program):
    program("a", FOREVER.replace("sys.exit(0)", "sys.exit(4)"))
    lines = Lines()
    runner = Runner([spec("a")], {}, lines)

    def stop() -> None:
        lines.wait("a runs")
        runner.stop("enough")

    thread = threading.Thread(target=stop)
    thread.start()
    assert runner.run() == 1
    thread.join()
    lines.wait("/a has failed with exit code 4 while it was stopped")


def test_restart_and_its_limit(program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dlstream.run.supervision._RESTART_WINDOW", 600.0)  # a slow machine starts six in it
    monkeypatch.setattr("dlstream.run.runner.RESTART_DELAY", 0.01)
    program("a", f"open({str(tmp_path / 'count')!r}, 'a').write('x'); sys.exit(1)")
    lines = Lines()
    assert Runner([spec("a", on_failure="restart")], {}, lines).run() == 1
    assert (tmp_path / "count").read_text() == "x" * 6, "the first, and five restarts"


def test_a_node_that_was_started_again_ends_in_its_turn(program, tmp_path, monkeypatch):
    monkeypatch.setattr("dlstream.run.runner.RESTART_DELAY", 0.01)
    first = f"{str(tmp_path / 'first')!r}"
    program("a", f"if not os.path.exists({first}): open({first}, 'w').close(); sys.exit(1)\n{FOREVER}")
    for name in "bc":
        program(name, FOREVER)
    lines = Lines()
    runner = Runner([spec("a", on_failure="restart"), spec("b"), spec("c")], {}, lines)

    assert run_until_all_run(runner, lines) == 0
    assert lines.index("c ends") < lines.index("b ends") < lines.index("a ends")


def test_a_node_that_can_not_be_started_again_ends_the_rig_in_order(program, tmp_path, monkeypatch):
    monkeypatch.setattr("dlstream.run.runner.RESTART_DELAY", 0.01)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))  # where parameters are written
    program("a", FOREVER)
    program("b", f"os.rename({str(folder)!r}, {str(tmp_path / 'away')!r}); sys.exit(1)")
    lines, told, off = Lines(), [], []
    runner = Runner(
        [spec("a"), spec("b", on_failure="restart", decides=True)], {}, lines, stop_outputs=lambda *why: off.append(why)
    )
    assert runner.run(on_stopping=told.append) == 1
    reason = "/b has failed with exit code 1 and could not be started again: [Errno 2] No such file or directory"
    lines.wait(f"stopping: {reason}")
    assert [ending.failed for ending in told] == [True]
    assert [for_good for _, for_good in off] == [False, True]
    assert off[1][0].startswith(reason)


def test_continue_without_a_node(program):
    program("a", FOREVER)
    program("b", "sys.exit(1)")
    lines = Lines()
    runner = Runner([spec("a"), spec("b", on_failure="continue")], {}, lines)

    def stop() -> None:
        lines.wait("the rig continues without it")
        runner.stop("enough")

    thread = threading.Thread(target=stop)
    thread.start()
    assert runner.run() == 0
    thread.join()


def test_node_that_ignores_the_signals_is_killed(program, monkeypatch: pytest.MonkeyPatch):
    program(
        "a",
        "[signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)]\n"
        "print('deaf', flush=True)\nwhile True: time.sleep(1)",
    )
    monkeypatch.setattr(
        "dlstream.run.runner.SIGNAL_TIMEOUTS", {signal.SIGINT: 0.2, signal.SIGTERM: 0.2, signal.SIGKILL: 60.0}
    )
    lines = Lines()
    runner = Runner([spec("a")], {}, lines)

    def stop() -> None:
        lines.wait("deaf")
        runner.stop("enough")

    thread = threading.Thread(target=stop)
    thread.start()
    assert runner.run() == 1, "a node that had to be killed is a failure"
    thread.join()
    lines.wait("did not end after SIGTERM")


def test_signal_to_the_runner_ends_the_rig(program):
    program("a", FOREVER)
    lines = Lines()
    runner = Runner([spec("a")], {}, lines)

    def interrupt() -> None:
        lines.wait("a runs")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert runner.run() == 0
    thread.join()
    lines.wait("SIGTERM received")
    lines.wait("a ends")


def test_where_somebody_ends_the_rig_what_commands_the_outputs_ends_first(program, tmp_path):
    done = f"{str(tmp_path / 'done')!r}"
    program("a", FOREVER)
    program("b", FOREVER.replace("lambda *_: (", f"lambda *_: (open({done}, 'w').close(), "))
    slow = f"while not os.path.exists({done}): time.sleep(0.01)"  # a camera that closes only after the experiment
    program("c", FOREVER.replace("while True: time.sleep(1)", slow).replace("sys.exit(0)", "None"))
    lines = Lines()
    runner = Runner([spec("a"), spec("b", commands=True), spec("c")], {}, lines)

    def interrupt() -> None:
        for name in "abc":
            lines.wait(f"{name} runs")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert runner.run() == 0, lines.all
    thread.join()
    assert lines.index("b ends") < lines.index("a ends"), "the others keep their order"


def test_what_was_told_to_end_first_is_not_told_again(program, tmp_path):
    """An interpreter that is about to exit has no handler any more: a second signal would kill it."""
    ended = f"{str(tmp_path / 'ended')!r}"
    program(
        "a",
        "told = []\n"
        "signal.signal(signal.SIGINT, lambda *_: told.append(signal.signal(signal.SIGINT, signal.SIG_DFL)))\n"
        "print('a runs', flush=True)\n"
        f"while not (told and os.path.exists({ended})): time.sleep(0.01)\n"
        "time.sleep(1)\n",
    )
    program("b", FOREVER.replace("lambda *_: (", f"lambda *_: (open({ended}, 'w').close(), "))
    lines = Lines()
    runner = Runner([spec("a", commands=True), spec("b")], {}, lines)

    def interrupt() -> None:
        for name in "ab":
            lines.wait(f"{name} runs")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert runner.run() == 0, lines.all
    thread.join()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(1), "nobody reads what it prints any more"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "nobody reads what it prints any more"),
        (OSError(errno.ENOSPC, "No space left on device"), "can't be written any more: No space left on device"),
    ],
)
def test_where_nothing_can_be_printed_any_more_the_rig_ends_in_order(program, tmp_path, error, reason):
    file = f"{str(tmp_path / 'ends')!r}"
    for name in "abc":
        wait = f"while 'b' not in open({file}).read(): time.sleep(0.01)" if name == "c" else ""
        program(
            name, FOREVER.replace("lambda *_: (", f"lambda *_: (exec({wait!r}), open({file}, 'a').write({name!r}), ")
        )
    (tmp_path / "ends").touch()
    running, told = set(), []

    def say(name: str, text: str) -> None:
        running.add(text)
        if {"a runs", "b runs", "c runs"} <= running:
            raise error

    runner = Runner([spec("a"), spec("b", commands=True), spec("c")], {}, say, may_end=lambda spec: bool(told))
    assert runner.run(on_stopping=told.append) == 1
    [ending] = told
    assert reason in ending.reason
    assert ending.failed
    assert (tmp_path / "ends").read_text() == "bca", "the experiment first, then in order"


def test_a_launcher_that_fails_itself_tells_the_other_hosts_and_ends_the_experiment_first(program, tmp_path):
    done = tmp_path / "done"
    program("a", FOREVER.replace("lambda *_: (", f"lambda *_: (open({str(done)!r}, 'w').close(), "))
    program("b", FOREVER)
    lines, told = Lines(), []

    def tick() -> None:
        if len(lines.all) == 2:
            raise ValueError("of ours")

    runner = Runner([spec("a", commands=True), spec("b")], {}, lines, may_end=lambda spec: bool(told) and done.exists())
    with pytest.raises(ValueError, match="of ours"):
        runner.run(tick, told.append)
    assert [ending.reason for ending in told] == ["the launcher has failed: of ours"]


def test_parameters_reach_the_node_by_a_file_that_is_gone_afterwards(program):
    program("a", "p = sys.argv[sys.argv.index('--params-file') + 1]; print(p); print(open(p).read())")
    lines = Lines()
    Runner([spec("a", parameters={"fps": 30.0, "images": ["a=b"]}, ends_rig=True)], {}, lines).run()
    texts = [text for _, text in lines.all]
    assert '    "fps": 30.0' in texts
    path = next(Path(text) for text in texts if text.endswith(".yaml"))
    assert not path.exists()


def test_missing_executable_is_a_clear_error(program, tmp_path, monkeypatch):
    program("a", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DlstreamError, match="package programs has no executable zzz"):
        Runner([spec("zzz")], {}, Lines()).run()
    assert not list(tmp_path.glob("*.yaml")), "its parameters, which may have a password"
