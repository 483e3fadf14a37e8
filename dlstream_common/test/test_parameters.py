"""A settings class as ROS parameters: what `ros2 param describe` shows, and what a value alone shows to be wrong."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from dlstream_common import Settings
from dlstream_common.ros.parameters import descriptor, refusal


class Example(Settings):
    kind: Literal["none", "kalman"] = "none"
    rate: float = Field(1.0, gt=0, le=1000)
    share: float = Field(0.5, ge=0, lt=1)
    count: int = Field(1, gt=0)
    gain: float = Field(1.0, ge=-2)
    free: float = 0.0


FIELDS = Example.model_fields


def test_limits_are_shown_as_a_person_would_write_them():
    rate, share, gain = (descriptor(FIELDS[name]) for name in ("rate", "share", "gain"))
    assert (rate.floating_point_range[0].from_value, rate.floating_point_range[0].to_value) == (0, 1000)
    assert rate.additional_constraints == "more than 0"
    assert (share.floating_point_range[0].from_value, share.floating_point_range[0].to_value) == (0, 1)
    assert share.additional_constraints == "less than 1"
    assert (gain.floating_point_range[0].from_value, gain.floating_point_range[0].to_value) == (-2, 1e12)
    assert descriptor(FIELDS["count"]).integer_range[0].from_value == 1
    assert not descriptor(FIELDS["free"]).floating_point_range
    assert descriptor(FIELDS["kind"]).additional_constraints == "one of none, kalman"


def test_a_choice_that_there_is_none_of_is_refused_with_the_nearest():
    found = refusal(FIELDS["kind"], "kalmn")
    assert found == "found 'kalmn'; expected one of none, kalman. Did you mean 'kalman'?"
    assert refusal(FIELDS["rate"], 0.0) == "found 0.0; expected more than 0"


@pytest.mark.parametrize("name", ["kind", "rate", "share"])
@given(value=st.one_of(st.floats(-1, 1001), st.sampled_from(["none", "kalman", "gauss", 0.0, 1.0])))
def test_what_is_refused_is_invalid_in_a_file_too(name, value):
    if refusal(FIELDS[name], value):
        with pytest.raises(ValidationError):
            Example(**{name: value})
