"""What goes wrong with a board."""

from __future__ import annotations

from dlstream_common import DlstreamError


class BoardError(DlstreamError):
    """A board that can't be opened, does not answer, or refuses a command; says what to do."""
