"""Whole rigs: written, started, ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, Page
from panel_tools import PANEL, link_of
from rig_tools import CONFIG, EXPERIMENT, RIG, RigUnderTest, command
from wizard_tools import make_folder, serve

_NODES = ["/top/camera", "/side/camera", "/experiment", "/recorder"]


@pytest.fixture
def write_rig(tmp_path: Path) -> Callable[..., Path]:
    """Writes the rig file above, with some parts replaced, and its experiment."""

    def write(*replacements: tuple[str, str]) -> Path:
        text = RIG.format(config=CONFIG, folder=tmp_path)
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new)
        (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
        path = tmp_path / "rig.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RigUnderTest]]:
    """Starts the command line: `start("run", str(rig))`."""
    rigs: list[RigUnderTest] = []

    def begin(*words: str) -> RigUnderTest:
        rigs.append(RigUnderTest(command(*words), tmp_path))
        return rigs[-1]

    yield begin
    for rig in rigs:
        if rig.process.poll() is None:
            rig.process.send_signal(signal.SIGINT)
            try:
                rig.wait(120)
            except subprocess.TimeoutExpired:
                os.killpg(rig.process.pid, signal.SIGKILL)
                rig.wait()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    chromium = Browser(tmp_path)
    yield chromium
    chromium.close()


@pytest.fixture
def open_panel(browser: Browser, write_rig: Any, start: Any) -> Callable[..., tuple[RigUnderTest, Page]]:
    """A running rig and its page, once pictures are shown; `words`: options of `dlstream run`."""

    def begin(*replacements: tuple[str, str], words: Sequence[str] = ()) -> tuple[RigUnderTest, Page]:
        rig = start("run", str(write_rig(PANEL, *replacements)), *words)
        page = browser.open(link_of(rig))
        page.until("document.body.dataset.connection === 'open'")
        page.until("document.querySelector('.camera').dataset.live === 'yes'")
        return rig, page

    return begin


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.fixture
def opened(start_node: Any, wait_for: Any, chromium: Browser, tmp_path: Path) -> Callable[..., Page]:
    """The page of a panel without any rig; `before`: a script that runs in it first."""

    def begin(before: str = "", **parameters: Any) -> Page:
        file = tmp_path / "demo.yaml"
        shutil.copy(CONFIG / "experiments" / "demo.yaml", file)
        known = {"cameras": ["top", "side"], "outputs": ["screen"], "nodes": _NODES, "experiment_file": str(file)}
        node = start_node("dlstream_panel.ros.node", **{**known, "rig": "test", "port": 0, **parameters})
        wait_for(lambda: "open http" in node.output, "the panel's link")
        found = re.search(r"open (\S+)", node.output)
        assert found is not None
        page = chromium.open("about:blank")
        if before:
            page.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        page.go(found[1])
        page.until("document.body.dataset.connection === 'open'")
        return page

    return begin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the wizard."""
    return make_folder(tmp_path_factory.mktemp("shared") / "lab")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[RigUnderTest]:
    """The server that most tests of the wizard share."""
    with serve(folder) as server:
        yield server
