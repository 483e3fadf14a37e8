"""The simulator's own commands: none blocks those that follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from firmware_host import Host, framed
from simulated_board import wait_until

WAITING = 64
"""Lines of `at` that the simulator keeps."""


def schedule(host: Host, us: int) -> int:
    """Has the simulator send a line at this time; the line's number."""
    host.number += 1
    host.board.command(f"at {us} {framed(f'{host.number} time').decode().strip()}")
    return host.number


def wait_for_words(capfd: pytest.CaptureFixture[str], words: str) -> None:
    said: list[str] = []

    def found() -> bool:
        said.append(capfd.readouterr().err)
        return words in "".join(said)

    wait_until(found, words)


def test_a_line_for_no_time_is_refused_and_blocks_none(
    begin: Callable[..., Host], capfd: pytest.CaptureFixture[str]
) -> None:
    host = begin()
    for us in ("0", "-5", "nan"):
        host.board.command(f"at {us} nothing")
        wait_for_words(capfd, f"refused, expected at least 1 us: at {us} nothing")
    assert host.answer(schedule(host, 1))[0] == "A"


def test_a_line_more_than_may_wait_is_refused_and_replaces_none(
    begin: Callable[..., Host], capfd: pytest.CaptureFixture[str]
) -> None:
    host = begin()
    now = host.done("time")
    host.board.command("freeze")
    numbers = [schedule(host, now + 500_000 + 10_000 * place) for place in range(WAITING)]
    host.board.command("at 1 one too many")
    wait_for_words(capfd, f"refused, {WAITING} lines wait already: at 1 one too many")
    host.board.command("go")
    assert all(host.answer(number)[0] == "A" for number in numbers)
    assert host.answer(schedule(host, 1))[0] == "A"
    assert not host.events, "no damaged line"
