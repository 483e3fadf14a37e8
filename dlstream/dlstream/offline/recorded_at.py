"""When a video was recorded: as said, or by the file's metadata. Never when it is analysed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import av

from dlstream_common import DlstreamError
from dlstream_recorder.writers.session_file import UNDATED, iso

_KEYS = ("com.apple.quicktime.creationdate", "creation_time")
"""Where containers have it; Apple's own has the offset of the place."""
_FIRST = UNDATED + 24 * 3600 * 1_000_000_000
"""2000-01-02: what is earlier is a camera's clock that was never set, or is taken for footage without a date."""


@dataclass(frozen=True)
class Recorded:
    """The moment at which footage begins.

    Attributes:
        stamp: nanoseconds since the epoch; 2000-01-01 where it is not known.
        source: for session.json: `said`, `file`, or empty where it is not known.
        remark: what a person should know of it.
    """

    stamp: int = UNDATED
    source: str = ""
    remark: str = ""


def recorded_at(path: Path, said: str) -> Recorded:
    """When a video, an image stack or a folder of images was recorded.

    Args:
        said: an ISO date, or date and time, by the computer's time zone where it names none; empty: not said.

    Raises:
        DlstreamError: what was said is no such date, or can't be right.
    """
    if said:
        return Recorded(_said(said), "said")
    texts = _in_file(path)
    for text in texts:
        stamp = _stamp(text)
        if stamp is not None and _FIRST <= stamp <= _latest():
            how = "If it is wrong: --recorded-at 2026-03-01T14:30"
            return Recorded(stamp, "file", f"date from the file's metadata: {iso(stamp)}. {how}")
    if not texts:
        return Recorded()
    doubt = "which can't be read as a date" if _stamp(texts[0]) is None else "which can't be right"
    return Recorded(
        remark=f"the file's metadata say that it was made on '{texts[0]}', {doubt}: the analysis has no date. "
        "--recorded-at 2026-03-01 gives it one"
    )


def _said(text: str) -> int:
    stamp = _stamp(text)
    if stamp is not None and _FIRST <= stamp <= _latest():
        return stamp
    raise DlstreamError(
        f"--recorded-at: found '{text}'; expected the date of the recording, from 2000-01-02 to today, such as "
        "2026-03-01, 2026-03-01T14:30 or 2026-03-01T14:30:00+01:00"
    )


def _latest() -> int:
    """Tomorrow, as a day begins earlier in other time zones."""
    return int((datetime.now(timezone.utc) + timedelta(days=1)).timestamp()) * 1_000_000_000


def _stamp(text: str) -> int | None:
    """Nanoseconds since the epoch; None if it is no date."""
    with suppress(ValueError, OverflowError, OSError):
        text = text[:-1] + "+00:00" if text.endswith("Z") else text  # Python 3.10 knows neither Z
        text = re.sub(r"(T.*[+-]\d\d)(\d\d)$", r"\1:\2", text)  # nor Apple's offsets, such as +0100
        moment = datetime.fromisoformat(text).astimezone()
        since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (since // timedelta(microseconds=1)) * 1000
    return None


def _in_file(path: Path) -> list[str]:
    """All dates that the file has of itself, the best first."""
    if not path.is_file():
        return []
    try:
        with av.open(f"file:{path}") as container:
            found: Mapping[str, str] = {key.lower(): value for key, value in container.metadata.items()}
            streams = [stream.metadata for stream in container.streams.video]
    except (av.FFmpegError, ValueError):
        return []
    return [text for key in _KEYS for about in (found, *streams) if (text := about.get(key, "").strip())]
