"""Copies of a network that learn at the same time, each from views of its own."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_MOST = 4
Learn = Callable[[Any, np.random.Generator], None]
"""Adds the gradients of some views, drawn with the generator, to a copy's weights."""


class Workers:
    """A thread for each copy, which also draws its views. The copies share the network's weights, not its gradients.

    The layers of a small network are too short to be divided between cores: with two threads for each, a step kept
    1.06 cores busy.

    Args:
        model: on its device; the first copy is the network itself.
        threads: of all copies together.
    """

    def __init__(self, model: Any, threads: int) -> None:
        self._models = [model.train()]
        for _ in range(min(_MOST, threads) - 1):
            other = copy.deepcopy(model)
            for one, own in zip(other.parameters(), model.parameters(), strict=True):
                one.data = own.data
            self._models.append(other)
        self._threads = max(1, threads // len(self._models))
        self._randoms: list[np.random.Generator] = []

    def __len__(self) -> int:
        return len(self._models)

    def start(self, seed: int) -> None:
        """Starts the threads, which draw by this seed."""
        self._randoms = [np.random.default_rng((1, seed, number)) for number in range(len(self))]
        self._pool = ThreadPoolExecutor(len(self), "learning", initializer=self._prepare)

    def end(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()

    def step(self, learn: Learn) -> None:
        """Lets every copy learn; then the network's gradients are the mean of all."""
        import torch

        for model in self._models:
            for weights in model.parameters():
                weights.grad = None
        work = [self._pool.submit(learn, *one) for one in zip(self._models, self._randoms, strict=True)]
        for one in work:
            one.result()
        gradients = [[weights.grad for weights in model.parameters()] for model in self._models]
        for more in gradients[1:]:
            torch._foreach_add_(gradients[0], more)
        torch._foreach_mul_(gradients[0], 1 / len(self))

    def _prepare(self) -> None:
        import torch

        torch.set_num_threads(self._threads)
        threading.current_thread().name = "learning"
