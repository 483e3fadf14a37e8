"""A seal at the end of a network file, which shows whether the file is still as it was written.

A flipped bit among the weights would otherwise go unnoticed: the network would load, and give other poses. The seal
is one more entry of ONNX's metadata, the SHA-256 of all bytes before it; appending one protocol-buffers message to
another gives a valid message.
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
