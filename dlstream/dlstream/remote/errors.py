"""What goes wrong when a running rig is asked."""

from __future__ import annotations

from dlstream_common import DlstreamError


class NoAnswerError(DlstreamError):
    """A node does not answer: what it did is not known."""
