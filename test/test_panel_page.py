"""The page of a panel whose rig's nodes are this test: what it says of what it does not know. Needs Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browser import Browser, Page
from panel_tools import needs_chromium
from rig_tools import CONFIG
from sensor_msgs.msg import CompressedImage

pytestmark = needs_chromium
GREY = 90
NODES = ["/top/camera", "/side/camera", "/experiment", "/recorder"]


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
        known = {"cameras": ["top", "side"], "outputs": ["screen"], "nodes": NODES, "experiment_file": str(file)}
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


def stream(observer: Any, camera: str) -> Any:
    """A camera that publishes 10 grey pictures a second, until its timer is cancelled."""
    message = CompressedImage(format="jpeg")
    message.data = cv2.imencode(".jpg", np.full((240, 320, 3), GREY, np.uint8))[1].tobytes()
    publisher = observer.node.create_publisher(CompressedImage, f"/{camera}/image_raw/compressed", 5)

    def publish() -> None:
        message.header.stamp = observer.node.get_clock().now().to_msg()
        publisher.publish(message)

    return observer.within(lambda: observer.node.create_timer(0.1, publish))


def choose(page: Page, field: str, value: str) -> None:
    script = f"(f => {{ f.value = '{value}'; f.dispatchEvent(new Event('change')); }})"
    page.run(f"{script}(document.getElementById('{field}'))")


PIXEL = "[...document.querySelector('#stage canvas').getContext('2d').getImageData(9, 9, 1, 1).data].join()"
SHEET = "document.querySelector('.sheet').dataset.live === '{}'"
VEIL = "document.querySelector('.sheet .veil').innerText"


def test_regions_are_drawn_on_a_picture_of_their_own_camera_or_on_none(opened, observer):
    page = opened()
    timer = stream(observer, "top")
    page.click("[data-page=regions]")
    shown = f"{PIXEL} === '{GREY},{GREY},{GREY},255' && {SHEET.format('yes')}"
    page.until(shown)
    choose(page, "region-camera", "side")
    assert page.run(PIXEL) == "0,0,0,0", "not the picture of another camera"
    assert page.run(VEIL) == "no picture of side"
    choose(page, "region-camera", "top")
    page.until(shown)
    # An old picture says so; one that is held is meant to stay.
    observer.within(timer.cancel)
    page.until(f"{VEIL}.startsWith('no picture of top for ') && {SHEET.format('no')}")
    page.click("#freeze")
    page.until(SHEET.format("yes"))
    assert page.errors == []
