"""A seal at the end of a network file, which tells whether the file is still what was written.

A bit that flips among the weights would otherwise go unnoticed: the network would load, and find something else. The
seal is one more entry of ONNX's metadata, the SHA-256 of all bytes before it; a message of protocol buffers that is
continued by another one is a message again.
"""

from __future__ import annotations

import hashlib

SEAL_KEY = "dlstream.sha256"
_METADATA = 14 << 3 | 2  # field metadata_props of ModelProto, with a length
_KEY, _VALUE = 1 << 3 | 2, 2 << 3 | 2  # fields of its entries


def sealed(content: bytes) -> bytes:
    """An ONNX file with the seal at its end."""
    return content + _seal(content)


def is_damaged(content: bytes) -> bool:
    """Whether a file has a seal that does not fit it. Files of earlier converters have none."""
    return SEAL_KEY.encode() in content and content != sealed(content[: -len(_seal(b""))])


def _seal(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest().encode()
    entry = bytes((_KEY, len(SEAL_KEY))) + SEAL_KEY.encode() + bytes((_VALUE, len(digest))) + digest
    return bytes((_METADATA, len(entry))) + entry
