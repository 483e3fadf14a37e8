"""What pages are sent is JSON as browsers take it, whatever numbers the rig says."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_panel.board import Board
from dlstream_panel.clients import Client, Hub, packed
from dlstream_panel.joining import Picture
from dlstream_panel.page_json import dumps


def parsed(text: str | bytes) -> Any:
    """As JSON.parse does it."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_numbers_that_json_has_not_are_null_to_a_page():
    board = Board(["top"], [], [])
    status = {"name": "x", "state": "s", "reason": "", "triggers": [], "counts": {}, "at": 1.0}
    board.experiment(status="running", elapsed=math.nan, **status)
    client = Client(["top"])
    Hub(board, ["top"], lambda cameras: None).join(client)
    assert client.state is not None
    assert parsed(client.state)["experiment"]["elapsed"] is None
    poses = {"sequence": 1, "latency": math.inf, "individuals": [{"id": 1, "points": [[1.0, -math.inf, 0.9], None]}]}
    data = packed("top", Picture(1, b"JPEG", poses), ())
    [length] = struct.unpack("<I", data[:4])
    head = parsed(data[4 : 4 + length])
    assert data[4 + length :] == b"JPEG"
    assert head["poses"]["latency"] is None
    assert head["poses"]["individuals"][0]["points"] == [[1.0, None, 0.9], None]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_any_value_is_json(value: Any):
    parsed(dumps(value))
