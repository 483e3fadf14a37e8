"""What faults of a rig's nodes say, where others have to tell them apart."""

from __future__ import annotations

from typing import Final

NOT_ENDED: Final = "has not ended"
"""Of a node that hangs: what it began may go on, unlike that of one that has ended."""
