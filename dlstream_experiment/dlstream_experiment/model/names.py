"""Small types that experiment files are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from dlstream_common import Name, Place
from dlstream_common.settings import Unit

__all__ = ["SECOND", "Label", "Location", "Name", "Seconds", "Title", "nanoseconds", "title_of"]

SECOND = 1_000_000_000
"""Nanoseconds."""

Location = Place
"""Where something is in a file: keys and indices from the top."""


NAME = r"[A-Za-z][A-Za-z0-9_]*"
"""The rule for names that are part of a ROS topic."""


def _title(text: str) -> str:
    if not re.fullmatch(_TITLE, text):
        raise ValueError("a name of letters, digits, spaces and _ - . ( ) that begins with a letter or digit")
    return text


def title_of(text: str) -> str:
    """Any text as the name of an experiment."""
    plain = re.sub(r"[^\w .()-]", "_", text)[:100].strip()
    return plain if re.fullmatch(_TITLE, plain) else f"experiment {plain}"[:100].strip()


_TITLE = r"[^\W_][\w .()-]*"

Title = Annotated[str, AfterValidator(_title), Field(min_length=1, max_length=100)]
"""The name of an experiment, which appears in tables, file names and on screens."""

Label = Annotated[str, Field(min_length=1, max_length=100)]
"""Any other name."""

Seconds = Annotated[float, Field(ge=0, le=1e6), Unit("seconds")]


def nanoseconds(seconds: float) -> int:
    """Seconds of a file as the integer that stamps are counted in."""
    return round(seconds * SECOND)
