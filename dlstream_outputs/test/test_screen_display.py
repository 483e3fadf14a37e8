"""A screen on a display without hardware: what is really seen there, and what it reports of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from virtual_display import HAS_XVFB, virtual_display

from dlstream_outputs import OUTPUTS, OutputError, output_settings

pytestmark = pytest.mark.skipif(not HAS_XVFB, reason="Xvfb is not installed (make simulators)")

STRIPES = Path(__file__).parents[2] / "config" / "images" / "stripes.png"
GREY, WHITE, BLACK = (128, 128, 128), (255, 255, 255), (0, 0, 0)
SLOW = 10.0
"""Refreshes a second, so few that a busy machine drops none."""


@pytest.fixture
def display(tmp_path, monkeypatch):
    """A virtual display of 800x600."""
    for name in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with virtual_display(tmp_path) as found:
        monkeypatch.setenv("DISPLAY", found.name)
        yield found


@pytest.fixture
def opened(display):
    """Opens screens with some settings; closes them at the end."""
    screens = []

    def make(**values: Any):
        settings = output_settings("screen").model_validate({"width": 800, "height": 600, **values})
        screens.append(OUTPUTS["screen"](settings, lambda line: None))
        screens[-1].open()
        return screens[-1]

    yield make
    for screen in screens:
        screen.close()


def tell(screen, action, **values):
    return screen.apply(screen.settings.read(action, values))


@pytest.fixture
def report(wait_for):
    """Waits for the next report of a screen."""

    def next_report(screen):
        found = []
        wait_for(lambda: found.append(screen.report()) or found[-1] is not None, "a report")
        return found[-1]

    return next_report


def film(path: Path, frames: int = 20) -> Path:
    """A video at 10 fps; each frame is brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for number in range(frames):
        writer.write(np.full((120, 160, 3), 4 * number, np.uint8))
    writer.release()
    return path


def test_flashes_are_seen_as_often_as_they_are_asked_for(display, opened, report, wait_for):
    screen = opened(refresh_rate=SLOW, patch="bottom_right")

    def seen_whole() -> bool:
        """Plays the train; whether no refresh was dropped, as a busy machine may, and which is told."""
        with display.watching(400, 300) as middle, display.watching(790, 590) as patch:
            begin = tell(screen, "train", frequency="2.5 Hz", width="200 ms", count="4")
            found = report(screen)
            wait_for(lambda: (middle[-1][1], patch[-1][1]) == (GREY, BLACK), "the background")
        assert found.values["action"] == "train frequency=2.5 width=200 count=4"
        assert found.values["begin"] == str(begin)
        assert found.stamp > begin
        refreshes, dropped = int(found.values["refreshes"]), int(found.values["dropped"])
        assert 14 <= refreshes <= 14 + dropped
        assert bool(found.remark) == bool(dropped)
        if not dropped:
            assert [colour for _, colour in middle] == [GREY, *[WHITE, GREY] * 4]
            assert [colour for _, colour in patch] == [BLACK, *[WHITE, BLACK] * 4]
        return not dropped

    wait_for(seen_whole, "a train without a dropped refresh")


@pytest.mark.parametrize("fullscreen", [False, True])
def test_what_the_screen_holds_is_what_is_seen(display, opened, fullscreen, wait_for):
    screen = opened(images={"left": str(STRIPES)}, fullscreen=fullscreen, refresh_rate=30)
    for action, values in (
        ("show", {"image": "left"}),
        ("show", {"grating": "sine", "cycle": "100", "direction": "45 deg"}),
        ("level", {"level": "0.5"}),
    ):
        tell(screen, action, **values)
        wait_for(lambda: np.array_equal(display.picture(), screen.picture()), "the picture on the display")
        assert len(np.unique(display.picture())) > (1 if action == "show" else 0)
    screen.off()
    wait_for(lambda: np.all(display.picture() == 128), "the background")


def test_a_picture_for_a_time_goes_by_itself(display, opened, report, wait_for):
    screen = opened(images={"left": str(STRIPES)}, refresh_rate=SLOW)
    tell(screen, "show", image="left", duration="0.5 s")
    found = report(screen)
    wait_for(lambda: np.all(display.picture() == 128), "the background")
    assert 5 <= int(found.values["refreshes"]) <= 5 + int(found.values["dropped"])


