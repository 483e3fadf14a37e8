"""A real browser for tests: Chromium without a window, driven by its own DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE = 300.0
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Keeps every message of the panel: a page shows it for some seconds only, and a busy machine looks later.
KEEP_TOLD = """
window.told = [];
new MutationObserver((records) => {
  for (const { addedNodes } of records)
    for (const node of addedNodes) if (node.matches?.(".message")) told.push(node.textContent);
}).observe(document, { childList: true, subtree: true });
"""
# The box of an element that has come to rest; a tab that is not seen has no animation frames.
AT_REST = """(async () => {
  const box = () => (({ x, y, width, height }) => [x, y, width, height])((%s).getBoundingClientRect());
  const next = () => new Promise((done) => { requestAnimationFrame(done); setTimeout(done, 200); });
  try {
    for (let last = null, now = box(); ; now = box()) {
      if (last?.every((value, place) => value === now[place])) return now;
      last = now;
      await next();
    }
  } catch { return null; }
})()"""


def program() -> str | None:
    """The installed browser."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def axe() -> Path | None:
    """The file of axe-core, which `make devices` installs: it looks for what keeps people out of a page."""
    found = importlib.util.find_spec("axe_playwright_python")
    return Path(found.origin).with_name("axe.min.js") if found is not None and found.origin else None


