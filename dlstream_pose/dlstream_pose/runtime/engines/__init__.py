"""Engines, which run a network. A new engine is a module here, or a class in a package of your own."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, cast

from pydantic import ValidationError

from dlstream_common import NetworkError, suggest
from dlstream_common.part_faults import Shown, shown_value
from dlstream_common.picking import a_class
from dlstream_common.plugins import PartError, Registry
from dlstream_common.tagged import Tagged, tagged
from dlstream_pose.runtime.engines._base import Engine, EngineSettings, NotInstalled, first_line
from dlstream_pose.runtime.engines._fastest import fastest
from dlstream_pose.runtime.engines._precision import candidates, precision_of

ENGINES: Registry[type[Engine[Any]]] = Registry(
    "engine", __name__, __path__, a_class(Engine), group="dlstream.engines", reserved=("auto",)
)

AUTO = ("cuda", "onnx")
"""What `auto` tries, in this order; the last one is part of every installation."""


def engine_settings(name: str) -> type[EngineSettings]:
    """The settings class of the engine with this name, with the key `type`; `auto` has only what every engine has.

    Raises:
        PartError: there is no such engine, or it can't be imported.
    """
    kind = EngineSettings if name == "auto" else ENGINES.load(name).settings_type
    return cast(type[EngineSettings], tagged(kind, "type", name))


AnyEngine = Annotated[EngineSettings, Tagged("type", ("auto", *ENGINES), engine_settings, ENGINES, name_is_enough=True)]
"""An engine in a settings file: its name, or a mapping with `type` and the engine's own keys."""


def settings_of_engine(name: str, **values: Any) -> EngineSettings:
    """The settings of an engine, by its name.

    Raises:
        NetworkError: there is no such engine, it is not installed, or a value does not fit it.
    """
    known = ["auto", *ENGINES]
    if name not in known:
        raise NetworkError(f"engine: found '{name}'; expected one of {', '.join(known)}. {suggest(name, known)}")
    try:
        return engine_settings(name)(**values)
    except PartError as error:
        raise NotInstalled(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise NetworkError(f"engine '{name}': {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def open_engine(settings: EngineSettings, path: Path, at_once: int = 1) -> Engine[Any]:
    """Loads a network file into an engine; with `auto`, into the first of `AUTO` that is available.

    A file of less than single precision opens with `auto` in the fastest of the engines that it was proved for, by a
    measurement of two seconds, which is remembered.

    Raises:
        NetworkError: what it needs is not installed, or the file can't be used.
    """
    if settings.type != "auto":
        return _opened(settings, path, at_once)
    if precision := precision_of(path):
        return _fastest_of(settings, path, at_once, candidates(precision))
    for candidate in AUTO[:-1]:
        try:
            return _opened(settings_of_engine(candidate, threads=settings.threads), path, at_once)
        except NotInstalled:
            continue
    return _opened(settings_of_engine(AUTO[-1], threads=settings.threads), path, at_once)


def _fastest_of(settings: EngineSettings, path: Path, at_once: int, names: tuple[str, ...]) -> Engine[Any]:
    """Of the engines with these names that are installed here."""
    opened: dict[str, Engine[Any]] = {}
    missing: list[NotInstalled] = []
    for name in names:
        try:
            opened[name] = _opened(settings_of_engine(name, threads=settings.threads), path, at_once)
        except NotInstalled as error:
            missing.append(error)
    if not opened:
        raise NotInstalled(
            f"{path}: proved only for {', '.join(names)}, and none of them is here: {'; '.join(map(str, missing))}. "
            "Install one, or name another engine"
        )
    choice = fastest(opened, (settings.threads, at_once))
    engine = opened[choice.name]
    engine.description += f"; {choice}"
    return engine


def _opened(settings: EngineSettings, path: Path, at_once: int) -> Engine[Any]:
    try:
        engine: Any = ENGINES.load(settings.type)
    except PartError as error:
        raise NotInstalled(str(error)) from error
    author = ENGINES.author(settings.type)
    with author.calling("__init__"):
        former = "threads" in signature(engine).parameters  # an engine written for dlstream 0.1
        made: Engine[Any] = engine(path, settings.threads if former else settings, at_once)
    made.name = settings.type  # type: ignore[misc]
    for name, (kinds, words) in _ABOUT.items():
        found = getattr(made, name, None)
        if not isinstance(found, kinds):
            raise author.returned("__init__", Shown(f"an engine with {name} {shown_value(found)}"), words)
    return made


_ABOUT: dict[str, tuple[tuple[type, ...], str]] = {
    "sha256": ((str,), "the file's SHA-256 as text"),
    "metadata": ((str, NoneType), "the file's metadata as JSON text, or None"),
    "inputs": ((dict,), 'types by name, such as {"image": "tensor(uint8)"}'),
    "outputs": ((dict,), 'types by name, such as {"poses": "tensor(float)"}'),
    "description": ((str,), "the library and its device, in words"),
}
"""What an engine says of itself once it is made."""


__all__ = [
    "AUTO",
    "ENGINES",
    "AnyEngine",
    "Engine",
    "EngineSettings",
    "NotInstalled",
    "engine_settings",
    "first_line",
    "open_engine",
    "settings_of_engine",
]
