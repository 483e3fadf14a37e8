"""Comparisons of counters in transitions and stop conditions, in a small language that can't run code."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

_SIGNS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_PATTERN = r"\s*(?P<left>[A-Za-z_]\w*)\s*(?P<sign>>=|<=|==|!=|>|<)\s*(?P<right>-?\d{1,9}|[A-Za-z_]\w*)\s*"
_EXPECTED = "a comparison of a counter with a number or another counter, such as 'hits >= 10'"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One counter against a number or another counter."""

    left: str
    sign: str
    right: str | int

    @classmethod
    def of(cls, text: str) -> Comparison:
        """Reads "hits >= 10".

        Raises:
            ValueError: it is no such comparison.
        """
        found = re.fullmatch(_PATTERN, text, re.ASCII)
        if found is None:
            raise ValueError(_EXPECTED)
        right = found["right"]
        return cls(found["left"], found["sign"], right if right[0].isalpha() or right[0] == "_" else int(right))

    def holds(self, counters: Mapping[str, int]) -> bool:
        """Whether it is so; a counter that was never counted is 0."""
        right = self.right if isinstance(self.right, int) else counters.get(self.right, 0)
        return _SIGNS[self.sign](counters.get(self.left, 0), right)

    @property
    def counters(self) -> tuple[str, ...]:
        """The counters it looks at."""
        return (self.left,) if isinstance(self.right, int) else (self.left, self.right)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


def _comparison(text: str) -> str:
    Comparison.of(text)
    return text


def _counter(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII):
        raise ValueError("a counter's name: letters, digits and _, not beginning with a digit")
    return text


def _form(value: Any) -> str:
    return "one" if isinstance(value, str) else "all"


CounterName = Annotated[str, AfterValidator(_counter), Field(max_length=100)]
"""A name that can be part of a comparison."""

_Text = Annotated[str, AfterValidator(_comparison), Field(max_length=250, examples=["hits >= 10"])]
Comparisons = Annotated[Annotated[_Text, Tag("one")] | Annotated[tuple[_Text, ...], Tag("all")], Discriminator(_form)]
"""One comparison, or several that must all be true."""


def comparisons(texts: str | Sequence[str]) -> tuple[Comparison, ...]:
    """The comparisons of a valid file."""
    return tuple(Comparison.of(text) for text in ([texts] if isinstance(texts, str) else texts))


def all_hold(conditions: Iterable[Comparison], counters: Mapping[str, int]) -> bool:
    """Whether all of them are true."""
    return all(condition.holds(counters) for condition in conditions)
