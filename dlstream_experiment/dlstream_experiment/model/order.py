"""In which order triggers are decided: each after those that it is composed of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def in_order(uses: Mapping[str, Sequence[str]]) -> list[str]:
    """All names, each after those that it uses; names that are not there are left out.

    Raises:
        ValueError: some use each other; its arguments are their names, the first one again at the end.
    """
    done: dict[str, None] = {}
    for start in uses:
        path: list[str] = []
        todo = [(start, iter(uses[start]))] if start not in done else []
        while todo:
            name, rest = todo[-1]
            if len(path) < len(todo):
                path.append(name)
            following = next((other for other in rest if other in uses and other not in done), None)
            if following is None:
                todo.pop()
                path.pop()
                done[name] = None
            elif following in path:
                raise ValueError(*path[path.index(following) :], following)
            else:
                todo.append((following, iter(uses[following])))
    return list(done)


def cycles(uses: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The circles of names that use each other, each from its first in the file to the same again."""
    left, found = dict(uses), []
    while True:
        try:
            in_order(left)
        except ValueError as error:
            circle = [str(name) for name in error.args]
            found.append(circle)
            left.pop(circle[0])
        else:
            return found
