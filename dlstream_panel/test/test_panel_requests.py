"""Bodies of requests: names and metadata are texts of one line, since they reach terminals and folders."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from dlstream_panel.requests import Run


@pytest.mark.parametrize("control", ["\x1b]52;c;ZXZpbA==\x07", "\n[ERROR] fake", "\x00", "\x7f", "\u009b31m"])
@pytest.mark.parametrize(
    "make",
    [
        lambda text: {"name": text},
        lambda text: {"metadata": {"notes": text}},
        lambda text: {"metadata": {text: "M12"}},
    ],
)
def test_a_recording_has_no_control_character_in_its_name_and_metadata(make, control):
    def recording(text: str) -> Run:
        return Run.model_validate_json(json.dumps({"what": "recording", "on": True, **make(text)}))

    assert recording("Mäuse 12, [left]").on
    with pytest.raises(ValidationError):
        recording(f"a{control}b")
