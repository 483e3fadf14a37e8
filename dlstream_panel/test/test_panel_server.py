"""The panel's node against strangers: other pages, rebound names, wrong tokens, and requests of no sense at all."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import resource
import signal
import socket
from contextlib import ExitStack
from typing import Any

import aiohttp
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from panel_client import BODIES, JSON, MODULE, READINGS, SESSION, request_of, status_of

from dlstream_common.ros import COMMAND, EVENT
from dlstream_msgs.msg import Command, Event, OutputStatus
from dlstream_panel.requests import REQUESTS

PONG = b"\x8a\x80\0\0\0\0"
"""Of a WebSocket: a page that answers none of its pings for some seconds is ended."""
ONLY_ITS_OWN = "only the panel's own page may ask for this"


def test_every_action_is_tried_here():
    assert set(BODIES) == set(REQUESTS)


def test_a_strangers_page_gets_nothing_done(panel, observer, wait_for):
    panel = panel()
    commands = observer.collect(Command, "/outputs/screen/command", COMMAND)
    events = observer.collect(Event, "/experiment/events", EVENT)
    # What the page's own requests do arrives here: so would what a stranger's did.
    wait_for(lambda: panel.post("remark", BODIES["remark"])[0] == 200 and events, "the note of its own page")
    wait_for(lambda: panel.post("stop", {}) and commands, "the stop of its own page")
    assert panel.post("arm", BODIES["arm"])[0] == 409, "no output hears: from here on STOP is not said again"
    last = panel.post("remark", {"kind": "note", "text": "strangers begin"})
    assert last[0] == 200
    wait_for(lambda: any("strangers begin" in str(event) for event in list(events)), "the last note of its own page")
    settled = len(commands), len(events)
    foreign = ["http://evil.example", "null", "", "http://evil.example:8642", f"https://{panel.name}"]
    foreign += [f"http://{panel.name}.evil.example", f"http://{panel.name}/", f"http://localhost:{panel.port}"]
    for what, body in BODIES.items():
        for origin in foreign:
            assert panel.post(what, body, Origin=origin)[0] == 403, (what, origin)
        assert panel.ask("POST", f"/api/{what}", JSON, body)[0] == 403, "without an origin"
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json;x=1"):
            assert panel.post(what, body, Content_Type=kind)[0] == 415, (what, kind)
    for origin in foreign:
        assert panel.live(Origin=origin) == 403
    assert panel.live() == 403
    assert panel.live(**panel.origin) == 101
    assert panel.post("remark", {"kind": "note", "text": "strangers have ended"})[0] == 200
    wait_for(lambda: any("strangers have ended" in str(event) for event in list(events)), "the note after theirs")
    assert (len(commands), len(events)) == (settled[0], settled[1] + 1)


def test_a_strangers_page_can_not_make_it_work_by_reading(panel):
    panel = panel()
    for site in ("cross-site", "same-site", ""):
        for path in ("/api/hello", *READINGS):
            assert panel.ask("GET", path, {"Sec-Fetch-Site": site}) == (403, {"error": ONLY_ITS_OWN}), (site, path)
    for site in ("same-origin", "none"):
        assert panel.ask("GET", "/api/hello", {"Sec-Fetch-Site": site})[0] == 200
    assert panel.ask("GET", "/", {"Sec-Fetch-Site": "cross-site"})[0] == 200, "a link in somebody's notes"


def test_a_rebound_name_reaches_nothing(panel):
    panel = panel()
    for host in ("evil.example", f"evil.example:{panel.port}", "127.0.0.1", "127.0.0.1:1", "", "localhost", "0.0.0.0"):
        for path in ("/", "/main.js", "/api/hello"):
            assert panel.ask("GET", path, {"Host": host})[0] in (400, 421), (host, path)
        assert panel.post("stop", {}, Host=host, Origin=f"http://{host}")[0] in (400, 421)
        assert panel.live(Host=host, Origin=f"http://{host}") in (400, 421)
    twice = request_of("GET", "/", {"Host": panel.name}).replace(b"\r\n\r\n", b"\r\nHost: evil.example\r\n\r\n")
    assert status_of(panel.raw(twice)) in (400, 421)
    assert panel.ask("GET", "/", {"Host": f"localhost:{panel.port}"})[0] == 200


def test_every_answer_forbids_what_the_page_does_not_need(panel):
    panel = panel()
    for method, path in (("GET", "/"), ("GET", "/nothing"), ("GET", "/api/hello"), ("OPTIONS", "/api/stop")):
        panel.ask(method, path)
        policy = panel.answered["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert panel.answered["X-Content-Type-Options"] == "nosniff"
        assert panel.answered["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not [name for name in panel.answered if name.lower().startswith("access-control")]
        assert "Server" not in panel.answered


def test_the_page_loads_nothing_from_elsewhere_and_has_no_code_of_its_own_in_it(panel):
    panel = panel()
    _, page = panel.ask("GET", "/")
    names = {"/style.css", *(f"/{name}" for name in re.findall(rb'src="([^"]+)"', page) for name in [name.decode()])}
    for name in names | {"/link.js", "/cameras.js"}:
        status, text = panel.ask("GET", name)
        assert status == 200
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", text), name
    assert not re.search(rb"<script(?![^>]*src=)|\son[a-z]+=|\sstyle=", page)


def test_without_a_good_token_nothing_is_seen_or_done(locked, observer):
    commands = observer.collect(Command, "/outputs/screen/command", COMMAND)
    control, view = locked.tokens
    for token in ("", "x", control[:-1], control + "x", view.upper(), "ü" * 32):
        assert locked.post("sign-in", {"token": token})[0] == 401
        assert "Set-Cookie" not in locked.answered
    name = f"dlstream_panel_{locked.port}"
    for cookie in ("", f"{name}=", f"{name}=control.", f"{name}=control.{'0' * 64}", f"other={control}"):
        for what, body in BODIES.items():
            assert locked.post(what, body, cookie)[0] == 401
        assert locked.live(**locked.origin, Cookie=cookie) == 401
        assert locked.ask("GET", "/api/hello", {"Cookie": cookie}) == (200, {"role": None})
        for path in READINGS:
            assert locked.ask("GET", path, {"Cookie": cookie})[0] == 401
    assert locked.post("sign-in", {"token": control}, Origin="http://evil.example")[0] == 403
    assert not commands
    assert control not in locked.node.output.replace(f"#token={control}", "")


def test_the_second_token_is_for_looking_only(locked, observer):
    commands = observer.collect(Command, "/outputs/screen/command", COMMAND)
    control, view = (locked.sign_in(token) for token in locked.tokens)
    assert locked.ask("GET", "/api/hello", {"Cookie": view})[1]["role"] == "view"
    assert locked.live(**locked.origin, Cookie=view) == 101
    for what, body in BODIES.items():
        status, answer = locked.post(what, body, view)
        assert (status, answer["error"]) == (403, "this link is for looking only")
    assert not commands
    assert locked.post("remark", BODIES["remark"], control)[0] == 200


def test_the_links_are_shown_to_who_may_act_and_their_codes_say_the_same(locked, tmp_path):
    assert locked.post("links", {})[0] == 401
    control, view = (locked.sign_in(token) for token in locked.tokens)
    assert locked.post("links", {}, view)[0] == 403
    assert locked.post("links", {}, control, Origin="http://evil.example")[0] == 403
    status, answer = locked.post("links", {}, control)
    assert status == 200
    for item, role, token in zip(answer["links"], ("control", "view only"), locked.tokens, strict=True):
        assert (item["for"], item["link"]) == (role, f"http://{locked.name}/#token={token}")
        modules = np.array([[bit == "0" for bit in row] for row in item["code"]], np.uint8) * 255
        image = np.kron(np.pad(modules, 4, constant_values=255), np.ones((8, 8), np.uint8))
        assert cv2.QRCodeDetectorAruco().detectAndDecode(image)[0] == item["link"]


def test_a_cookie_outlives_the_panel_and_ends_with_the_tokens(panel, tmp_path, wait_for):
    token = tmp_path / "panel.token"
    first = panel(token=str(token))
    cookie = first.sign_in(first.tokens[0])
    assert first.node.end(signal.SIGKILL) == -signal.SIGKILL
    second = panel(token=str(token), port=first.port)
    assert second.post("remark", BODIES["remark"], cookie)[0] == 200
    assert second.node.end() == 0
    token.unlink()
    third = panel(token=str(token), port=first.port)
    assert third.post("remark", BODIES["remark"], cookie)[0] == 401


def test_requests_of_no_sense_are_refused_in_a_sentence_and_change_nothing(panel, observer):
    panel = panel()
    commands = observer.collect(Command, "/outputs/screen/command", COMMAND)
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=8,
    )

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(sorted(set(REQUESTS) - {"stop", "end-job"})), st.one_of(junk, st.binary(max_size=80)))
    def tried(what: str, body: Any) -> None:
        status, answer = panel.post(what, body)
        assert status == 400
        assert answer["error"]

    tried()
    assert panel.post("remark", b"x" * 100_000)[0] == 413
    assert panel.post("remark", b"[" * 60_000)[0] == 400
    assert panel.post("arm", {"output": "nobody", "armed": True}) == (
        409,
        {"error": "found the output 'nobody'; expected one of screen"},
    )
    assert not commands
    assert panel.ask("GET", "/api/hello")[0] == 200


def test_who_goes_in_the_middle_of_a_body_is_no_fault_of_the_panel(panel):
    panel = panel()
    head = request_of("POST", "/api/remark", {"Host": panel.name, **panel.origin, **JSON, "Content-Length": "100"})
    for _ in range(5):
        with socket.create_connection((panel.host, panel.port), timeout=60) as connection:
            connection.sendall(head + b"{")
    assert panel.ask("GET", "/api/hello")[0] == 200
    assert panel.node.end() == 0
    assert "Traceback" not in panel.node.output


def test_what_is_sent_compressed_is_not_unpacked(panel):
    panel = panel()
    body = gzip.compress(json.dumps(BODIES["remark"]).encode())
    status, answer = panel.post("remark", body, Content_Encoding="gzip")
    assert (status, answer["error"].startswith("the body: Invalid JSON")) == (400, True)


def test_no_path_leads_out_of_the_page(panel):
    panel = panel()
    for path in (
        "/api/sessions/..",
        "/api/sessions/%2e%2e/session.json",
        f"{SESSION}/..%2f..%2fx",
        f"{SESSION}/../x",
    ):
        assert status_of(panel.raw(request_of("GET", path, {"Host": panel.name}))) == 404, path
    for path in ("/../settings.py", "/..%2fsettings.py", "/%2e%2e/x", "//etc/passwd", "/web/index.html", "/index.html"):
        answer = panel.raw(request_of("GET", path, {"Host": panel.name}))
        assert status_of(answer) == 404, path


def test_bytes_that_are_no_http_do_not_bring_it_down(panel):
    panel = panel()

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(st.binary(min_size=1, max_size=300), st.booleans())
    def tried(data: bytes, begins_well: bool) -> None:
        begin = request_of("GET", "/api/live", {"Host": panel.name, **panel.origin})[:-2] if begins_well else b""
        answer = panel.raw(begin + data, and_ends=True)
        assert not answer or status_of(answer) >= 400

    tried()
    assert panel.ask("GET", "/")[0] == 200
    assert "Traceback" not in panel.node.output


def test_a_page_that_talks_nonsense_is_closed_and_others_go_on(panel):
    panel = panel(cameras=["top"])

    async def talk(words: list[str | bytes]) -> str:
        """What the other page hears after all of them."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{panel.name}/api/live", headers=panel.origin) as good,
        ):
            heard: asyncio.Queue[str] = asyncio.Queue()

            async def listen() -> None:
                async for message in good:  # which answers the heartbeat, too
                    if message.type is aiohttp.WSMsgType.TEXT:
                        heard.put_nowait(json.loads(message.data)["type"])
                heard.put_nowait("its end")

            listening = asyncio.ensure_future(listen())
            for word in words:
                async with session.ws_connect(f"http://{panel.name}/api/live", headers=panel.origin) as bad:
                    await (bad.send_str(word) if isinstance(word, str) else bad.send_bytes(word))
                    async for _ in bad:
                        pass
                    assert bad.close_code in (1008, 1009, 1007), word
            await good.send_str('{"watch": ["top", "nobody", ""]}')
            await good.send_str('{"drawn": "nobody"}')
            for _ in range(heard.qsize()):
                heard.get_nowait()
            while (last := await heard.get()) not in ("state", "its end"):
                pass
            listening.cancel()
            return last

    words: list[str | bytes] = ["", "{", "[]", "null", '{"watch": 1}', '{"watch": [1]}', '{"drawn": []}']
    words += ["[" * 9000, "x" * 20_000, b"\0\1"]
    assert asyncio.run(talk(words)) == "state", "which comes once a second"
    assert "Traceback" not in panel.node.output


