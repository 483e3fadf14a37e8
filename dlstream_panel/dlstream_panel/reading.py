"""What the pages read by GET: regions, protocol, sessions, their files, and the command that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from dlstream_common import DlstreamError
from dlstream_panel.frames import Still
from dlstream_panel.page_json import dumps
from dlstream_panel.pages import Pages
from dlstream_panel.sessions import UnknownError

Read = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LONGEST_SEARCH = 200
_TYPES = {".csv": "text/csv", ".json": "application/json", ".png": "image/png", ".yaml": "application/yaml"}


class Reading:
    """The routes; who may use them is the server's matter."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def routes(self) -> dict[str, Read]:
        """By path."""
        return {
            "/api/regions": self._regions,
            "/api/protocol": self._protocol,
            "/api/calibration": self._calibration,
            "/api/job": self._job,
            "/api/wizard": self._wizard,
            "/api/wizard/cameras": self._cameras,
            "/api/wizard/frame": self._video,
            "/api/wizard/picture": self._picture,
            "/api/sessions": self._sessions,
            "/api/sessions/{number:[0-9a-f]{20}}": self._session,
            "/api/sessions/{number:[0-9a-f]{20}}/frame": self._frame,
            "/api/sessions/{number:[0-9a-f]{20}}/{file:[^/]+}": self._file,
        }

    async def _regions(self, request: web.Request) -> web.Response:
        return await _answer(None if self._pages.regions is None else self._pages.regions.view)

    async def _protocol(self, request: web.Request) -> web.Response:
        return await _answer(self._pages.course.view)

    async def _calibration(self, request: web.Request) -> web.Response:
        return await _answer(None if self._pages.calibration is None else self._pages.calibration.view)

    async def _job(self, request: web.Request) -> web.Response:
        return web.json_response(self._pages.checks.view())

    async def _wizard(self, request: web.Request) -> web.Response:
        return await _answer(None if self._pages.wizard is None else self._pages.wizard.view)

    async def _cameras(self, request: web.Request) -> web.Response:
        return await _answer(None if self._pages.wizard is None else self._pages.wizard.cameras)

    async def _video(self, request: web.Request) -> web.Response:
        name, at, wizard = request.query.get("video", ""), moment(request), self._pages.wizard
        return await picture(None if wizard is None else lambda: wizard.frame(name, at))

    async def _picture(self, request: web.Request) -> web.Response:
        wizard, (source, serial) = self._pages.wizard, (request.query.get(key, "") for key in ("source", "serial"))
        return await picture(None if wizard is None else lambda: wizard.picture(source, serial))

    async def _sessions(self, request: web.Request) -> web.Response:
        subject = request.query.get("subject", "")[:_LONGEST_SEARCH]
        sessions = self._pages.sessions
        return await _answer(None if sessions is None else lambda: sessions.listing(subject))

    async def _session(self, request: web.Request) -> web.Response:
        number, sessions = request.match_info["number"], self._pages.sessions
        return await _answer(None if sessions is None else lambda: sessions.about(number))

    async def _frame(self, request: web.Request) -> web.Response:
        number, sessions = request.match_info["number"], self._pages.sessions
        camera, at = request.query.get("camera", ""), moment(request)
        return await picture(None if sessions is None else lambda: sessions.frame(number, camera, at))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        number, name = request.match_info["number"], request.match_info["file"]
        if self._pages.sessions is None:
            return refused(404, "this rig records no sessions")
        try:
            path = await asyncio.to_thread(self._pages.sessions.file, number, name)
        except DlstreamError as error:
            return refused(404, str(error))
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        shown = "inline" if path.suffix == ".png" else "attachment"
        name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
        headers = {"Content-Disposition": f'{shown}; filename="{name}"', "Content-Type": kind}
        return web.FileResponse(path, headers=headers)


def moment(request: web.Request) -> float:
    """Where in a recording a page wants to look: from 0 to 1, 0 where it says something else."""
    try:
        at = float(request.query.get("at", "0"))
    except ValueError:
        return 0.0
    return at if 0 <= at <= 1 else 0.0


async def picture(read: Callable[[], Still] | None) -> web.Response:
    """The answer that is a picture."""
    if read is None:
        return refused(404, "this rig has nothing of it")
    try:
        still = await asyncio.to_thread(read)
    except UnknownError as error:
        return refused(404, str(error))
    except DlstreamError as error:
        return refused(409, str(error))
    return web.Response(body=still.jpeg, content_type="image/jpeg", headers={"X-Frame": still.words})


async def _answer(read: Callable[[], Any] | None) -> web.Response:
    if read is None:
        return refused(404, "this rig has nothing of it")
    try:
        return web.json_response(await asyncio.to_thread(read), dumps=dumps)
    except UnknownError as error:
        return refused(404, str(error))
    except DlstreamError as error:
        return refused(409, str(error))


def refused(status: int, reason: str) -> web.Response:
    """An answer that says why not."""
    return web.json_response({"error": reason}, status=status)
