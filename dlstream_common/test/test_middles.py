"""Virtual keypoints as an experiment node tells of them, and what is no such word."""

from __future__ import annotations

import pytest

from dlstream_common.middles import middles_of_course


def test_weights_are_read():
    assert middles_of_course('{"keypoints": {"mid": {"a": 1, "b": 0.5}}}') == {"mid": {"a": 1.0, "b": 0.5}}


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{}", '{"keypoints": {"mid": {"a": 1' + "0" * 400 + "}}}", "x"])
def test_of_any_other_text_nothing_is_drawn(text: str):
    assert middles_of_course(text) == {}