def test_a_video_runs_to_its_end(display, opened, report, tmp_path, wait_for):
    path = film(tmp_path / "film.avi")
    screen = opened(videos={"film": str(path)}, refresh_rate=SLOW, background="#000000")
    assert screen.settings.read("play", {"video": "film"}).seconds == pytest.approx(2.0)

    def seen_whole() -> bool:
        """Plays the film; whether no refresh was dropped, as a busy machine may, and which is told."""
        with display.watching(400, 300) as seen:
            tell(screen, "play", video="film")
            found = report(screen)
            wait_for(lambda: seen[-1][1] == BLACK, "the background")
        dropped = int(found.values["dropped"])
        assert 20 <= int(found.values["refreshes"]) <= 20 + dropped
        levels = [colour[0] for _, colour in seen]
        assert levels[-1] == 0
        if not dropped:
            assert levels[:-1] == sorted(levels[:-1])
            assert len(levels) - 1 == 20
        return not dropped

    wait_for(seen_whole, "a film without a dropped refresh")


def test_a_grating_drifts_on_every_refresh(display, opened, report, wait_for):
    screen = opened(refresh_rate=20)
    tell(screen, "show", grating="sine", cycle="80", temporal_frequency="1 Hz")
    pictures: list[bytes] = []
    wait_for(lambda: pictures.append(display.picture()[300].tobytes()) or len(set(pictures)) >= 10, "ten phases")
    screen.off()
    assert report(screen).values["action"] == "show grating=sine cycle=80 temporal_frequency=1"


def test_a_flash_shorter_than_a_refresh_is_refused_where_the_rate_shows(display, opened):
    screen = opened()
    with pytest.raises(OutputError, match=r"values.width: found 5 ms; expected 16.67 ms at least"):
        tell(screen, "pulse", width="5 ms")
    assert "one refresh at 60 Hz" in str(opened_settings(refresh_rate=60).check_command("pulse", {"width": "5 ms"}))


def opened_settings(**values: Any):
    return output_settings("screen").model_validate(values)


def test_a_display_with_another_rate_is_refused(display, opened, monkeypatch):
    import pygame

    monkeypatch.setattr(pygame.display, "get_current_refresh_rate", lambda: 144)
    with pytest.raises(OutputError, match=r"refresh_rate: found a display that refreshes 144.00 times a second"):
        opened(refresh_rate=60)


def test_a_video_that_can_not_be_decoded_to_its_end_is_a_fault_and_off_still_works(display, opened, wait_for, tmp_path):
    path = film(tmp_path / "film.avi", 60)
    content = bytearray(path.read_bytes())
    places = [place for place in range(len(content)) if content[place : place + 4] == b"00dc"]
    for place in places[30:31]:
        content[place + 8 : place + 200] = b"\0" * 192
    path.write_bytes(content)
    screen = opened(videos={"film": str(path)}, refresh_rate=30)
    tell(screen, "play", video="film")
    found: list[str] = []
    wait_for(lambda: found.append(screen.fault()) or found[-1], "a fault")
    assert re.search(r"video 'film': frame \d+ can't be decoded", found[-1])
    wait_for(lambda: np.all(display.picture() == 128), "the background")
    assert tell(screen, "on") > 0
    screen.off()


def test_dropped_refreshes_are_counted(display, opened, report, monkeypatch):
    screen = opened(refresh_rate=20)
    import pygame

    flip, slow = pygame.display.flip, iter([0, 0, 1])

    def stalls() -> None:
        flip()
        if next(slow, 0):  # a computer that stops for six refreshes
            subprocess.run(["sleep", "0.3"], check=True)  # os.spawn forks, which may hang beside threads

    monkeypatch.setattr(pygame.display, "flip", stalls)
    tell(screen, "train", frequency="5 Hz", width="100 ms", count="3")
    found = report(screen)
    assert int(found.values["dropped"]) >= 5
    assert "refreshes were dropped: this computer was too busy" in found.remark
