"""The assignment of rows to columns with the greatest sum.

Shortest augmenting paths: D. F. Crouse, "On implementing 2D rectangular assignment algorithms", IEEE Transactions on
Aerospace and Electronic Systems 52(4), 2016. Where several assignments are equally good, the choice is that of SciPy's
`linear_sum_assignment`, so that what is built on it agrees with tools that use SciPy. For the small matrices of a few
animals plain Python is faster than the way into a library.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf


def best_assignment(gain: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), by row: each row and each column at most once, as many as possible, the sum greatest.

    Args:
        gain: finite numbers, one row each.
    """
    if not gain or not gain[0]:
        return []
    if len(gain[0]) < len(gain):
        turned = list(zip(*gain, strict=True))
        return sorted((row, column) for column, row in best_assignment(turned))
    cost = [[-value for value in row] for row in gain]
    rows, columns = len(cost), len(cost[0])
    row_price, column_price = [0.0] * rows, [0.0] * columns
    column_of, row_of = [-1] * rows, [-1] * columns
    for start in range(rows):
        path, distance, seen_rows, seen_columns, sink, shortest = _path(cost, row_price, column_price, row_of, start)
        row_price[start] += shortest
        for row in seen_rows:
            if row != start:
                row_price[row] += shortest - distance[column_of[row]]
        for column in seen_columns:
            column_price[column] -= shortest - distance[column]
        column = sink
        while True:
            row = path[column]
            row_of[column] = row
            column_of[row], column = column, column_of[row]
            if row == start:
                break
    return list(enumerate(column_of))


def _path(
    cost: list[list[float]], row_price: list[float], column_price: list[float], row_of: list[int], row: int
) -> tuple[list[int], list[float], list[int], list[int], int, float]:
    """The shortest way from a row to a column that is still free."""
    columns = len(column_price)
    path, distance = [-1] * columns, [inf] * columns
    seen_rows: list[int] = []
    seen_columns: list[int] = []
    remaining = list(range(columns - 1, -1, -1))  # backwards: equal costs then give the diagonal
    shortest = 0.0
    while True:
        seen_rows.append(row)
        lowest, index = inf, -1
        for place, column in enumerate(remaining):
            reached = shortest + cost[row][column] - row_price[row] - column_price[column]
            if reached < distance[column]:
                path[column], distance[column] = row, reached
            if distance[column] < lowest or (distance[column] == lowest and row_of[column] < 0):
                lowest, index = distance[column], place
        shortest = lowest
        column = remaining[index]
        seen_columns.append(column)
        remaining[index] = remaining[-1]
        remaining.pop()
        if row_of[column] < 0:
            return path, distance, seen_rows, seen_columns, column, shortest
        row = row_of[column]
