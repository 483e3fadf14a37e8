"""The raw mosaic of a colour sensor, and what is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dlstream_common.video import PictureCheck
from dlstream_common.video._mosaic import is_mosaic

PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")


def mosaic_of(colour: np.ndarray, pattern: str = "RGGB") -> np.ndarray:
    """What a sensor with such a filter gives of a BGR image."""
    mosaic = np.empty(colour.shape[:2], colour.dtype)
    for place, letter in enumerate(pattern):
        y, x = divmod(place, 2)
        mosaic[y::2, x::2] = colour[y::2, x::2, "BGR".index(letter)]
    return mosaic


def scene(chance: np.random.Generator, noise: float = 3.0) -> np.ndarray:
    """Coloured things on a floor, BGR."""
    height, width = (int(side) for side in chance.integers(120, 500, 2))
    image = np.full((height, width, 3), chance.integers(60, 120, 3), np.uint8)
    for _ in range(12):
        centre = tuple(int(chance.integers(0, side)) for side in (width, height))
        cv2.circle(image, centre, int(chance.integers(10, 80)), tuple(int(v) for v in chance.integers(0, 255, 3)), -1)
    return np.clip(image + chance.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


def grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize("seed", range(12))
def test_a_mosaic_is_told_from_the_same_scene_in_grey(seed):
    chance = np.random.default_rng(seed)
    colour = scene(chance)
    mosaic = mosaic_of(colour, PATTERNS[seed % 4])
    jpeg = cv2.imdecode(cv2.imencode(".jpg", mosaic, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)
    for raw in (mosaic, mosaic.astype(np.uint16) * 257, mosaic.astype(np.uint16) * 16, mosaic[..., None], jpeg):
        assert is_mosaic(raw)
    assert is_mosaic(mosaic[1:, 1:]), "cropped into another pattern"
    assert not is_mosaic(grey(colour))
    assert not is_mosaic(colour)
    assert not is_mosaic(colour[:, :, 1])
    assert not is_mosaic(cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2BGR)), "it is converted"


@pytest.mark.parametrize("seed", range(12))
def test_noise_patterns_and_slopes_are_no_mosaic(seed):
    chance = np.random.default_rng(100 + seed)
    y, x = np.indices([int(side) for side in chance.integers(64, 500, 2)])
    square = seed + 1
    checks = ((x + seed % 2) // square + y // square) % 2 * 200 + 20
    turned = cv2.warpAffine(checks.astype(np.uint8), cv2.getRotationMatrix2D((90, 90), 7 * seed, 1), (320, 240))
    blurred = cv2.GaussianBlur(chance.normal(0, 1, x.shape), (0, 0), 1 + seed)
    images = {
        "checkerboard": checks,
        "noisy checkerboard": checks + chance.normal(0, 5, x.shape),
        "turned checkerboard": turned,
        "stripes": x // square % 2 * 200 + 20,
        "lines of an interlaced picture": y // square % 2 * 30 + x % 256,
        "noise": chance.normal(128, 3 * square, x.shape),
        "salt and pepper": (chance.random(x.shape) < 0.05 * square) * 255,
        "slope": (x + y) * square % 256,
        "blurred": (blurred - blurred.min()) / np.ptp(blurred) * 255,
    }
    for name, image in images.items():
        assert not is_mosaic(np.clip(image, 0, 255).astype(np.uint8)), name
    assert not is_mosaic(np.zeros((8, 8), np.uint8)), "too small to be looked at"


def test_a_mosaic_is_told_once():
    chance = np.random.default_rng(1)
    images = [mosaic_of(scene(chance)) for _ in range(20)]
    for count in (1, 3, 20):
        check, found = PictureCheck(), []
        for number, image in enumerate(images[:count]):
            found += check.add(image, number, number)
        [remark] = found + check.finish()
        assert remark.kind == "doubt"
        assert remark.text.startswith("probably the raw mosaic of a colour sensor (Bayer), taken for grey")
