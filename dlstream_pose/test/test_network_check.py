"""A look at a network on images of odd shapes: a picture of sensible size, or an error that says what is too small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dlstream_camera.arena import Arena
from dlstream_common import NetworkError
from dlstream_pose import Estimator
from dlstream_pose.convert.check import check_network


@pytest.mark.parametrize(("width", "height"), [(320, 240), (33, 35), (1201, 40), (40, 1201), (317, 203)])
@pytest.mark.parametrize("grey", [False, True])
def test_images_of_any_shape_are_drawn(tmp_path, demo_network, width, height, grey):
    image = cv2.resize(Arena(320, 240, seed=5).render(3)[0], (width, height))
    cv2.imwrite(str(tmp_path / "image.png"), image[..., 1] if grey else image)
    found = check_network(Estimator(demo_network, scale=1), tmp_path / "image.png")
    assert found.size == (width, height)
    assert found.frames == 1
    rows, columns, _ = found.picture.shape
    assert min(rows, columns) > 0
    assert rows <= 960
    assert columns <= 480


@pytest.mark.parametrize(("width", "height"), [(17, 23), (31, 480), (1, 1)])
def test_an_image_that_is_too_small_is_refused(tmp_path, demo_network, width, height):
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((height, width, 3), np.uint8))
    with pytest.raises(NetworkError, match=rf"image of {width}x{height} .* expected at least 32x32"):
        check_network(Estimator(demo_network, scale=1), tmp_path / "image.png")
