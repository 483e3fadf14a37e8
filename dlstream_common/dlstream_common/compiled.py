"""Loops over a few numbers, compiled by Numba.

For what each frame passes through, where NumPy's calls cost more than the work in them.

The compiler keeps to the order of the operations that is written, fuses none, and divides by zero as NumPy does
(infinity, NaN): the same numbers come out on every machine.

What is compiled is kept next to the source, or in the user's cache folder (or `NUMBA_CACHE_DIR`) where that can't be
written, and compiled anew in each process where there is neither: some seconds, once.
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
"""An array that may be written does as well."""

# Nothing that is compiled here makes arrays. So none are counted, which is three times as fast as counting.
_HOW: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


def inner(function: Function) -> Function:
    """Compiled as part of those that call it, which stand in the same file (or a change of it would not be seen)."""
    return cast(Function, njit(inline="always", **_HOW)(function))


def compiled(*arguments: Any) -> Callable[[Function], Function]:
    """Compiled at once for arguments of these types; it returns nothing.

    It keeps the interpreter lock: for some microseconds, where another thread to which it was given up could keep it
    for milliseconds.
    """

    def compile_it(function: Function) -> Function:
        signature = types.void(*arguments)
        try:
            return cast(Function, njit(signature, cache=True, **_HOW)(function))
        except RuntimeError as error:  # nowhere to keep it
            if "cannot cache" not in str(error):
                raise
            return cast(Function, njit(signature, **_HOW)(function))

    return compile_it
