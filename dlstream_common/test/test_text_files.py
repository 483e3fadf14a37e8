"""Texts as people's programs write them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from dlstream_common import InputError, Settings, load_settings, read_yaml
from dlstream_common.text_files import decoded_text

TEXT = "[Streaming]\nCAMERA = Käfig\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "latin-1"),
    ],
)
def test_a_text_is_read_in_any_encoding_and_with_any_line_end(mark: bytes, encoding: str, end: str):
    assert decoded_text(mark + TEXT.replace("\n", end).encode(encoding)) == TEXT


def test_a_damaged_utf_16_text_is_an_error():
    with pytest.raises(UnicodeDecodeError):
        decoded_text(codecs.BOM_UTF16_LE + b"a")


class Weighed(Settings):
    camera: str = ""
    lockout: float = 0.0
    metadata: dict[str, str | int | float | bool] = {}


def told(folder: Path, text: str, encoding: str = "utf-8") -> list[str]:
    file = folder / "exp.yaml"
    file.write_bytes(text.encode(encoding))
    with pytest.raises(InputError) as caught:
        load_settings(file, Weighed)
    return [line.removeprefix(str(file)) for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("lockout: 1\ncamera:\u00a0 top\nmetadata:\n  a: 1\n", 2, "U+00A0 (non-breaking space) after 'camera:'"),
        ("camera: top\nmetadata:\n\u00a0 a: 1\n", 3, "U+00A0 (non-breaking space) at the beginning of the line"),
        ("camera: top\nlockout: \u00a01\n", 2, "U+00A0 (non-breaking space) after 'lockout:'"),
        ("camera: top\nlockout:\u20091\n", 2, "U+2009 (thin space) after 'lockout:'"),
        ("camera: top\nlockout\u3000: 1\n", 2, "U+3000 (ideographic space) after 'lockout'"),
    ],
)
def test_a_blank_that_is_no_space_is_named_with_its_line(tmp_path: Path, text: str, line: int, found: str):
    wanted = f":{line}: found the character {found}; expected a plain space. Delete it and type a space."
    assert wanted in told(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "line", "found", "expected"),
    [
        ("camera\uff1a top\nlockout: 1\n", 1, "U+FF1A (full-width colon) after 'camera'", "a colon and a space"),
        ("camera: top\nmetadata:\n  a\uff1a1\n", 3, "U+FF1A (full-width colon) after 'a'", "a colon and a space"),
        ("metadata: {a\uff1a 1, b: 2}\n", 1, "U+FF1A (full-width colon) after 'metadata: {a'", "a colon and a space"),
        ("camera: top\nlockout: \u201c1\u201d\n", 2, "U+201C (left double quotation mark) after 'lockout:'", '"'),
        (
            "camera: top\nmetadata: \uff5ba: 1\uff5d\n",
            2,
            "U+FF5B (full-width left curly bracket) after 'metadata:'",
            "{",
        ),
    ],
)
def test_a_sign_of_a_foreign_keyboard_is_named(tmp_path: Path, text: str, line: int, found: str, expected: str):
    wanted = f":{line}: found the character {found}; expected {expected}. Delete it and type it in plain letters."
    assert wanted in told(tmp_path, text)


def test_such_a_blank_in_a_text_is_none_of_our_business(tmp_path: Path):
    file = tmp_path / "exp.yaml"
    file.write_text("camera: 'Essai\u00a0: un'  # note\u00a0: rien\nnote: a\uff1ab, \u201cc\u201d\n", encoding="utf-8")
    assert read_yaml(file) == {"camera": "Essai\u00a0: un", "note": "a\uff1ab, \u201cc\u201d"}


def test_a_decimal_comma_is_told_once(tmp_path: Path):
    assert told(tmp_path, "camera: top\nmetadata: {subject: m12, weight: 23,4}\n") == [
        ":2: metadata.4: found an entry without a value; expected a value. "
        "Write the decimal number with a point: weight: 23.4."
    ]


def test_yaml_in_utf_16_is_told_as_such(tmp_path: Path):
    wanted = [":1: found text in UTF-16; expected UTF-8. In Notepad: Save as, encoding UTF-8."]
    assert told(tmp_path, "\ufeffcamera: top\n", "utf-16-le") == wanted
