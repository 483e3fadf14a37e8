"""Mistakes of a part's code: whatever it raises unforeseen or returns wrongly ends in one message that names the part.

    source 'webcam' of lab-devices 1.2: read raised KeyError: 'image' (/home/you/webcam.py, line 31); expected ...

A part's own errors for its user (`DlstreamError`) pass unchanged. Where a kind of part is called, an `Author` makes the
errors: `Camera` calls sources, `GuardedOutput` outputs, `Network` engines, `GuardedFilter` filters. Methods of settings
that are called by checks are guarded once, where the settings class is looked up: `guarded_settings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from dlstream_common.errors import DlstreamError
from dlstream_common.installing import pip_install
from dlstream_common.problems import Problem

_RESULT = "its result, or an error for the user"
LAST_STAMP = 2**31 * 1_000_000_000
"""Nanoseconds since the epoch that no message can carry any more: 19 January 2038."""


class PartFault(DlstreamError):
    """A part's code raised something unforeseen, or returned what can't be used.

    Attributes:
        found, expected, suggestion: as in a Problem.
    """

    def __init__(self, found: str, expected: str, suggestion: str) -> None:
        self.found, self.expected, self.suggestion = found, expected, suggestion
        super().__init__(f"{found}; expected {expected}. {suggestion}".rstrip())

    def problem(self, *place: str | int) -> Problem:
        """The same as a problem in a file."""
        return Problem(place, self.found, self.expected, self.suggestion)


@dataclass(frozen=True)
class Author:
    """Whose code it is.

    Attributes:
        part: in words, such as "source 'webcam'".
        package: the installed package with its version, such as "lab-devices 1.2".
        module: the module with the part.
    """

    part: str
    package: str
    module: str
    is_ours: bool

    def raised(
        self, method: str, error: BaseException, expected: str = "its result, or an error for the user"
    ) -> PartFault:
        """The fault of a method that raised something unforeseen."""
        text = " ".join(str(error).split())
        what = f"{method} raised {type(error).__name__}{f': {text}' if text else ''}{self._place(error)}"
        if isinstance(error, ModuleNotFoundError) and error.name:
            library = error.name.partition(".")[0]
            hint = f"If a library is missing: {pip_install(library)}. Its authors should name it in `requires`."
            return self._fault(what, expected, hint)
        return self._fault(what, expected)

    def returned(self, method: str, found: Any, expected: str) -> PartFault:
        """The fault of a method that returned what can't be used."""
        return self._fault(f"{method} returned {found if isinstance(found, Shown) else shown_value(found)}", expected)

    @contextmanager
    def calling(self, method: str) -> Iterator[None]:
        """Encloses a call of the part; not for every frame, since it takes a microsecond."""
        try:
            yield
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            raise self.raised(method, error) from error

    def _fault(self, what: str, expected: str, hint: str = "") -> PartFault:
        hint = hint or ("Please report it." if self.is_ours else f"Ask the authors of {self.package}.")
        return PartFault(f"{self.part} of {self.package}: {what}", expected, hint)

    def _place(self, error: BaseException) -> str:
        """The file and line in the part's own package where it was raised, or from where that was called."""
        top, trace, own, last = self.module.partition(".")[0], error.__traceback__, "", ""
        if isinstance(error, SyntaxError):
            return f" ({error.filename}, line {error.lineno})"
        while trace is not None:
            code = trace.tb_frame.f_code
            last = f" ({code.co_filename}, line {trace.tb_lineno})"
            if str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == top:
                own = last
            trace = trace.tb_next
        return own or last


class Shown(str):
    """What was found, in words already."""

    __slots__ = ()


def shown_value(found: Any) -> str:
    """What a part returned, in a few words: arrays by type and shape, everything else by its text, shortened."""
    if isinstance(found, np.ndarray):
        return f"an array of {found.dtype} and shape {found.shape}"
    try:
        text = " ".join(repr(found).split())
    except Exception:  # of the part's class as well
        text = f"a {type(found).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_whole(value: Any, least: int = 0, below: int = 2**63) -> bool:
    """Whether it is an int (also one of NumPy's, but no bool) of the range."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(least <= value < below)


def is_stamp(value: Any) -> bool:
    """Whether it can be nanoseconds since the epoch."""
    return is_whole(value, 0, LAST_STAMP)


def is_size_or_none(value: Any) -> bool:
    """Whether it is None, or width and height in pixels."""
    pair = isinstance(value, (tuple, list)) and len(value) == 2 and all(is_whole(side, 1) for side in value)
    return value is None or pair


def is_rate_or_none(value: Any) -> bool:
    """Whether it is None, or a number of frames a second."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return value is None or (number and math.isfinite(value) and value >= 0)


def are_problems(value: Any) -> bool:
    """Whether it is a list of problems."""
    return isinstance(value, list) and all(isinstance(item, Problem) for item in value)


Results = tuple[tuple[str, Callable[[Any], bool], str], ...]
"""Methods of a settings class, each with a test of what it returns, and in words what is expected."""


_CLASSES: dict[tuple[Any, Author, Results], Any] = {}


def guarded_settings(settings: Any, author: Author, results: Results) -> Any:
    """A subclass whose methods raise a PartFault where they raise something unforeseen, or return something wrong.

    Dlstream's own classes are returned as they are.
    """
    key = (settings, author, results)
    if not author.is_ours and key not in _CLASSES:
        methods = {name: _guarded(getattr(settings, name), author, fits, wanted) for name, fits, wanted in results}
        about = {name: getattr(settings, name) for name in ("__module__", "__qualname__", "__doc__")}
        _CLASSES[key] = type(settings)(settings.__name__, (settings,), {**about, **methods})
    return _CLASSES.get(key, settings)


def _guarded(own: Callable[..., Any], author: Author, fits: Callable[[Any], bool], expected: str) -> Callable[..., Any]:
    @wraps(own)
    def method(self: Any, *args: Any) -> Any:
        try:
            value = own(self, *args)
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            raise author.raised(own.__name__, error, expected) from error
        if not fits(value):
            raise author.returned(own.__name__, value, expected)
        return value

    return method
