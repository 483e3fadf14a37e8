"""Requests and WebSocket messages of every kind of nonsense against a running page, and what must not come of them.

By hand, 10,000 of each against a rig or a wizard that runs (`--token`: the one that may act):

    dlstream-env python dlstream_panel/test/panel_fuzz.py http://127.0.0.1:8642 --number 10000
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import struct
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from panel_client import BODIES, READINGS, SESSION, request_of, status_of

_AT_ONCE = 8
_PATIENCE = 120.0
_MORE_TO_COME = 5.0
_METHODS = ("GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "\xff\x00")
_TEXTS = ("", " ", "\0", "..", "../../etc/passwd", "/etc/passwd", "<img src=x onerror=alert(1)>", "\u2028", "\ud800")
_TEXTS += ("__proto__", "constructor", "\u202e", "🐭" * 50, "a" * 5000, "%s%n", "${x}", "': {", "~", "&a", "*a", "!!x")
_NUMBERS = (0, -1, 1, 2**63, -(2**63), 10**400, 1e308, -1e308, 0.1, float("nan"), float("inf"), True, None)
_NUMBER = "0123456789abcdef0123"
_PIECES = ("..", ".", "%2e%2e", "%2f", "%5c", "%00", "%ff", "%u0000", "session.json", "frame", "", "a" * 300, _NUMBER)


class Nonsense:
    """Draws it, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def junk(self, depth: int = 0) -> Any:
        """A value of any type."""
        kind = self._random.randrange(8 if depth < 4 else 5)
        if kind < 2:
            return self._random.choice(_TEXTS)
        if kind < 4:
            return self._random.choice(_NUMBERS)
        if kind == 4:
            return self._random.randbytes(self._random.randrange(30)).decode("latin-1")
        if kind < 7:
            return {str(self._random.choice(_TEXTS)): self.junk(depth + 1) for _ in range(self._random.randrange(4))}
        return [self.junk(depth + 1) for _ in range(self._random.randrange(5))]

    def twisted(self, value: Any) -> Any:
        """A good value with some of it replaced by junk."""
        if self._random.random() < 0.04:
            return self.junk()
        if isinstance(value, str) and self._random.random() < 0.15:
            return self._random.choice(_TEXTS)
        if isinstance(value, (int, float)) and self._random.random() < 0.15:
            return self._random.choice(_NUMBERS)
        if isinstance(value, Mapping):
            made = {key: self.twisted(item) for key, item in value.items() if self._random.random() < 0.95}
            return made | ({str(self.junk(9)): self.junk()} if self._random.random() < 0.1 else {})
        return [self.twisted(item) for item in value] if isinstance(value, list) else value

    def body(self, good: Any) -> bytes:
        """The bytes of a body."""
        kind = self._random.randrange(10)
        if kind == 0:
            return self._random.randbytes(self._random.randrange(400))
        if kind == 1:
            return self._random.choice((b"[", b'{"a":', b"[[1],")) * self._random.choice((10, 5000, 60_000))
        if kind == 2:
            return b'"' + b"x" * self._random.choice((100, 70_000, 2_000_000)) + b'"'
        text = json.dumps(good if kind == 3 else self.twisted(good), ensure_ascii=self._random.random() < 0.8)
        return text.encode("utf-8", "surrogatepass")

    def path(self) -> str:
        """A path, mostly of the page's own."""
        kind = self._random.randrange(4)
        if kind == 0:
            return self._random.choice(READINGS) + self._query()
        if kind == 1:
            begin = self._random.choice(
                (f"/api/sessions/{_NUMBER}", SESSION, "/api/sessions", "/api", "", "/api/wizard")
            )
            rest = (self._random.choice(_PIECES) for _ in range(self._random.randrange(4)))
            return "/".join([begin, *rest]) + self._query()
        if kind == 2:
            return "/" + quote(self._random.randbytes(self._random.randrange(60)))
        return self._random.choice(
            ("/", "/main.js", "/api/live", "/api/hello", "/api/sign-in", "/api/links", "*", "//x")
        )

    def _query(self) -> str:
        if self._random.random() < 0.4:
            return ""
        keys = ("subject", "video", "camera", "at", "source", "serial", "x")
        pairs = (
            f"{self._random.choice(keys)}={quote(str(self.junk(9)).encode('utf-8', 'surrogatepass'))}"
            for _ in range(self._random.randrange(1, 4))
        )
        return "?" + "&".join(pairs)

    def headers(self, own: Mapping[str, str]) -> dict[str, str]:
        """Headers, mostly the page's own, so that what lies behind the first guard is reached."""
        made = dict(own)
        if self._random.random() < 0.15:
            name = self._random.choice((*own, "Cookie", "Content-Length", "Transfer-Encoding", "Range", "Expect"))
            strange = ("", "evil.example", "null", "-1", "chunked", "bytes=5-1", "100-continue", "x" * 9000)
            made[name] = self._random.choice(
                (*strange, "\xff\xfe") if name != "Expect" else strange
            )  # aiohttp's own 500
        return made

    def request(self, own: Mapping[str, str]) -> bytes:
        """One request, with or without sense."""
        if self._random.random() < 0.03:
            return self._random.randbytes(self._random.randrange(1, 2000))
        if self._random.random() < 0.6:
            what = self._random.choice([*BODIES, "links", "sign-in"])
            method, path, data = "POST", f"/api/{what}", self.body(BODIES.get(what, {"token": "x"}))
        else:
            method, path = self._random.choice(_METHODS), self.path()
            data = b"" if method in ("GET", "HEAD") else self.body({"x": 1})
        headers = {"Content-Length": str(len(data)), "Connection": "close", **self.headers(own)}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + data

    def message(self) -> bytes:
        """A frame of a WebSocket, mostly text that could be a page's word."""
        words: list[Any] = [{"watch": ["top"]}, {"watch": ["nobody"] * 50}, {"drawn": "top"}, {"drawn": "nobody"}]
        code = self._random.choice((1, 1, 1, 1, 1, 2, 9, 10, 8, 3, 15))
        data = self.body(self._random.choice(words))[: 125 if code > 7 else None]
        length = len(data)
        head = struct.pack("!BB", 0x80 | code, 0x80 | length) if length < 126 else b""
        head = head or struct.pack(
            "!BBH" if length < 65536 else "!BBQ", 0x80 | code, 0x80 | (126 + (length > 65535)), length
        )
        key = self._random.randbytes(4)
        return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(data))