def test_stop_needs_no_experiment_node_and_says_so(panel, start_node, observer, wait_for, tmp_path):
    (tmp_path / "x.txt").write_text("")
    start_node("dlstream_outputs.node", name="screen", namespace="/outputs", type="log")
    statuses = observer.collect(OutputStatus, "/outputs/screen/status", EVENT)
    panel = panel()
    wait_for(lambda: statuses, "the output's status")
    wait_for(lambda: panel.post("arm", BODIES["arm"])[0] == 200, "the output to be armed")
    assert panel.post("test", {"output": "screen", "action": "on", "seconds": 9.0}) == (
        200,
        {"message": "screen: on for 9 s"},
    )
    wait_for(lambda: statuses[-1].on, "the output to be on")
    assert panel.post("stop", {}) == (200, {"message": "every output was commanded off"})
    wait_for(lambda: not statuses[-1].on and not statuses[-1].armed, "the output to be off and disarmed")
    assert statuses[-1].reason == "STOP on the panel"
    status, answer = panel.post("test", {"output": "screen", "action": "on", "seconds": 1.0})
    assert status == 409
    assert "disarmed" in answer["error"]
    assert panel.post("run", BODIES["run"]) == (409, {"error": "this rig has no experiment"})


def test_a_flood_of_connections_that_ask_for_nothing_keeps_nobody_from_stop(locked):
    cookie = locked.sign_in(locked.tokens[0])
    hello = request_of("GET", "/api/hello", {"Host": locked.name, "Cookie": cookie})
    limit = resource.RLIMIT_NOFILE
    resource.prlimit(locked.node.process.pid, limit, (256, resource.getrlimit(limit)[1]))
    with ExitStack() as opened:

        def connection() -> socket.socket:
            return opened.enter_context(socket.create_connection((locked.host, locked.port), timeout=60))

        page = connection()
        page.sendall(hello)
        assert b'"role": "control"' in page.recv(65536)
        flood = [connection() for _ in range(400)]
        assert locked.post("stop", {}, cookie)[0] == 200
        assert flood[0].recv(1) == b"", "the oldest was ended"
        page.sendall(hello)
        assert b'"role": "control"' in page.recv(65536), "who may look stays"


