"""The demo's laser: its pin's trace is read right, and a computer without the simulator is told what to install."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from dlstream.cli import demo_laser
from dlstream.cli.demo_laser import pulses, simulated_board
from dlstream_outputs import Train

ASKED = Train(frequency=20.0, width=5.0, count=10)


def edges(*trains: float, count: int = 10) -> list[tuple[float, bool]]:
    """Perfect trains that begin at these microseconds."""
    return [
        edge
        for begin in trains
        for number in range(count)
        for edge in ((begin + 50_000 * number, True), (begin + 50_000 * number + 5000, False))
    ]


def test_perfect_trains() -> None:
    found = pulses([(0.0, False), *edges(1e6, 3e6)], ASKED)
    assert (found.trains, found.count, found.cut, found.deviation) == (2, 20, 0, 0.0)
    assert found.frequency == pytest.approx(20)
    assert found.width == pytest.approx(5)


def test_the_edge_that_is_furthest_off_is_the_deviation() -> None:
    drawn = random.Random(1)
    for _ in range(100):
        given, moved, by = edges(1e6, 3e6), drawn.randrange(1, 20), drawn.choice((-1, 1)) * drawn.uniform(1, 90)
        given[moved] = (given[moved][0] + by, given[moved][1])
        assert pulses(given, ASKED).deviation == pytest.approx(abs(by))


def test_a_train_that_was_cut_short_is_told_and_its_last_edge_is_no_deviation() -> None:
    given = edges(1e6, 3e6)[:-3]
    found = pulses([*given, (given[-1][0] + 900, False)], ASKED)
    assert (found.trains, found.count, found.cut, found.deviation) == (2, 19, 1, 0.0)
    between = pulses(edges(1e6, 3e6)[:-2], ASKED)
    assert (between.count, between.cut, between.deviation) == (19, 1, 0.0)


def test_a_pin_that_did_nothing() -> None:
    assert pulses([(0.0, False)], ASKED) == demo_laser.Pulses(0, 0, 0.0, 0.0, 0.0, 0)


def test_without_compilers_there_is_no_board_and_a_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = Path(__file__).resolve().parents[2] / "firmware"
    shutil.copytree(firmware, tmp_path / "firmware")
    (tmp_path / "bin").mkdir()
    for name in ("make", "sh", "mkdir"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(demo_laser, "share", lambda *parts: tmp_path.joinpath(*parts))
    out = io.StringIO()
    with simulated_board(Console(file=out, width=200)) as board:
        assert board is None
    assert out.getvalue().splitlines() == [
        "`make simulators devices` installs what a simulated board needs: then the demo flashes a laser as well."
    ]
