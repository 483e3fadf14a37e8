"""Passwords in the addresses of cameras, which must go to the camera and nowhere else."""

from __future__ import annotations

import re

MASK = "***"
"""Replaces a password."""

_URL = re.compile(
    r"""(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)
    (?P<rest>(?:[^\s/?#:@"']+:(?!\d*(?:[\s/?#,]|$))[^\n@"']*?@)?\S*)""",  # a password may contain blanks by mistake
    re.VERBOSE,
)
_BEFORE_PATH = re.compile(r"[^/?#]*")
_PORT = re.compile(r":\d*$")
_HOST = re.compile(r"\[|[\w.-]+(?::\d+)?/|[\w.-]+:\d|[\w-]+\.\w")
"""What can follow the @ of a user: a host with a path, a port or a domain; so not the 1 of rtsp://host:554/cam@1."""
_PASSWORD_AS_PORT = re.compile(r"(?!\d+(?:\.\d+){3}:|localhost:)[^/?#]*:\d*[/?#][^/=&]*")
"""What may be a user with a password such as 1234/5, and not a host with a port and a path."""
_NAMED = re.compile(
    r"""(?P<name>(?:^|[?&;_/])(?:\w*?(?:pass|pwd|psw|secret|token|credential|signature)\w*?|\w*?pas|api_?key|key|auth|sig|pw)=)
    (?P<value>[^&;\s"'#]+?)(?=[],})]*(?:[&;\s"'#]|$))""",
    re.IGNORECASE | re.VERBOSE,
)


def masked(text: str) -> str:
    """The text with `***` in place of each password in its URLs.

    `rtsp://operator:secret@host/cam` becomes `rtsp://operator:***@host/cam`; `http://host/video?user=a&pwd=b` becomes
    `http://host/video?user=a&pwd=***`. A text without a URL is returned unchanged.
    """
    if "://" not in text:
        return text
    return _URL.sub(lambda found: found["scheme"] + _without_secrets(found["rest"]), text)


def is_masked(url: str) -> bool:
    """Whether the password of a URL was masked, as in a session's copy of the rig file."""
    return f"{MASK}@" in url or f"={MASK}" in url


def _without_secrets(rest: str) -> str:
    """What follows `://`, without its secrets; a second URL in it, such as after a comma, is handled separately."""
    user, at, place = _divided(rest)
    if at:
        name, colon, _ = user.partition(":")
        user = f"{name}:{MASK}" if colon else MASK  # a name without a password may be a key
    place = masked(place)
    return user + at + _NAMED.sub(lambda found: f"{found['name']}{MASK}", place)


def _divided(rest: str) -> tuple[str, str, str]:
    """User and password, the @, and the rest; the first two are empty if there is no user."""
    match = _BEFORE_PATH.match(rest)
    host = match[0] if match else ""
    if "@" in host:
        user, at, _ = host.rpartition("@")
        return user, at, rest[len(user) + 1 :]
    if ":" in host and not host.startswith("[") and "@" in rest:
        user, at, place = rest.rpartition("@")  # a password with a / that should be written as %2F
        if not _PORT.search(host) or (_PASSWORD_AS_PORT.fullmatch(user) and _HOST.match(place)):
            return user, at, place
    return "", "", rest