def test_who_may_only_look_keeps_nobody_from_stop_with_connections_and_keeps_its_page(locked):
    acts, looks = (locked.sign_in(token) for token in locked.tokens)
    hello = request_of("GET", "/api/hello", {"Host": locked.name, "Cookie": looks})
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Host": locked.name, "Cookie": looks}
    limit = resource.RLIMIT_NOFILE
    resource.prlimit(locked.node.process.pid, limit, (256, resource.getrlimit(limit)[1]))
    with ExitStack() as opened:

        def connection(request: bytes, words: bytes) -> socket.socket:
            made = opened.enter_context(socket.create_connection((locked.host, locked.port), timeout=60))
            made.sendall(request)
            answer = b""
            while words not in answer:
                answer += (part := made.recv(65536))
                assert part, answer
            return made

        page = connection(request_of("GET", "/api/live", {**upgrade, **locked.origin}), b" 101 ")
        flood = []
        for _ in range(400):
            flood.append(connection(hello, b'"role": "view"'))
            page.sendall(PONG)
        assert locked.post("stop", {}, acts)[0] == 200
        assert flood[0].recv(1) == b"", "the oldest was ended"
        flood[-1].sendall(hello)
        assert b'"role": "view"' in flood[-1].recv(65536), "the newest are served"
        page.sendall(b"\x89\x80\0\0\0\0")
        answer = b""
        while b"\x8a\x00" not in answer:  # the pong
            answer += (part := page.recv(65536))
            assert part, "the page of one who may look was ended"


def test_a_port_in_use_is_said_with_a_way_out(panel, start_node):
    first = panel()
    second = start_node(MODULE, name="second", port=first.port)
    assert second.wait() == 1
    assert f"port {first.port}" in second.output
    assert "Choose another: `panel: {port: " in second.output
    assert "Traceback" not in second.output


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"address": "rig1.lab"}, "an IP address of this machine"),
        ({"address": "0.0.0.0"}, "names as well"),
        ({"names": ["a b"]}, "names"),
    ],
)
def test_an_address_that_can_not_be_meant_is_refused(start_node, parameters, words):
    node = start_node(MODULE, port=0, **parameters)
    assert node.wait() == 1
    assert words in node.output
    assert "Traceback" not in node.output


def test_on_every_address_a_token_is_a_must(panel, tmp_path):
    open_panel = panel(address="127.0.0.1", names=["rig1.lab"])
    assert open_panel.ask("GET", "/api/hello")[1]["role"] == "control"
    assert open_panel.node.end() == 0
    everywhere = panel(address="0.0.0.0", names=["127.0.0.1"], token=str(tmp_path / "panel.token"))
    assert everywhere.ask("GET", "/api/hello")[1] == {"role": None}
    assert len(everywhere.tokens) == 2
