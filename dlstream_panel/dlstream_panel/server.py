"""The panel's HTTP and WebSocket server, on aiohttp."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from dlstream_common import DlstreamError
from dlstream_panel.access import Access
from dlstream_panel.clients import Client, Hub
from dlstream_panel.door import Door, Words
from dlstream_panel.links import links_of
from dlstream_panel.page_json import dumps
from dlstream_panel.pages import Pages
from dlstream_panel.reading import Read, Reading, refused
from dlstream_panel.request import Request
from dlstream_panel.requests import REQUESTS, ShowLinks, SignIn
from dlstream_panel.rig import Rig
from dlstream_panel.tokens import Role

_LARGEST_BODY = 64 * 1024
_LARGEST_MESSAGE = 16 * 1024
_HEARTBEAT = 5.0
_MOST_CLIENTS = 32
"""Pages of those who may act, and as many of those who only look: they keep nobody out who may act."""
_MOST_WORDS = 2000
"""Words of a page in a second: it says one for each picture."""
_CACHE: dict[str, str] = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """One panel's server.

    Args:
        about: what never changes: the rig's name, its cameras, outputs and their actions.
    """

    def __init__(self, access: Access, hub: Hub, rig: Rig, pages: Pages, about: Mapping[str, Any]) -> None:
        self._access, self._hub, self._rig, self._pages, self._about = access, hub, rig, pages, about
        self._door = Door()
        self._open: Counter[Role] = Counter()
        self._files = {f"/{name}": (data, kind) for name, data, kind in _web_files()}
        self._files["/"] = self._files.pop("/index.html")

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._guard], client_max_size=_LARGEST_BODY)
        app.on_response_prepare.append(self._add_headers)
        for path in self._files:
            app.router.add_get(path, self._on_file)
        app.router.add_get("/api/live", self._on_live)
        app.router.add_get("/api/hello", self._on_hello)
        for path, read in Reading(self._pages).routes.items():
            app.router.add_get(path, self._for_readers(read))
        app.router.add_post("/api/sign-in", self._on_sign_in)
        app.router.add_post("/api/links", self._on_links)
        for name in REQUESTS:
            app.router.add_post(f"/api/{name}", self._on_request)
        app["door"] = self._door
        app.on_shutdown.append(self._close_clients)
        app.cleanup_ctx.append(self._telling)
        return app

    # What holds for every request.

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._access.headers(request.headers.get("Host")))
        response.headers.pop("Server", None)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host, origin = _only(request, "Host"), _only(request, "Origin")
        if not self._access.knows_host(host):
            return refused(421, "this name is not one of the panel's: see `names` of the panel in the rig file")
        acts = request.method not in ("GET", "HEAD") or request.path == "/api/live"
        site = request.headers.get("Sec-Fetch-Site") if request.path.startswith("/api/") else None
        own = self._access.is_own_origin(origin, host) if acts else not self._access.is_of_another_page(site)
        if not own:
            return refused(403, "only the panel's own page may ask for this")
        if request.method == "POST" and request.headers.get("Content-Type", "") != "application/json":
            return refused(415, "expected application/json")
        try:
            role = self._access.role(request.cookies)
            if request.transport is not None and role is not None:
                self._door.knows(request.transport, role)
            return await handler(request)
        except web.HTTPException as error:
            return refused(error.status, error.reason)
        except ConnectionError:
            raise
        except Exception as error:  # a fault of ours, which nobody shall have to guess
            traceback.print_exc()
            reason = f"the panel failed at this ({type(error).__name__}); what the rig prints says where"
            return refused(500, reason)

    # Pages.

    async def _on_file(self, request: web.Request) -> web.Response:
        data, kind = self._files[request.path]
        return web.Response(body=data, content_type=kind, charset="utf-8")

    async def _on_hello(self, request: web.Request) -> web.Response:
        role = self._access.role(request.cookies)
        about = {"panel": self._hub.board.panel, **self._about} if role else {}
        return web.json_response({"role": role.value if role else None, **about})

    def _for_readers(self, read: Read) -> Handler:
        """A route for everybody who may look."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._access.role(request.cookies) is None:
                return refused(401, "open the link with the token first")
            return await read(request)

        return handle

    async def _on_sign_in(self, request: web.Request) -> web.Response:
        body = await _body(request, SignIn)
        found = self._access.sign_in(body.token) if isinstance(body, SignIn) else None
        if found is None:
            return refused(401, "this token is not one of the panel's")
        role, cookie = found
        response = web.json_response({"role": role.value})
        response.headers.add("Set-Cookie", cookie)
        return response

    # Actions.

    def _no_actor(self, request: web.Request) -> web.Response | None:
        """Why a browser may not act; None: it may."""
        role = self._access.role(request.cookies)
        if role is None:
            return refused(401, "open the link with the token first")
        return None if role is Role.CONTROL else refused(403, "this link is for looking only")

    async def _on_links(self, request: web.Request) -> web.Response:
        if (refusal := self._no_actor(request)) is not None:
            return refusal
        body = await _body(request, ShowLinks)
        if isinstance(body, str):
            return refused(400, body)
        return web.json_response({"links": links_of(self._access)})

    async def _on_request(self, request: web.Request) -> web.Response:
        if (refusal := self._no_actor(request)) is not None:
            return refusal
        body = await _body(request, REQUESTS[request.path.removeprefix("/api/")])
        if isinstance(body, str):
            return refused(400, body)
        try:
            # Shielded: what was begun is carried out, also where the page is closed meanwhile.
            done = await asyncio.shield(asyncio.ensure_future(self._rig.carry_out(body)))
        except DlstreamError as error:
            return refused(409, str(error))
        return web.json_response({"message": done})

    # Live.

    async def _on_live(self, request: web.Request) -> web.StreamResponse:
        role = self._access.role(request.cookies)
        if role is None:
            return refused(401, "open the link with the token first")
        if self._open[role] >= _MOST_CLIENTS:
            return refused(503, f"{_MOST_CLIENTS} pages are open already")
        self._open[role] += 1
        if request.transport is not None:
            self._door.stays(request.transport)
        try:
            return await self._live(request)
        finally:
            self._open[role] -= 1

    async def _live(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, compress=False, max_msg_size=_LARGEST_MESSAGE)
        await socket.prepare(request)
        client = Client(self._hub.cameras)
        self._hub.join(client)
        sending = asyncio.ensure_future(self._send(socket, client))
        request.app["clients"][client] = socket
        words = Words(_MOST_WORDS)
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT or not words.one_more() or not self._heard(client, message.data):
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not understood")
        finally:
            self._hub.leave(client)
            request.app["clients"].pop(client, None)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    def _heard(self, client: Client, text: str) -> bool:
        """Takes what a page says; whether it was understood."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return False
        match message:
            case {"drawn": str(camera)}:
                client.drawn(camera)
            case {"watch": list(cameras)} if all(isinstance(camera, str) for camera in cameras):
                client.watch(cameras)
                self._hub.look()
            case _:
                return False
        return True

    async def _send(self, socket: web.WebSocketResponse, client: Client) -> None:
        try:
            while True:
                await client.wake.wait()
                client.wake.clear()
                state, client.state = client.state, None
                if state is not None:
                    await socket.send_str(state)
                if lines := self._hub.board.log_after(client.log_number):
                    client.log_number = lines[-1]["n"]
                    await socket.send_str(dumps({"type": "log", "lines": lines}))
                while client.values:
                    await socket.send_str(client.values.popleft())
                while (data := client.take()) is not None:
                    await socket.send_bytes(data)
        except (ConnectionError, RuntimeError):  # the page has gone
            return

    async def _telling(self, app: web.Application) -> Any:
        app["clients"] = {}
        telling = asyncio.ensure_future(self._hub.tell())
        yield
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    async def _close_clients(self, app: web.Application) -> None:
        for socket in list(app["clients"].values()):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the panel ends")


async def _body(request: web.Request, kind: type[Request]) -> Request | str:
    """The body as a request of this kind, or what is wrong with it.

    Raises:
        ConnectionError: whoever sent it has gone before its end.
    """
    try:
        data = await request.read()
    except RuntimeError as error:  # what aiohttp calls it
        raise ConnectionError(str(error)) from error
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"


def _only(request: web.Request, name: str) -> str | None:
    """A header that is there once: of two, a proxy may have looked at the other."""
    found = request.headers.getall(name, [])
    return found[0] if len(found) == 1 else None


def _web_files() -> list[tuple[str, bytes, str]]:
    """The files of the page: name, content, type. Read once, so that no path ever comes from a browser."""
    found = []
    for item in files("dlstream_panel").joinpath("web").iterdir():
        kind = mimetypes.guess_type(item.name)[0] or "application/octet-stream"
        suffix = item.name[item.name.rfind(".") :]
        found.append((item.name, item.read_bytes(), _CACHE.get(suffix, kind)))
    return found
