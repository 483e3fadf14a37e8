"""The body of a POST, and the texts in it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=2000, pattern=_NO_CONTROLS)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NO_CONTROLS)]


class Request(BaseModel):
    """A body: unknown keys are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
