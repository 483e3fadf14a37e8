"""Loops over a few numbers, compiled by Numba.

For work on every frame where NumPy's calls cost more than the work itself.

The compiler keeps the written order of operations, fuses none, and divides by zero as NumPy does (infinity, NaN), so
that every machine computes the same numbers.

Compiled code is stored next to the source, or in the user's cache folder (or `NUMBA_CACHE_DIR`) if the source folder
can't be written. If neither can, each process compiles again, which takes some seconds once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])

INT, FLOAT = types.int64, types.float64
FLOATS, INTS, BYTES = types.float64[::1], types.int64[::1], types.uint8[::1]
FLOAT_ROWS, INT_ROWS, FLOAT_BLOCK = types.float64[:, ::1], types.int64[:, ::1], types.float64[:, :, ::1]
SINGLE_BLOCK = types.float32[:, :, ::1]
READ_ONLY_SINGLE_ROWS = types.Array(types.float32, 2, "C", readonly=True)
READ_ONLY_SINGLE_BLOCK = types.Array(types.float32, 3, "C", readonly=True)
"""A writable array is accepted, too."""

# Nothing compiled here creates arrays, so reference counting is off: three times as fast.
_HOW: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


def inner(function: Function) -> Function:
    """Compiles a function as part of its callers, which must be in the same file (else changes go unnoticed)."""
    return cast(Function, njit(inline="always", **_HOW)(function))


def compiled(*arguments: Any) -> Callable[[Function], Function]:
    """Compiles a function at once for arguments of these types; the function returns nothing.

    It holds the interpreter lock, for some microseconds. Another thread, given the lock, could keep it for
    milliseconds.
    """

    def compile_it(function: Function) -> Function:
        signature = types.void(*arguments)
        try:
            return cast(Function, njit(signature, cache=True, **_HOW)(function))
        except RuntimeError as error:  # no place to store it
            if "cannot cache" not in str(error):
                raise
            return cast(Function, njit(signature, **_HOW)(function))

    return compile_it
