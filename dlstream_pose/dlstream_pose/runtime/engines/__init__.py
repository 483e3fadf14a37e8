"""Engines, which run a network. A new engine is a module here, or a class in a package of your own."""

from __future__ import annotations

from pathlib import Path

from dlstream_common import NetworkError, suggest
from dlstream_common.picking import a_class
from dlstream_common.plugins import PartError, Registry
from dlstream_pose.runtime.engines._base import Engine, NotInstalled, first_line

ENGINES: Registry[type[Engine]] = Registry("engine", __name__, __path__, a_class(Engine), group="dlstream.engines")

AUTO = ("cuda", "onnx")
"""What `auto` tries, in this order; the last one is part of every installation."""


def open_engine(name: str, path: Path, threads: int, at_once: int = 1) -> Engine:
    """Loads a network file into an engine; with `auto`, into the first of `AUTO` that is available.

    Raises:
        NetworkError: there is no such engine, what it needs is not installed, or the file can't be used.
    """
    if name == "auto":
        for candidate in AUTO[:-1]:
            try:
                return ENGINES[candidate](path, threads, at_once)
            except (NotInstalled, PartError):
                continue
        name = AUTO[-1]
    if name not in ENGINES:
        known = ["auto", *ENGINES]
        raise NetworkError(f"engine: found '{name}'; expected one of {', '.join(known)}. {suggest(name, known)}")
    try:
        engine = ENGINES.load(name)
    except PartError as error:
        raise NotInstalled(str(error)) from error
    return engine(path, threads, at_once)


__all__ = ["AUTO", "ENGINES", "Engine", "NotInstalled", "first_line", "open_engine"]
