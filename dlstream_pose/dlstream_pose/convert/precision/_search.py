"""Which layers have to stay in single precision: as few as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dlstream_pose.convert.progress import Tell, silent

Hurt = Callable[[frozenset[str]], float]
"""The p99 distance of the graph that keeps these layers."""
Part = tuple[str, ...]


def fewest_kept(layers: Sequence[str], hurt: Hurt, within: float, tell: Tell = silent) -> frozenset[str] | None:
    """The layers to keep, so that the distance stays within a limit.

    Each block of consecutive layers is computed alone in less precision, which shows how much it hurts; then the fewest
    of the worst blocks are kept that are enough. The same with the layers of those blocks, one by one. At last each
    kept layer is tried once more without being kept. So a network of 100 layers, in which two blocks hurt, takes some
    50 trials.

    Args:
        layers: in the order of computation.
        hurt: is called at most once for each set of layers.

    Returns:
        The layers; None where every layer hurts too much.
    """
    tell("trying all layers", 0, 0)
    if hurt(frozenset()) <= within:
        return frozenset()
    every = frozenset(layers)
    size = max(1, round(len(layers) ** 0.5))
    blocks = [tuple(layers[start : start + size]) for start in range(0, len(layers), size)]
    kept = _worst(blocks, every, hurt, within, tell, "blocks of layers")
    worst = _worst([(name,) for part in kept for name in part], every, hurt, within, tell, "layers")
    found = frozenset(name for part in worst for name in part)
    for done, part in enumerate(reversed(worst)):
        tell("giving kept layers back", done, len(worst))
        if len(found) > 1 and hurt(found - {*part}) <= within:
            found -= {*part}
    return None if found == every else found


def _worst(
    parts: Sequence[Part], every: frozenset[str], hurt: Hurt, within: float, tell: Tell, what: str
) -> list[Part]:
    """The fewest of the worst parts that are enough to keep, the worst first; found by halving."""
    harm: dict[Part, float] = {}
    for done, part in enumerate(parts):
        tell(f"trying {what} alone", done, len(parts))
        harm[part] = hurt(every - {*part})
    ranked = sorted(parts, key=harm.__getitem__, reverse=True)
    low, high = 0, len(ranked)  # keeping `low` is too few, keeping all of them is enough
    while high - low > 1:
        middle = (low + high) // 2
        tell(f"keeping the {middle} {what} that hurt most", 0, 0)
        few = frozenset(name for part in ranked[:middle] for name in part)
        low, high = (low, middle) if hurt(few) <= within else (middle, high)
    return ranked[:high]
