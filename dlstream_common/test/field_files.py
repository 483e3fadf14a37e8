"""H.264 with a picture for each field (PAFF), as camcorders write it and x264 does not: frame N is grey 16 + 4 N.

Every macroblock has its plain pixels (I_PCM), so that no encoder is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from pathlib import Path

import av

WIDTH, HEIGHT = 96, 64
_TICKS = 90_000
_FIELD = 1800
"""Ticks from field to field: 25 frames a second."""
_BLOCK = 16
_PCM = 25
"""The type of a macroblock with plain pixels."""
_DELIMITER = b"\0\0\0\1\x09\x10"


class _Bits:
    def __init__(self) -> None:
        self._text = ""

    def fixed(self, *values: tuple[int, int]) -> _Bits:
        """Numbers of so many bits each."""
        self._text += "".join(f"{value:0{count}b}" for count, value in values)
        return self

    def golomb(self, *values: int) -> _Bits:
        """Numbers in the code of Exp-Golomb."""
        codes = (f"{value + 1:b}" for value in values)
        self._text += "".join("0" * (len(code) - 1) + code for code in codes)
        return self

    def padded(self) -> bytes:
        text = self._text + "0" * (-len(self._text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")

    def ended(self) -> bytes:
        return self.fixed((1, 1)).padded()


def _unit(head: int, content: bytes) -> bytes:
    out, zeros = bytearray(), 0
    for byte in content:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return b"\0\0\0\1" + bytes([head]) + bytes(out)


def _parameters() -> bytes:
    sequence = _Bits().fixed((8, 77), (8, 0), (8, 30)).golomb(0, 0, 0, 4, 1).fixed((1, 0))
    sequence.golomb(WIDTH // _BLOCK - 1, HEIGHT // (2 * _BLOCK) - 1)
    sequence.fixed((1, 0), (1, 0), (1, 1), (1, 0))  # fields; none of them chosen by macroblock; no crop
    sequence.fixed((1, 1), (4, 0), (1, 1), (32, 1), (32, 50), (1, 1), (4, 0))  # 50 fields a second
    picture = _Bits().golomb(0, 0).fixed((2, 0)).golomb(0, 0, 0).fixed((3, 0)).golomb(0, 0, 0).fixed((3, 4))
    return _unit(0x67, sequence.ended()) + _unit(0x68, picture.ended())


def _field(number: int, bottom: int, grey: int) -> bytes:
    first = number == bottom == 0
    head = _Bits().golomb(0, 7, 0).fixed((4, number % 16), (1, 1), (1, bottom))
    if first:
        head.golomb(0)
    head.fixed((8, (2 * number + bottom) % 256), (2 if first else 1, 0)).golomb(0, 1, _PCM)
    pixels = bytes([grey]) * _BLOCK**2 + bytes([128]) * (_BLOCK**2 // 2)
    others = WIDTH * HEIGHT // (2 * _BLOCK**2) - 1
    content = head.padded() + pixels + (_Bits().golomb(_PCM).padded() + pixels) * others
    return _unit(0x65 if first else 0x61, content + b"\x80")


def _fields(count: int) -> Iterator[bytes]:
    for number in range(count):
        for bottom in (0, 1):
            head = _parameters() if number % 8 == bottom == 0 else b""
            yield _DELIMITER + head + _field(number, bottom, 16 + 4 * number)


def write_fields(
    path: Path, count: int = 50, each: bool = True, stamped: bool = True, damaged: Collection[int] = ()
) -> Path:
    """A video of so many frames.

    Args:
        each: each field is a packet, as in MPEG-TS; else both of a frame are one, as in MP4.
        stamped: the second fields have stamps, too.
        damaged: numbers of packets whose data is overwritten.
    """
    raw = path.with_suffix(".raw")
    raw.write_bytes(b"".join(_fields(count)))
    packets = list(_fields(count))
    if not each:
        packets = [first + second for first, second in zip(packets[::2], packets[1::2], strict=True)]
    with av.open(str(raw), format="h264") as like, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(like.streams.video[0])
        for number, data in enumerate(packets):
            if number in damaged:
                middle = len(data) // 2
                data = data[:middle] + b"\xff" * 400 + data[middle + 400 :]
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, _TICKS)
            if stamped or number % 2 == 0 or not each:
                packet.pts = packet.dts = number * (_FIELD if each else 2 * _FIELD)
            packet.is_keyframe = number == 0
            container.mux(packet)
    raw.unlink()
    return path
