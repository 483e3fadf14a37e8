"""What DeepLabCut does to a frame before its network, and a converted network does not, is refused."""

from __future__ import annotations

import re

import pytest

from dlstream_common import NetworkError
from dlstream_pose.convert.sources._dlc_transforms import check_transforms

FILLED = dict.fromkeys(
    ("resize", "longest_max_size", "hflip", "affine", "random_bbox_transform", "crop_sampling", "covering", "collate")
) | {"hist_eq": False, "motion_blur": False, "normalize_images": True, "scale_to_unit_range": False}
"""As DeepLabCut 3.0.2 writes keys that nobody has set."""
DIVISORS = {"pad_height_divisor": 32, "pad_width_divisor": 32}
DOCUMENTED = DIVISORS | {
    "min_height": None,
    "min_width": None,
    "position": "random",
    "border_mode": "reflect_101",
    "border_value": None,
    "border_mask_value": None,
}
"""Every key of auto_padding with its default, as on DeepLabCut's page about its configuration."""


@pytest.mark.parametrize(
    "inference",
    [
        {"normalize_images": True},
        {"normalize_images": True, "auto_padding": DIVISORS},
        FILLED | {"auto_padding": None},
        FILLED | {"auto_padding": DOCUMENTED},
        FILLED | {"auto_padding": DIVISORS | {"position": "top_left"}},
        FILLED | {"collate": {"type": "ResizeFromDataSizeCollate"}},  # of a training alone
    ],
)
def test_ordinary_configurations_are_converted(inference):
    check_transforms(inference, "data.inference")
    for crop in (
        None,
        {"width": 256, "height": 256},
        {"width": 9, "height": 9, "margin": 0, "crop_with_context": True},
    ):
        check_transforms(inference | {"top_down_crop": crop}, "data.inference", crops=True)


def test_ordinary_detectors_are_converted():
    for inference in ({"normalize_images": True}, FILLED, FILLED | {"auto_padding": dict.fromkeys(DOCUMENTED)}):
        check_transforms(inference, "detector.data.inference", pads=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resize": {"height": 480, "width": 640, "keep_ratio": True}}, "data.inference.resize {'height': 480"),
        ({"longest_max_size": 512}, "data.inference.longest_max_size 512; expected none"),
        ({"hist_eq": True}, "data.inference.hist_eq True; expected none"),
        ({"something_new": {"by": 2}}, "data.inference.something_new {'by': 2}; expected none"),
        ({"scale_to_unit_range": True}, "data.inference.scale_to_unit_range True; expected none beside normalize_im"),
        ({"auto_padding": DIVISORS | {"border_mode": "constant"}}, "border_mode constant; expected reflect_101"),
        ({"auto_padding": DIVISORS | {"position": "center"}}, "position center; expected random or top_left"),
        ({"auto_padding": {"min_height": 512}}, "data.inference.auto_padding.min_height 512; expected none"),
        ({"top_down_crop": {"margin": 20}}, "data.inference.top_down_crop.margin 20; expected 0"),
        ({"top_down_crop": {"crop_with_context": False}}, "top_down_crop.crop_with_context False; expected True"),
    ],
)
def test_what_a_converted_network_does_not_do_is_named(given, said):
    with pytest.raises(NetworkError, match=f"found .*{re.escape(said)}.*rain without it") as told:
        check_transforms(FILLED | given, "data.inference", crops=True)
    assert ("--scale" in str(told.value)) == bool({"resize", "longest_max_size"} & given.keys())


def test_a_detector_is_converted_without_padding():
    with pytest.raises(NetworkError, match=r"found detector\.data\.inference\.auto_padding\.pad_height_divisor 32"):
        check_transforms({"auto_padding": DIVISORS}, "detector.data.inference", pads=False)
