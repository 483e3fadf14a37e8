"""Whether a JPEG has its end: decoders fill up what is missing, and do not say so."""

from __future__ import annotations

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_ZEROS = bytes(64)
"""The end of a copy that was interrupted, of a file whose size had been set before."""


def has_end(data: bytes) -> bool:
    """Whether the end of the picture is there, and not only that of a preview within it."""
    return data.rfind(_END) > data.rfind(_SCAN)


def ends_in_zeros(data: bytes) -> bool:
    """Whether there are zeros in place of its data, which decoders take for a plain surface; none behind its end."""
    return data.endswith(_ZEROS) and not has_end(data)
