"""The kinds of events stand in one module; code, message and documentation agree with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dlstream_common import event_kinds
from dlstream_common.event_kinds import MEANINGS

ROOT = Path(__file__).resolve().parents[2]
MAKERS = {"Event", "Note", "EventRow", "notice"}


def test_each_constant_has_a_meaning():
    constants = {name: value for name, value in vars(event_kinds).items() if name.isupper() and name != "MEANINGS"}
    assert {name.lower() for name in constants} == set(constants.values()) == set(MEANINGS)


def test_the_page_of_sessions_has_every_kind_with_its_meaning():
    text = (ROOT / "docs" / "reference" / "session.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \| [^|]* \|$", text, re.MULTILINE))
    assert {kind: rows.get(kind) for kind in MEANINGS} == dict(MEANINGS)


def test_the_messages_constants_are_kinds():
    text = (ROOT / "dlstream_msgs" / "msg" / "Event.msg").read_text()
    found = re.findall(r"^string (\w+)=(\w+) +# (.*)$", text, re.MULTILINE)
    assert len(found) == 8
    for name, kind, meaning in found:
        assert (getattr(event_kinds, name), MEANINGS[kind]) == (kind, meaning)


def bare_kinds(tree: ast.AST) -> Iterator[ast.Constant]:
    """Kinds as plain texts: given to what makes an event, or compared with one's kind."""
    for node in ast.walk(tree):
        places: list[ast.expr] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in MAKERS:
            places = [*node.args[:2], *(item.value for item in node.keywords if item.arg == "kind")]
        elif isinstance(node, ast.Compare) and "kind" in ast.unparse(node.left):
            places = list(node.comparators)
        for place in places:
            yield from (item for item in ast.walk(place) if isinstance(item, ast.Constant) and item.value in MEANINGS)


def test_no_code_spells_a_kind_itself():
    files = [path for path in ROOT.glob("dlstream*/dlstream*/**/*.py") if path.name != "event_kinds.py"]
    assert len(files) > 200
    found = [f"{path}:{item.lineno}" for path in files for item in bare_kinds(ast.parse(path.read_text()))]
    assert found == []


def test_what_would_be_found():
    code = 'Event(stamp, "fault", "x")\nNote("note", "x")\nEvent(kind="recovered")\nrow["kind"] == "command"\n'
    assert [item.value for item in bare_kinds(ast.parse(code))] == ["fault", "note", "recovered", "command"]
