"""A running panel, requests to it as they are given, and one body of each kind: what its tests share."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from typing import Any

import aiohttp

MODULE = "dlstream_panel.ros.node"
JSON = {"Content-Type": "application/json"}


class Panel:
    """A running panel, and requests to it as they are given: nothing is added."""

    def __init__(self, node: Any, wait_for: Any, links: int = 1) -> None:
        self.node = node
        link = re.compile(r"open (http://([0-9.]+):(\d+)/(?:#token=(\S+))?)")
        wait_for(lambda: len(link.findall(node.output)) == links, "the panel's links")
        found = link.findall(node.output)
        self.host, self.port = found[0][1], int(found[0][2])
        self.tokens = [token for _link, _host, _port, token in found]
        self.name = f"{self.host}:{self.port}"
        self.origin = {"Origin": f"http://{self.name}"}

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None) -> tuple[int, Any]:
        """Status and content of the answer; the headers are in `self.answered`."""

        async def ask() -> tuple[int, Any]:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.request(method, f"http://{self.name}{path}", headers=headers, data=data) as answer,
            ):
                self.answered = answer.headers
                text = await answer.read()
                is_json = answer.content_type == "application/json"
                return answer.status, json.loads(text) if is_json else text

        return asyncio.run(ask())

    def post(self, what: str, body: Any, cookie: str = "", **headers: str) -> tuple[int, Any]:
        """A POST as the page sends it, with other headers in its place where they are given."""
        own = {**self.origin, **JSON, **({"Cookie": cookie} if cookie else {})}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", f"/api/{what}", own, body)

    def sign_in(self, token: str) -> str:
        """The cookie for a token."""
        status, _ = self.post("sign-in", {"token": token})
        assert status == 200
        return str(self.answered["Set-Cookie"]).partition(";")[0]

    def live(self, **headers: str) -> int:
        """What the WebSocket answers: 101 is an open one."""
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        return status_of(self.raw(request_of("GET", "/api/live", {"Host": self.name, **upgrade, **key, **headers})))

    def raw(self, data: bytes, and_ends: bool = False) -> bytes:
        """The first bytes that the port answers to some bytes, after which the connection ends or waits."""
        with socket.create_connection((self.host, self.port), timeout=60) as connection:
            connection.sendall(data)
            if and_ends:
                connection.shutdown(socket.SHUT_WR)
            return connection.recv(4096)


def request_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


CAMERA = {"kind": "synthetic", "name": "top"}
CIRCLE = {"type": "circle", "center": [100, 100], "radius": 20}
POLYGON = {"type": "polygon", "camera": "side", "points": [[1, 1], [50, 1], [20, 40]]}
ANSWERS = {
    "cameras": [CAMERA, {"kind": "video", "name": "side", "video": "mouse_1.mp4"}],
    "camera": "top",
    "network": "demo_mouse.onnx (included)",
    "template": "demo",
    "outputs": {"screen": {"type": "log", "keys": {"port": "x"}}},
    "values": {"triggers.in_left.keypoints": "neck", "protocol.max_hits": "3", "seed": "7"},
    "regions": {"left": CIRCLE, "right": POLYGON},
    "scales": {"top": 12.5},
    "rig": "mine",
    "title": "",
    "rig_file": "mine.yaml",
    "experiment_file": "exp.yaml",
}
BODIES = {
    "stop": {},
    "arm": {"output": "screen", "armed": True},
    "test": {"output": "screen", "action": "show", "values": {"image": "left"}, "seconds": 1.0},
    "run": {"what": "experiment", "on": True},
    "remark": {"kind": "note", "text": "hello"},
    "regions": {
        "hash": "0" * 64,
        "regions": {"left": CIRCLE, "x": POLYGON},
        "points": {"t": [1, 2]},
        "scales": {"top": 1.5},
    },
    "calibration": {"hash": "0" * 64, "output": "screen", "quantity": "power", "rows": [[0.1, 2.0]]},
    "start-job": {"what": "check"},
    "end-job": {},
    **{f"wizard-{what}": {"answers": ANSWERS} for what in ("look", "write")},
    "wizard-run": {"rig_file": "mine.yaml"},
    "wizard-picture": {"camera": CAMERA},
}
SESSION = f"/api/sessions/{'0' * 20}"
READINGS = (
    "/api/regions",
    "/api/protocol",
    "/api/calibration",
    "/api/job",
    "/api/sessions",
    SESSION,
    f"{SESSION}/session.json",
    f"{SESSION}/frame",
    *(f"/api/wizard{rest}" for rest in ("", "/cameras", "/frame", "/picture")),
)
"""What a page reads; without a token nobody does."""