@dataclass
class Outcome:
    """What came of it: how often each status, and what must not be."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def throw(name: str, number: int, cookie: str = "", seed: int = 1, looks: bool = False) -> Outcome:
    """Throws so many requests, and as many messages, at the page at HOST:PORT.

    Args:
        looks: the cookie is one for looking only, so that whatever acts must be refused.
    """
    nonsense, outcome, room = Nonsense(seed), Outcome(), asyncio.Semaphore(_AT_ONCE)
    own = {"Host": name, "Origin": f"http://{name}", "Content-Type": "application/json"}
    own |= {"Cookie": cookie} if cookie else {}

    async def ask(data: bytes) -> None:
        async with room:
            status = await _status(name, data)
        outcome.statuses[str(status)] += 1
        acts = data.startswith(b"POST /api/") and not data.startswith(b"POST /api/sign-in")
        if (status >= 500 and status != 501) or (looks and acts and status < 300):
            outcome.wrong.append(f"{status}: {data[:600]!r}")

    async def talk(messages: list[bytes]) -> None:
        async with room:
            said = await _talk(name, own, messages)
        outcome.statuses[f"messages {said}"] += len(messages)

    await asyncio.gather(*(ask(nonsense.request(own)) for _ in range(number)))
    await asyncio.gather(*(talk([nonsense.message() for _ in range(5)]) for _ in range(number // 5)))
    return outcome


async def _status(name: str, data: bytes) -> int:
    """The status of the answer; 0: the connection was closed without one."""
    reader, writer = await asyncio.open_connection(*name.split(":"))
    try:
        writer.write(data)
        try:
            answer = await asyncio.wait_for(reader.read(4096), _MORE_TO_COME)
        except asyncio.TimeoutError:  # it waits for the rest of a request that has said that there is more
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(4096), _PATIENCE)
        return status_of(answer) if answer else 0
    except ConnectionError:
        return 0
    finally:
        writer.close()


async def _talk(name: str, own: Mapping[str, str], messages: list[bytes]) -> str:
    """Says all this on one WebSocket: "open" where it stays, "closed" where the page closes it."""
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    reader, writer = await asyncio.open_connection(*name.split(":"))
    try:
        writer.write(request_of("GET", "/api/live", {**own, **upgrade}))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        if status_of(answer) != 101:
            return f"refused {status_of(answer)}"
        for message in messages:
            writer.write(message)
        writer.write(b"\x81\x80\0\0\0\0")  # an empty text, which is no word of a page: it ends the talk
        await writer.drain()
        while await asyncio.wait_for(reader.read(65536), _PATIENCE):
            pass
        return "closed"
    except (ConnectionError, asyncio.IncompleteReadError):
        return "closed"
    finally:
        writer.close()


def main() -> int:
    """Throws at the page of the command line; says what came of it."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("address", help="such as http://127.0.0.1:8642")
    words.add_argument("--number", type=int, default=10_000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--cookie", default="", help="NAME=VALUE of a browser that has signed in")
    words.add_argument("--looks", action="store_true", help="the cookie is for looking only")
    given = words.parse_args()
    name = given.address.removeprefix("http://").strip("/")
    outcome = asyncio.run(throw(name, given.number, given.cookie, given.seed, given.looks))
    print(dict(sorted(outcome.statuses.items())))
    print("\n".join(outcome.wrong[:50]) or "nothing wrong")
    return bool(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
