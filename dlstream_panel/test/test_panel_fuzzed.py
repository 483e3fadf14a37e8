"""Nonsense of every kind against a running panel: a scaled-down panel_fuzz.py, which throws 10,000 of each by hand."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import aiohttp
import pytest
from panel_client import request_of, status_of
from panel_fuzz import throw

CONFIG = Path(__file__).parents[2] / "config"
NUMBER = 150
NOTES = 300
PATIENCE = 300.0
"""Seconds: as that of the other tests."""


def test_nonsense_changes_nothing_and_nothing_falls_over(panel, tmp_path):
    """As somebody who may only look, so that whatever is carried out is too much."""
    experiment = tmp_path / "demo.yaml"
    experiment.write_text((CONFIG / "experiments" / "demo.yaml").read_text())
    before = experiment.read_text()
    (tmp_path / "sessions").mkdir()
    known = {"cameras": ["top"], "experiment_file": str(experiment), "directory": str(tmp_path / "sessions")}
    served = panel(**known, token=str(tmp_path / "panel.token"))
    control, view = (served.sign_in(token) for token in served.tokens)
    for cookie in ("", view):
        outcome = asyncio.run(throw(served.name, NUMBER, cookie, looks=True))
        assert not outcome.wrong, "\n".join(outcome.wrong)
        assert set(outcome.statuses) & {"200", "403", "404"}, outcome.statuses
    assert "Traceback" not in served.node.output
    assert experiment.read_text() == before
    assert served.post("remark", {"kind": "note", "text": "still here"}, control)[0] == 200


def test_who_may_act_can_not_make_it_fall_over_either(panel):
    served = panel(cameras=["top"])
    outcome = asyncio.run(throw(served.name, NUMBER, seed=2))
    assert not outcome.wrong, "\n".join(outcome.wrong)
    assert "Traceback" not in served.node.output


@pytest.mark.parametrize("cookie", [b"\xff\xfe", b"\xc3\x28", "ü".encode(), b"=;,\x01"])
def test_a_cookie_that_is_no_text_is_no_cookie(panel, tmp_path, cookie):
    served = panel(token=str(tmp_path / "panel.token"))
    named = f"dlstream_panel_{served.port}=".encode() + cookie
    lines = request_of("GET", "/api/sessions", {"Host": served.name}).replace(b"\r\n\r\n", b"\r\nCookie: " + named)
    assert status_of(served.raw(lines + b"\r\n\r\n")) in (400, 401)
    assert "Traceback" not in served.node.output


def test_a_page_that_reads_nothing_more_delays_no_other(panel):
    served = panel(cameras=["top"])

    async def talk() -> int:
        async with aiohttp.ClientSession() as session:
            live = f"http://{served.name}/api/live"
            slow = await session.ws_connect(live, headers=served.origin)
            transport = slow._conn.transport  # of a tablet that sleeps
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            transport.pause_reading()
            good = await session.ws_connect(live, headers=served.origin)

            async def read(page: aiohttp.ClientWebSocketResponse) -> int:
                found: set[int] = set()
                while len(found) < NOTES:
                    async for message in page:  # which answers the heartbeat, too
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            continue
                        if (said := json.loads(message.data))["type"] == "log":
                            found.update(line["n"] for line in said["lines"])
                        if len(found) >= NOTES:
                            return len(found)
                    # A busy machine has answered too late; the lines are kept for whoever comes back.
                    page = await session.ws_connect(live, headers=served.origin)
                return len(found)

            reading = asyncio.ensure_future(read(good))
            for number in range(NOTES):
                body = {"kind": "note", "text": f"{number} {'x' * 1900}"}
                async with session.post(f"http://{served.name}/api/remark", json=body, headers=served.origin) as answer:
                    assert answer.status == 200
            return await reading

    assert asyncio.run(asyncio.wait_for(talk(), PATIENCE)) >= NOTES
