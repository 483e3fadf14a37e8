"""The two tokens of a panel, in a file that only its user can read: one that may act, one that may only look."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from dlstream_common import DlstreamError, Problem

DEFAULT = Path("~/.config/dlstream/panel.token")
_BYTES = 24
_LEAST = 22
"""Letters of a token that holds 128 bits."""
_FILE = "a file that only you can read (mode 600)"


class TokenError(DlstreamError):
    """A file of tokens that can't be used.

    Attributes:
        problem: the same as a problem with the setting `token`.
    """

    def __init__(self, found: str, expected: str, suggestion: str) -> None:
        self.problem = Problem(("token",), found, expected, suggestion)
        super().__init__(str(self.problem))


class Role(Enum):
    """What a browser may do."""

    VIEW = "view"
    CONTROL = "control"


@dataclass(frozen=True)
class Tokens:
    """The tokens, never shown by `repr`."""

    control: str
    view: str

    def __repr__(self) -> str:
        return "Tokens(...)"

    def role_of(self, token: str) -> Role | None:
        """What a token allows; compared in constant time."""
        given = _bytes_of(token)
        acts = hmac.compare_digest(given, self.control.encode())
        looks = hmac.compare_digest(given, self.view.encode())
        return Role.CONTROL if acts else Role.VIEW if looks else None

    def cookie(self, role: Role, port: int) -> str:
        """The cookie for a role: it ends with the tokens, not with the panel's process."""
        key = self.control if role is Role.CONTROL else self.view
        return f"{role.value}.{hmac.digest(key.encode(), f'{role.value} {port}'.encode(), 'sha256').hex()}"

    def role_of_cookie(self, value: str, port: int) -> Role | None:
        """The role for which a cookie was given; None: for none."""
        found = [role for role in Role if hmac.compare_digest(_bytes_of(value), self.cookie(role, port).encode())]
        return found[0] if found else None


def _bytes_of(text: str) -> bytes:
    """Bytes for any text: a cookie of a stranger may be no Unicode."""
    return text.encode("utf-8", "surrogatepass")


def read_or_make(path: Path) -> Tokens:
    """The tokens of a file, which is made if it doesn't exist.

    Raises:
        TokenError: it can't be read or made, others can read it, or its tokens are too short.
    """
    path = path.expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path)
        return _read(path)
    except OSError as error:
        raise _unusable(path, error.strerror) from error


def check_tokens(path: Path) -> None:
    """Makes nothing: who checks a file that names tokens may not know it.

    Raises:
        TokenError: `read_or_make` would raise it.
    """
    path = path.expanduser()
    try:
        _read(path)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _unusable(path, "a link") from error
        above = next(folder for folder in path.parents if folder.exists())
        if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
            raise _unusable(path, f"{above} can't be written") from error
    except OSError as error:
        raise _unusable(path, error.strerror) from error


def _unusable(path: Path, reason: str | None) -> TokenError:
    return TokenError(f"{path}, which can't be used ({reason})", _FILE, "Name another file")


def _make(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({role.value: secrets.token_urlsafe(_BYTES) for role in (Role.CONTROL, Role.VIEW)}, file, indent=1)


def _read(path: Path) -> Tokens:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would wait for its writer
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _unusable(path, "no file")
        data = file.read(10_000)
    if mode & 0o077:
        raise TokenError(f"{path} with mode {mode & 0o777:o}, which others can read", _FILE, f"Run: chmod 600 {path}")
    try:
        return _tokens_in(path, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _unusable(path, "no UTF-8") from error


def _tokens_in(path: Path, text: str) -> Tokens:
    expected = f'{{"control": ..., "view": ...}} with two different tokens of {_LEAST} letters or more'
    advice = "Delete it, and a new one is made"
    try:
        found = json.loads(text)
        control, view = found["control"], found["view"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TokenError(f"no tokens in {path}", expected, advice) from error
    if not all(isinstance(token, str) and len(token) >= _LEAST for token in (control, view)) or control == view:
        raise TokenError(f"unusable tokens in {path}", expected, advice)
    return Tokens(control, view)
