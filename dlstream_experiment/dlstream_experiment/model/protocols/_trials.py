"""Trial lists: which conditions come in which order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import Settings, misfit, suggest
from dlstream_experiment.model.names import Label
from dlstream_experiment.model.protocols._rows import Row, ends_of_blocks, is_possible

Few = Annotated[int, Field(ge=1, le=100_000)]
_LONGEST = 1_000_000


class Condition(Settings):
    """A kind of trial."""

    state: Label
    """The state in which such a trial begins."""
    times: Few = 1
    """How many times it comes in each repetition; with order random, its weight."""


class Trials(Settings):
    """The list of trials; `go: trial` takes the next one. When none is left, `go: trial` ends the experiment."""

    conditions: Annotated[dict[Label, Condition], Field(min_length=1, max_length=1000)]
    """The kinds of trials, by name."""
    order: Literal["fixed", "shuffled", "blocked", "random"] = "shuffled"
    """fixed: in the order of the file, repeated; shuffled: all repetitions mixed together; blocked: each repetition
    shuffled by itself; random: each trial drawn independently."""
    sequence: Annotated[tuple[Label, ...], Field(min_length=1, max_length=100_000)] | None = None
    """The conditions of one repetition in order, instead of each condition's `times`."""
    repeat: Few = 1
    """How many repetitions."""
    length: Few | None = None
    """With order random: how many trials."""
    max_in_a_row: Few | None = None
    """How many trials of the same condition may follow each other; not with order fixed."""

    @model_validator(mode="after")
    def _is_possible(self) -> Trials:
        if (self.order == "random") != (self.length is not None):
            raise misfit("order" if self.length is None else "length", "length with order random, and only there")
        if self.order == "random" and (self.repeat != 1 or self.sequence):
            raise misfit("length", "only length with order random: neither repeat nor sequence")
        for name in self.sequence or ():
            if name not in self.conditions:
                hint = suggest(name, list(self.conditions))
                expected = f"a sequence of this list's conditions, but '{name}' is not one. {hint}".rstrip(". ")
                raise misfit("sequence", expected)
        if self.count > _LONGEST:
            raise ValueError(f"at most {_LONGEST} trials")
        limit = self.max_in_a_row
        if limit is not None:
            if self.order == "fixed":
                raise misfit("max_in_a_row", "max_in_a_row only with an order other than fixed")
            if not self._is_within(limit):
                raise misfit("conditions", f"conditions of which no more than {limit} need to come in a row")
        return self

    @property
    def count(self) -> int:
        """How many trials there are."""
        return self.length if self.length is not None else len(self._once) * self.repeat

    @property
    def _once(self) -> list[str]:
        if self.sequence is not None:
            return list(self.sequence)
        return [name for name, condition in self.conditions.items() for _ in range(condition.times)]

    def _is_within(self, limit: int) -> bool:
        """Whether some order has no more of a kind in a row."""
        if self.order == "random":
            return len(self.conditions) > 1 or self.count <= limit
        if self.order == "blocked":
            return ends_of_blocks(Counter(self._once), self.repeat, limit) is not None
        return is_possible(Counter(self._once * self.repeat), limit)

    def listed(self, draws: random.Random) -> list[str]:
        """Every trial's condition, in order."""
        if self.order == "fixed":
            return self._once * self.repeat
        row = Row(self.max_in_a_row, draws)
        if self.order == "random":
            weights = {name: condition.times for name, condition in self.conditions.items()}
            for _ in range(self.count):
                row.draw(weights)
        elif self.order == "blocked":
            block, limit = Counter(self._once), self.max_in_a_row
            ends = ends_of_blocks(block, self.repeat, limit) if limit is not None else None
            for number in range(self.repeat):
                row.mix(block, ends[number] if ends is not None else None)
        else:
            row.mix(Counter(self._once * self.repeat))
        return row.trials

    def in_words(self) -> str:
        """What comes, and in which state each kind of trial begins, as two sentences."""
        once = "the given sequence" if self.sequence is not None else ", ".join(self._kinds_in_words())
        if self.order == "random":
            text = f"There are {self.count} trials, each drawn by itself from {once}"
        else:
            how = {"fixed": "in this order", "shuffled": "all mixed", "blocked": "each repetition mixed in itself"}
            repeated = f", {self.repeat} repetitions" if self.repeat > 1 else ""
            text = f"There are {self.count} trials: {once}{repeated}, {how[self.order]}"
        if self.max_in_a_row is not None:
            text += f"; at most {self.max_in_a_row} of a kind in a row"
        coming = self.conditions if self.sequence is None else dict.fromkeys(self.sequence)
        begin = ", ".join(f"'{name}' in the state '{self.conditions[name].state}'" for name in coming)
        return f"{text}. They begin: {begin}."

    def _kinds_in_words(self) -> Iterator[str]:
        weights = sum(condition.times for condition in self.conditions.values())
        for name, condition in self.conditions.items():
            if self.order == "random":
                yield f"'{name}'" + (f" ({condition.times} of {weights})" if weights > len(self.conditions) else "")
            else:
                yield f"'{name}'" + (f" ({condition.times} times)" if condition.times > 1 else "")