class Browser:
    """One Chromium with a profile of its own in `folder`."""

    def __init__(self, folder: Path, *extra: str) -> None:
        found = program()
        assert found is not None
        words = [found, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        words += ["--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}", "--disable-extensions", *extra]
        self._process = subprocess.Popen([*words, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._session = self.wait(self._client())
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if address := re.search(rb"ws://[^/]+", line):
                self._http = address[0].decode().replace("ws://", "http://")
                break
        self._drain = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._drain.start()
        self.pages: list[Page] = []

    async def _client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    def wait(self, coroutine: Any) -> Any:
        """The result of a coroutine in the browser's thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def open(self, address: str, size: tuple[int, int] = (1440, 900), dark: bool = False) -> Page:
        """A new page."""

        async def new() -> tuple[dict[str, Any], Any]:
            async with self._session.put(f"{self._http}/json/new?about:blank") as response:
                about = json.loads(await response.text())
            socket = await self._session.ws_connect(about["webSocketDebuggerUrl"], max_msg_size=0)
            return about, socket

        _about, socket = self.wait(new())
        page = Page(self, socket)
        self.pages.append(page)
        page.resize(size, dark)
        page.call("Page.enable")
        page.call("Runtime.enable")
        page.call("Log.enable")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=KEEP_TOLD)
        page.go(address)
        return page

    def close(self) -> None:
        """Ends the browser."""
        for page in self.pages:
            page.close()
        self.wait(self._session.close())
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._drain.join(PATIENCE)
        if self._process.stderr:
            self._process.stderr.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class Page:
    """One page; `errors` are what its scripts and its security policy complained of, `warnings` its own."""

    def __init__(self, browser: Browser, socket: Any) -> None:
        self._browser, self._socket = browser, socket
        self._count = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self._reading = asyncio.run_coroutine_threadsafe(self._read(), browser._loop)

    async def _read(self) -> None:
        async for message in self._socket:
            about = json.loads(message.data)
            if "id" in about:
                self._answers.pop(about["id"]).set_result(about)
            elif about["method"] == "Runtime.exceptionThrown":
                details = about["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            elif about["method"] == "Runtime.consoleAPICalled" and about["params"]["type"] == "warning":
                self.warnings += [str(item.get("value")) for item in about["params"]["args"]]
            elif about["method"] == "Log.entryAdded" and about["params"]["entry"]["level"] == "error":
                self.errors.append(about["params"]["entry"]["text"])

    def call(self, method: str, **parameters: Any) -> Any:
        """Calls a method of the DevTools protocol."""

        async def send() -> Any:
            self._count += 1
            answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
            await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
            return await answer

        answer = self._browser.wait(send())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def go(self, address: str) -> None:
        """Opens an address and waits until its scripts have begun."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def reload(self) -> None:
        """Loads the page anew, and waits until the old one has gone: until then all would be asked of that."""
        self.run("window.before = true; 0")
        self.call("Page.reload")
        end = time.monotonic() + PATIENCE
        while not self._is_new():
            assert time.monotonic() < end, "the page was not loaded anew"
            time.sleep(0.05)

    def _is_new(self) -> bool:
        try:
            return bool(self.run("window.before === undefined && document.readyState === 'complete'"))
        except AssertionError:  # between the two
            return False

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, condition: str, timeout: float = PATIENCE) -> Any:
        """Waits until an expression is true; its value."""
        end = time.monotonic() + timeout
        tolerant = f"(() => {{ try {{ return {condition}; }} catch {{ return false; }} }})()"  # not there yet
        while not (value := self._value_between_pages(tolerant)):
            said = f"{self.errors}\n{self.warnings}"
            assert time.monotonic() < end, f"waited for {condition} in:\n{self.run('document.body.innerText')}\n{said}"
            time.sleep(0.05)
        return value

    def _value_between_pages(self, script: str) -> Any:
        try:
            return self.run(script)
        except AssertionError as error:
            if "navigated" in str(error):
                return None
            raise

    def was_told(self, text: str) -> None:
        """Waits until a message of the panel has contained a text, since the page was loaded."""
        self.until(f"window.told.some((message) => message.includes({json.dumps(text)}))")

    def box(self, place: str) -> list[float]:
        """Where an element, given as an expression, lies in the window once it is at rest: x, y, width, height."""
        found: list[float] = self.until(AT_REST % place)
        return found

    def barriers(self) -> list[str]:
        """What axe finds against WCAG 2.2, levels A and AA, and against good practice, each with its first place."""
        if not self.run("'axe' in window"):
            file = axe()
            assert file is not None
            self.run(f"{file.read_text(encoding='utf-8')}; 0")
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
        asked = f"axe.run(document, {{runOnly: {json.dumps(tags)}, resultTypes: ['violations']}})"
        first = "`${v.id}: ${v.help}: ${v.nodes.map(n => n.target).slice(0, 4).join(' | ')}`"
        found = self.run(f"{asked}.then(r => r.violations.map(v => {first}))")
        return [str(item) for item in found]

    def press(self, key: str, control: bool = False) -> None:
        """Presses a key, with Ctrl or without."""
        text = {"text": key} if len(key) == 1 and not control else {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Tab": 9, "Escape": 27}.get(key, ord(key.upper()[0]))
        for kind in ("keyDown", "keyUp"):
            only = text if kind == "keyDown" else {}
            more = {"modifiers": 2 if control else 0, "windowsVirtualKeyCode": code, **only}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, **more)

    def type(self, text: str) -> None:
        """Types into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Clicks in the middle of an element, as a mouse does, once it is shown, usable and below nothing."""
        place = f"document.querySelector({json.dumps(selector)})"
        self.until(f"{place}.getClientRects().length && !{place}.matches(':disabled')")  # also by its fieldset
        self.run(f"{place}.scrollIntoView({{block: 'nearest'}})")
        end = time.monotonic() + PATIENCE
        while True:
            left, top, width, height = self.box(place)
            x, y = left + width / 2, top + height / 2
            own = f"{place}.contains(hit) || hit?.closest('label')?.control === {place}"
            if self._value_between_pages(f"(hit => {own})(document.elementFromPoint({x}, {y}))"):
                break
            assert time.monotonic() < end, f"{selector} lies below another element"
            time.sleep(0.05)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def point(self, place: Sequence[float]) -> None:
        """Clicks at a place of the window."""
        self.drag(place, place)

    def drag(self, start: Sequence[float], end: Sequence[float], steps: int = 4) -> None:
        """Drags with the mouse, by way of some places between."""
        places = [[a + (b - a) * n / steps for a, b in zip(start, end, strict=True)] for n in range(steps + 1)]
        kinds = ["mousePressed", *["mouseMoved"] * steps, "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*places, places[-1]], strict=True):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def resize(self, size: tuple[int, int], dark: bool = False) -> None:
        """Another size or theme."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """Writes what it shows as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """Leaves the page."""
        self._browser.wait(self._socket.close())
        self._reading.result(PATIENCE)
