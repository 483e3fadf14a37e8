"""What DeepLabCut 3 does to a frame before its network sees it, and which of that a converted network does, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlstream_common import NetworkError

_DONE = {"normalize_images", "scale_to_unit_range", "auto_padding", "top_down_crop"}
"""Looked at where the graph is made, or below."""
_OF_TRAINING = {"collate"}
"""DeepLabCut reads it from data.train alone."""
_SIZES = {"resize", "longest_max_size"}
_DIVISORS = {"pad_height_divisor", "pad_width_divisor"}
_PADDING: dict[str, tuple[Any, ...]] = {
    # DeepLabCut's default pads a side drawn by chance; of the others only top_left pads where a converted network does.
    "position": (None, "random", "top_left"),
    "border_mode": (None, "reflect_101"),
}
_OF_CONSTANT_BORDERS = {"border_value", "border_mask_value"}
_CROP: dict[str, tuple[Any, ...]] = {"margin": (None, 0), "crop_with_context": (None, True)}


def check_transforms(inference: Mapping[str, Any], where: str, pads: bool = True, crops: bool = False) -> None:
    """Refuses what DeepLabCut's analysis does to a frame and a converted network would not.

    Args:
        inference: the transformations, by name.
        where: their key in the configuration, such as data.inference.
        pads: whether the network is converted with its padding.
        crops: whether it sees one animal at a time.

    Raises:
        NetworkError: there is one; names its key.
    """
    for name, value in inference.items():
        if value and name not in _DONE | _OF_TRAINING:
            raise _refusal(f"{where}.{name}", value, "none", name in _SIZES)
    if inference.get("normalize_images") and inference.get("scale_to_unit_range"):
        raise _refusal(f"{where}.scale_to_unit_range", inference["scale_to_unit_range"], "none beside normalize_images")
    for name, value in (inference.get("auto_padding") or {}).items():
        if name in _DIVISORS:
            allowed = (value,) if pads else (None, 1)
        elif name in _OF_CONSTANT_BORDERS:  # of no account, as border_mode is another
            continue
        else:
            allowed = _PADDING.get(name, (None,))
        _check(f"{where}.auto_padding.{name}", value, allowed)
    for name, allowed in _CROP.items() if crops else ():
        _check(f"{where}.top_down_crop.{name}", (inference.get("top_down_crop") or {}).get(name), allowed)


def _check(key: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        raise _refusal(key, value, " or ".join(str(one) for one in allowed if one is not None) or "none")


def _refusal(key: str, value: Any, expected: str, size: bool = False) -> NetworkError:
    remedy = (
        "If it only makes frames smaller, take it out of pytorch_config.yaml, export again, and convert with the same "
        "factor as --scale; else train without it"
        if size
        else "Train without it, and export again"
    )
    return NetworkError(
        f"found {key} {value}; expected {expected}: DeepLabCut's analysis changes each frame so before the network "
        f"sees it, and a converted network does not. {remedy}"
    )
