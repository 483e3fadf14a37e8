"""The outputs without their node: what the screen holds after each command, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from dlstream_common import now
from dlstream_common.plugins import PartError
from dlstream_outputs import OUTPUTS, Output, OutputError, OutputSettings, Show, output_settings

IMAGES = Path(__file__).parents[2] / "config" / "images"
STRIPES, CHECKERS = IMAGES / "stripes.png", IMAGES / "checkers.png"


def settings(**values: Any) -> OutputSettings:
    values = {"images": {"left": str(STRIPES), "right": str(CHECKERS)}, **values}
    return output_settings("screen").model_validate(values)


@pytest.fixture
def screen(request):
    """A screen that is open, in memory; parametrised by its settings."""
    opened = OUTPUTS["screen"](settings(offscreen=True, **getattr(request, "param", {})), lambda line: None)
    opened.open()
    yield opened
    opened.close()


def rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_shows_what_it_is_told_and_nothing_but_the_background_when_off(screen):
    grey = np.full((480, 640, 3), 0x80, np.uint8)
    assert np.array_equal(screen.picture(), grey)
    for name, path in (("left", STRIPES), ("right", CHECKERS)):
        before = now()
        applied = screen.apply(Show(image=name))
        assert before <= applied <= now()
        expected = cv2.resize(rgb(path), (640, 480), interpolation=cv2.INTER_AREA)
        assert np.array_equal(screen.picture(), expected)
    screen.off()
    assert np.array_equal(screen.picture(), grey)


@pytest.mark.parametrize(
    "screen", [{"width": 900, "height": 600, "background": "#102030"}], indirect=True, ids=["900x600"]
)
def test_contain_keeps_the_proportions(screen):
    screen.apply(Show(image="left"))
    picture = screen.picture()
    assert np.array_equal(picture[:, 50:850], rgb(STRIPES))
    assert np.all(picture[:, :50] == (0x10, 0x20, 0x30))
    assert np.all(picture[:, 850:] == (0x10, 0x20, 0x30))


@pytest.mark.parametrize("screen", [{"width": 400, "height": 600, "fit": "stretch"}], indirect=True, ids=["400x600"])
def test_stretch_fills_the_screen(screen):
    screen.apply(Show(image="right"))
    expected = cv2.resize(rgb(CHECKERS), (400, 600), interpolation=cv2.INTER_AREA)
    assert np.array_equal(screen.picture(), expected)


@pytest.mark.parametrize("screen", [{"width": 1000, "height": 800, "fit": "none"}], indirect=True, ids=["1000x800"])
def test_none_shows_pixel_by_pixel(screen):
    screen.apply(Show(image="right"))
    assert np.array_equal(screen.picture()[100:700, 100:900], rgb(CHECKERS))


@pytest.mark.parametrize(
    ("action", "values", "message"),
    [
        ("show", {"image": "lft"}, "Did you mean 'left'?"),
        ("show", {}, "values.image: found nothing"),
        ("show", {"image": "left", "colour": "red"}, "the unknown value 'colour'"),
        (
            "shwo",
            {"image": "left"},
            "action: found 'shwo'; expected show, play, on, pulse, train, level or off. Did you mean 'show'?",
        ),
    ],
)
def test_what_it_can_not_do_is_refused(screen, action, values, message):
    assert message in str(screen.settings.check_command(action, values))
    assert message in str(screen.settings.read(action, values))


@pytest.mark.parametrize("screen", [{"width": 300, "height": 200, "fit": "none"}], indirect=True, ids=["300x200"])
def test_what_is_larger_than_the_screen_is_cut_off_around_its_middle(screen):
    screen.apply(Show(image="right"))
    assert np.array_equal(screen.picture(), rgb(CHECKERS)[200:400, 250:550])


def test_grey_deep_and_transparent_images(tmp_path):
    grey = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    clear = np.zeros((64, 256, 4), np.uint8)
    clear[:, 128:] = (10, 20, 30, 255)
    images = {"grey": grey, "deep": grey.astype(np.uint16) * 256, "clear": clear}
    for name, image in images.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    paths = {name: str(tmp_path / f"{name}.png") for name in images}
    values = settings(images=paths, offscreen=True, width=256, height=64, background="#ff8000")
    opened = OUTPUTS["screen"](values, lambda line: None)
    opened.open()
    try:
        for name in ("grey", "deep"):
            opened.apply(Show(image=name))
            assert np.array_equal(opened.picture(), np.repeat(grey[..., np.newaxis], 3, axis=2))
        opened.apply(Show(image="clear"))
        assert np.all(opened.picture()[:, :128] == (255, 128, 0))
        assert np.all(opened.picture()[:, 128:] == (30, 20, 10))
    finally:
        opened.close()


def test_can_be_closed_at_any_time_and_opened_again(screen):
    screen.close()
    screen.close()
    with pytest.raises(OutputError, match="the screen is closed"):
        screen.off()
    screen.open()
    screen.apply(Show(image="left"))
    assert len(np.unique(screen.picture())) > 1
    never_opened: Output = OUTPUTS["screen"](settings(), lambda line: None)
    never_opened.close()


def test_images_that_are_none(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(ValidationError, match="for the image 'a' a path to an existing file, but there is no file"):
        settings(images={"a": str(tmp_path / "nothing.png")})
    with pytest.raises(ValidationError, match="one of them is 'stripes'"):
        settings(images=["stripes"])
    with pytest.raises(ValidationError, match="two images are named 'a'"):
        settings(images=[f"a={STRIPES}", f"a={CHECKERS}"])
    unreadable = settings(images={"a": str(text)}, offscreen=True)
    with pytest.raises(OutputError, match=f"image 'a': {text} can't be read as an image"):
        unreadable.check()
    opened = OUTPUTS["screen"](unreadable, lambda line: None)
    with pytest.raises(OutputError, match="can't be read as an image"):
        opened.open()
    opened.close()
    settings().check()


def test_relative_images_are_found_beside_the_file_that_names_them():
    values = {"images": {"left": "images/stripes.png"}}
    found = output_settings("screen").model_validate(values, context={"directory": IMAGES.parent})
    assert found.model_dump()["images"] == [f"left={STRIPES}"]


def test_without_a_display_it_says_so_and_draws_in_memory(monkeypatch):
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.setenv(name, "")
    lines: list[str] = []
    opened = OUTPUTS["screen"](settings(), lines.append)
    opened.open()
    try:
        opened.apply(Show(image="left"))
        assert len(np.unique(opened.picture())) > 1
    finally:
        opened.close()
    assert "no display (DISPLAY and WAYLAND_DISPLAY are not set): the screen is drawn in memory only" in lines
    assert opened.hardware_id == "dummy 640x480, 60.00 Hz, not synchronised"


def test_a_display_that_can_not_be_opened_is_an_error(monkeypatch):
    for name, value in (("SDL_VIDEODRIVER", ""), ("DISPLAY", ":4711"), ("WAYLAND_DISPLAY", "")):
        monkeypatch.setenv(name, value)
    opened = OUTPUTS["screen"](settings(), lambda line: None)
    with pytest.raises(OutputError, match="can't be opened; offscreen: true needs none"):
        opened.open()
    opened.close()


def test_the_log_writes_what_it_is_told():
    lines: list[str] = []
    log = OUTPUTS["log"](output_settings("log")(), lines.append)
    log.open()
    before = now()
    told = [("pulse", {"ms": "20"}), ("feed", {}), ("train", {"frequency": "20 Hz", "width": "5 ms"})]
    applied = [log.apply(log.settings.read(word, values)) for word, values in told]
    assert before <= applied[0] <= log.off() <= now()
    log.close()
    assert lines == ["pulse ms=20", "feed", "train frequency=20 width=5", "off"]


def test_unknown_kinds_are_refused_with_the_known_ones():
    assert {"lamp", "log", "screen"} <= set(OUTPUTS)
    with pytest.raises(PartError, match=r"found 'scren'; expected one of .*log, .*screen.*. Did you mean 'screen'\?"):
        OUTPUTS.load("scren")
