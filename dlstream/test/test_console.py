"""What is printed: no control character of somebody else's text reaches the terminal."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dlstream.console import DiscreetConsole, make_console, show_line

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"


def printed(*items: object) -> str:
    output = io.StringIO()
    DiscreetConsole(file=output, width=200).print(*items)
    return output.getvalue()


@pytest.mark.parametrize("make", [str, Text, lambda text: f"[bold]{text}[/]"])
def test_an_escape_sequence_in_a_text_is_shown_and_not_sent(make):
    shown = printed(make(f"found\t{CLIPBOARD}\u009b31m\nnext"))
    assert not {char for char in shown if unicodedata.category(char) == "Cc"} - set("\n\t")
    assert "\ufffd]52;c;ZXZpbA==" in shown
    assert shown.endswith("\nnext\n")


def test_nor_one_in_a_table():
    table = Table("name")
    table.add_row(CLIPBOARD)
    assert "\x1b" not in printed(table)


def test_ends_of_lines_of_windows_stay_ends_of_lines():
    assert printed("one\r\ntwo") == "one\ntwo\n"


@given(st.text(max_size=40))
def test_a_line_of_a_node_stays_one_line(text):
    console = make_console()
    console.file = io.StringIO()
    show_line(console, "/recorder", f"[INFO] {text}")
    line = console.file.getvalue()
    assert line.startswith("recorder           ")
    assert not {char for char in line[:-1] if unicodedata.category(char) == "Cc"}


def test_colours_of_our_own_stay():
    output = io.StringIO()
    console = DiscreetConsole(file=output, force_terminal=True, color_system="standard")
    show_line(console, "/pose", f"[WARN] {escape('[late]')} {CLIPBOARD}")
    assert output.getvalue().count("\x1b[") >= 2
    assert "\x1b]" not in output.getvalue()


def test_colours_of_a_node_are_left_out():
    console = make_console()
    console.file = io.StringIO()
    show_line(console, "/pose", "\x1b[33m[WARN] late\x1b[0m")
    assert console.file.getvalue().split() == ["pose", "WARN", "late"]
