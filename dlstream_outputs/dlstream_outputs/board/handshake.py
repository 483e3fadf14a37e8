"""The first words with a board: whether it runs dlstream's firmware."""

from __future__ import annotations

import time
from typing import Any

from dlstream_outputs.board.errors import BoardError
from dlstream_outputs.board.lines import Answer, framed, read_line

PROTOCOL = "1"
_ASK_AGAIN = 0.25


def shake_hands(port: Any, session: str, seconds: float) -> tuple[Answer, bytes]:
    """Greets until the board answers; that, and what the board has said since.

    Args:
        port: an open `serial.Serial`.
        session: a word that its answer must have.
        seconds: for which it is tried.

    Raises:
        BoardError: nothing answers, or something else than our firmware.
    """
    limit, asked, heard = time.monotonic() + seconds, 0.0, b""
    try:
        while time.monotonic() < limit:
            if time.monotonic() - asked > _ASK_AGAIN:
                asked = time.monotonic()
                port.write(b"\n" + framed(f"0 hello {session}"))
            heard += port.read(port.in_waiting or 1)
            lines = heard.split(b"\n")
            for number, line in enumerate(lines[:-1], 1):
                said = read_line(line)
                if isinstance(said, Answer) and said.done and said.number == 0 and session in said.words:
                    return _understood(said, str(port.port)), b"\n".join(lines[number:])
    except OSError as error:
        raise BoardError(f"{port.port} takes nothing any more ({error}); is it unplugged?") from error
    if heard.strip():
        raise BoardError(
            f"{port.port} says {heard[:40]!r}, which is not dlstream's firmware; "
            f"flash it: dlstream firmware flash --port {port.port}"
        )
    raise BoardError(
        f"{port.port} does not answer; expected dlstream's firmware. "
        f"Flash it: dlstream firmware flash --port {port.port}"
    )


def _understood(answer: Answer, port: str) -> Answer:
    if len(answer.words) < 6 or answer.words[0] != "dlstream" or answer.words[1] != PROTOCOL:
        found = " ".join(answer.words[:3])
        raise BoardError(
            f"{port} runs '{found}'; expected 'dlstream {PROTOCOL}'. Flash it: dlstream firmware flash --port {port}"
        )
    return answer
