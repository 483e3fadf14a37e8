"""What computes a network. A new engine is a module here with an ENGINE; nothing else has to change."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from dlstream_common import NetworkError, suggest
from dlstream_pose.runtime.engines._base import Engine, NotInstalled, first_line

AUTO = ("cuda", "onnx")
"""What `auto` tries, in this order: what is there with every installation comes last."""


def engine_types() -> dict[str, type[Engine]]:
    """Every engine, by name."""
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    return {module.ENGINE.name: module.ENGINE for module in modules if hasattr(module, "ENGINE")}


def open_engine(name: str, path: Path, threads: int, at_once: int = 1) -> Engine:
    """The network of a file in an engine, or with `auto` in the first of `AUTO` that is there.

    Raises:
        NetworkError: there is no such engine, what it needs is not installed, or the file can't be used.
    """
    types = engine_types()
    if name == "auto":
        for candidate in AUTO[:-1]:
            try:
                return types[candidate](path, threads, at_once)
            except NotInstalled:
                continue
        return types[AUTO[-1]](path, threads, at_once)
    if name not in types:
        known = ["auto", *sorted(types)]
        raise NetworkError(f"engine: found '{name}'; expected one of {', '.join(known)}. {suggest(name, known)}")
    return types[name](path, threads, at_once)


__all__ = ["AUTO", "Engine", "NotInstalled", "engine_types", "first_line", "open_engine"]
