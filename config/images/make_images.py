"""Draws the two pictures of the example experiment: `python make_images.py`, in this folder."""

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, FINE = 800, 600, 4  # drawn FINE times as large, so that slanted edges come out smooth
PAPER, GREEN, BLUE = (245, 245, 245), (96, 140, 20), (168, 84, 24)  # blue, green, red


def main() -> None:
    """Writes stripes.png and checkers.png beside this file."""
    y, x = np.mgrid[0 : HEIGHT * FINE, 0 : WIDTH * FINE] / FINE
    stripes = ((x + y) // 70) % 2 == 0
    checkers = (x // 100 + y // 100) % 2 == 0
    for name, pattern, colour in (("stripes", stripes, GREEN), ("checkers", checkers, BLUE)):
        picture = np.where(pattern[..., np.newaxis], np.uint8(colour), np.uint8(PAPER))
        small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(Path(__file__).with_name(f"{name}.png")), small, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
