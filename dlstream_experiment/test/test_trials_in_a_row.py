"""Lists of trials with `max_in_a_row`: it holds, and only what is impossible is refused."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from itertools import groupby, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dlstream_experiment.model.protocols._trials import Trials


def trials(counts: tuple[int, ...], order: str, repeat: int, limit: int) -> Trials:
    conditions = {"abcd"[number]: {"state": "s", "times": count} for number, count in enumerate(counts)}
    content = {"conditions": conditions, "order": order, "repeat": repeat, "max_in_a_row": limit}
    return Trials.model_validate(content)


def longest(row: list[str] | str) -> int:
    return max(len(list(group)) for _, group in groupby(row))


def run_at_end(row: str) -> str:
    return row[len(row.rstrip(row[-1])) :]


@cache
def is_possible(counts: tuple[int, ...], order: str, repeat: int, limit: int) -> bool:
    """By trying every order of a block after every end of the blocks before it."""
    once = "".join("abcd"[number] * count for number, count in enumerate(counts))
    once, blocks = (once, repeat) if order == "blocked" else (once * repeat, 1)
    ends = {""}
    for _ in range(blocks):
        rows = {end + "".join(row) for row in set(permutations(once)) for end in ends}
        ends = {run_at_end(row) for row in rows if longest(row) <= limit}
    return bool(ends)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple).filter(lambda counts: sum(counts) <= 5),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 10**6),
)
@settings(max_examples=150, deadline=None)
def test_blocks_hold_the_limit_and_are_refused_only_where_no_order_does(counts, repeat, limit, seed):
    if not is_possible(counts, "blocked", repeat, limit):
        with pytest.raises(ValidationError, match=f"conditions of which no more than {limit} need to come in a row"):
            trials(counts, "blocked", repeat, limit)
        return
    row = trials(counts, "blocked", repeat, limit).listed(random.Random(seed))
    assert longest(row) <= limit
    size = sum(counts)
    once = Counter(dict(zip("abcd", counts, strict=False)))
    assert [Counter(row[start : start + size]) for start in range(0, len(row), size)] == [once] * repeat


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple).filter(lambda counts: sum(counts) <= 6),
    st.integers(1, 4),
    st.integers(0, 10**6),
)
@settings(max_examples=100, deadline=None)
def test_a_shuffled_list_holds_the_limit_and_is_refused_only_where_no_order_does(counts, limit, seed):
    if is_possible(counts, "shuffled", 1, limit):
        assert longest(trials(counts, "shuffled", 1, limit).listed(random.Random(seed))) <= limit
    else:
        with pytest.raises(ValidationError, match="need to come in a row"):
            trials(counts, "shuffled", 1, limit)


@pytest.mark.parametrize(("counts", "repeat"), [((1, 3), 2), ((3, 1), 2), ((2, 3), 40), ((2, 4), 6), ((1, 2, 5), 9)])
def test_unequal_blocks_hold_it_with_every_seed(counts, repeat):
    made = trials(counts, "blocked", repeat, 2)
    orders = {"".join(made.listed(random.Random(seed))) for seed in range(300)}
    assert max(map(longest, orders)) == 2
    assert len(orders) > 1 or (sum(counts), repeat) == (4, 2), "of that one there is only one order"


@pytest.mark.parametrize(
    ("counts", "order", "repeat", "limit", "seed", "row"),
    [
        ((2, 2), "blocked", 3, 2, 3, "ababbaabaabb"),
        ((2, 1, 1), "blocked", 3, 1, 7, "abcacababaca"),
        ((1, 3), "blocked", 2, 2, 1, "bbabbabb"),
        ((3, 2, 1), "shuffled", 2, 1, 5, "bacababacaba"),
    ],
)
def test_a_list_without_a_conflict_is_drawn_as_ever(counts, order, repeat, limit, seed, row):
    """As before blocks looked at the next one: sessions replay."""
    assert "".join(trials(counts, order, repeat, limit).listed(random.Random(seed))) == row
