"""Which layers have to stay in single precision: as few as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dlstream_pose.convert.progress import Tell, silent

Hurt = Callable[[frozenset[str]], float]
"""The p99 distance of the graph that keeps these layers."""


def fewest_kept(layers: Sequence[str], hurt: Hurt, within: float, tell: Tell = silent) -> frozenset[str] | None:
    """The layers to keep, so that the distance stays within a limit.

    First each layer alone is computed in less precision, which shows how much it hurts. Then the fewest of the worst
    are kept that are enough, found by halving; at last each of them is tried once more without being kept.

    Returns:
        The layers; None where not even keeping all but one is enough.
    """
    tell("trying all layers", 0, 0)
    if hurt(frozenset()) <= within:
        return frozenset()
    every = frozenset(layers)
    harm = {}
    for done, name in enumerate(layers):
        tell("trying each layer alone", done, len(layers))
        harm[name] = hurt(every - {name})
    ranked = sorted(layers, key=harm.__getitem__, reverse=True)
    low, high = 0, len(layers)  # keeping `low` is too few; keeping all would be enough, but nothing would be won
    while high - low > 1:
        middle = (low + high) // 2
        tell(f"keeping the {middle} layers that hurt most", 0, 0)
        low, high = (low, middle) if hurt(frozenset(ranked[:middle])) <= within else (middle, high)
    if high == len(layers):
        return None
    kept = frozenset(ranked[:high])
    for done, name in enumerate(reversed(ranked[:high])):
        tell("giving kept layers back", done, high)
        if hurt(kept - {name}) <= within:
            kept -= {name}
    return kept
