"""The cheapest way to pair rows with columns."""

from __future__ import annotations

from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row such that the sum of the costs is least; as many rows as columns or fewer.

    The Hungarian method with potentials, one shortest augmenting path a row (Jonker and Volgenant 1987, Computing 38,
    325-340). In plain Python: for the few animals of a frame that is faster than an array library's calls.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    infinity = float("inf")
    of_row, of_column = [0.0] * (rows + 1), [0.0] * (columns + 1)
    match, way = [0] * (columns + 1), [0] * (columns + 1)  # row of each column, counted from 1; 0: none
    for row in range(1, rows + 1):
        match[0], column = row, 0
        least, used = [infinity] * (columns + 1), [False] * (columns + 1)
        while match[column]:
            used[column] = True
            current, delta, nearest = match[column], infinity, 0
            line, potential = costs[current - 1], of_row[current]
            for other in range(1, columns + 1):
                if not used[other]:
                    reduced = line[other - 1] - potential - of_column[other]
                    if reduced < least[other]:
                        least[other], way[other] = reduced, column
                    if least[other] < delta:
                        delta, nearest = least[other], other
            for other in range(columns + 1):
                if used[other]:
                    of_row[match[other]] += delta
                    of_column[other] -= delta
                else:
                    least[other] -= delta
            column = nearest
        while column:
            match[column], column = match[way[column]], way[column]
    result = [-1] * rows
    for column in range(1, columns + 1):
        if match[column]:
            result[match[column] - 1] = column - 1
    return result
