"""Whether a compressed picture is whole: OpenCV fills up what is missing of one, and does not say so."""

from __future__ import annotations

import zlib

import av

from dlstream_common.jpeg import ends_in_zeros

_JPEG, _PNG, _PNG_END = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"IEND"


def is_whole_picture(data: bytes) -> bool:
    """Whether a JPEG or a PNG is whole; of others, whether there is any data."""
    if data.startswith(_PNG):
        return _is_whole_png(data)
    if not data.startswith(_JPEG):
        return bool(data)
    if ends_in_zeros(data):
        return False
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    try:
        return bool(decoder.decode(av.Packet(data)))
    except av.error.PatchWelcomeError:  # a JPEG of a kind that FFmpeg doesn't know, and OpenCV may
        return True
    except av.FFmpegError:
        return False


def _is_whole_png(data: bytes) -> bool:
    """Whether every chunk is there, with the check sum that it names."""
    place = len(_PNG)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        chunk = data[place + 4 : place + 8 + length]
        if zlib.crc32(chunk) != int.from_bytes(data[place + 8 + length : place + 12 + length], "big"):
            return False
        if chunk.startswith(_PNG_END):
            return True
        place += 12 + length
    return False
