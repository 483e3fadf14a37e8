"""Reads text files as other programs write them: in UTF-8, UTF-16 or an old code page, with any line ends."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of_text(data: bytes) -> str:
    """Python's name of a text's encoding, from its byte order mark or, for UTF-16, from the zeros in it."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    start = data[:1000]
    if len(start) > 3 and len(data) % 2 == 0:
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            zeros, others = start[first::2].count(0), start[1 - first :: 2].count(0)
            if zeros > 0.4 * len(start) / 2 and not others:
                return encoding
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def decoded_text(data: bytes) -> str:
    """The decoded text, with every line end replaced by a line feed.

    Raises:
        UnicodeDecodeError: a UTF-16 or UTF-32 text that is damaged.
    """
    return data.decode(encoding_of_text(data)).replace("\r\n", "\n").replace("\r", "\n")
