"""The links of a panel with their QR codes, for a tablet beside the rig."""

from __future__ import annotations

from typing import Any

from dlstream_panel.access import Access


def links_of(access: Access) -> list[dict[str, Any]]:
    """Each link with what it is for, its address, and its QR code: rows of 0 and 1, without a border.

    Without tokens there are none: only this machine reaches the page.
    """
    import segno  # here: nobody else needs it

    if not access.needs_token:
        return []
    return [
        {"for": role, "link": link, "code": ["".join(map(str, row)) for row in segno.make_qr(link, error="m").matrix]}
        for role, link in access.links().items()
    ]
