"""Parts: cameras, outputs, triggers and everything else that comes in several types, each known by its name.

A part is a module in the folder of its kind, or a class in any installed package that an entry point names:

    [project.entry-points."dlstream.outputs"]
    valve = "lab_devices:Valve"

The names are known without importing anything. A part is imported when it is first needed, so a missing library or a
mistake in it is an error of this part only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from dlstream_common.errors import DlstreamError
from dlstream_common.installing import pip_install
from dlstream_common.part_faults import Author
from dlstream_common.problems import did_you_mean

T = TypeVar("T")


class PartError(DlstreamError):
    """A part that can't be used: unknown, not fully installed, or broken.

    Attributes:
        found, expected, suggestion: as in a Problem.
    """

    def __init__(self, what: str, found: str, expected: str, suggestion: str = "") -> None:
        self.found, self.expected, self.suggestion = found, expected, suggestion
        super().__init__(f"{what}: found {found}; expected {expected}{f'. {suggestion}' if suggestion else ''}")


class UnknownPart(PartError, KeyError):
    """A name that no part has."""

    __str__ = Exception.__str__


class WrongPart(TypeError):
    """What was imported is no part of the kind that was asked for.

    Attributes:
        found: what it is, so that it reads on after "found", such as "a class that is no Output".
        expected: what it should be.
    """

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"found {found}; expected {expected}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a part comes from.

    Attributes:
        package: the installed package with its version, such as "lab-devices 1.2".
        module: the module that contains the part.
        attribute: the part's name in the module; empty: the module's only part of that kind.
        is_ours: whether it comes with dlstream.
    """

    name: str
    package: str
    module: str
    attribute: str = ""
    is_ours: bool = False

    def __str__(self) -> str:
        return f"{self.package} ({self.module}{f':{self.attribute}' if self.attribute else ''})"


_OWN_ONLY: ContextVar[bool] = ContextVar("own_parts_only", default=False)


@contextmanager
def own_parts_only() -> Iterator[None]:
    """Within it, registries have only the parts that come with dlstream: for what is written once for everybody."""
    token = _OWN_ONLY.set(True)
    try:
        yield
    finally:
        _OWN_ONLY.reset(token)


Pick = Callable[[Any, Origin], T]
"""Returns the part in a module, or in what an entry point names; raises WrongPart if there is none."""


class Registry(Mapping[str, T], Generic[T]):
    """All parts of one kind, by name; `registry[name]` imports that one.

    Args:
        kind: a word for the parts, such as "source".
        folder: the package with one module for each part; modules that begin with _ are not parts.
        path: its `__path__`.
        pick: finds the part in what was imported.
        group: group of entry points; empty: installed packages can't add parts.
        bundles: modules with several parts, and the names of these parts.
        reserved: words that stand in files in place of a name, such as "auto"; no part can have one as its name.
    """

    def __init__(
        self,
        kind: str,
        folder: str,
        path: Iterable[str],
        pick: Pick[T],
        group: str = "",
        bundles: Mapping[str, Sequence[str]] | None = None,
        reserved: Sequence[str] = (),
    ) -> None:
        self.kind, self.group = kind, group
        self._folder, self._path, self._pick = folder, list(path), pick
        self._bundles, self._reserved = dict(bundles or {}), frozenset(reserved)
        self._loaded: dict[Origin, T] = {}

    def origins(self) -> dict[str, list[Origin]]:
        """Where each part comes from, by name. More than one origin is a conflict: see `load`."""
        found: dict[str, list[Origin]] = {}
        package = self._folder.partition(".")[0]
        for module in iter_modules(self._path):
            if not module.name.startswith("_"):
                for name in self._bundles.get(module.name, (module.name,)):
                    found.setdefault(name, []).append(
                        Origin(name, package, f"{self._folder}.{module.name}", is_ours=True)
                    )
        for point in _entry_points(self.group, tuple(sys.path)) if self.group and not _OWN_ONLY.get() else ():
            origin = Origin(point.name, _distribution(point), point.module, point.attr)
            if origin not in found.setdefault(point.name, []):
                found[point.name].append(origin)
        return dict(sorted(found.items()))

    def hidden(self) -> frozenset[str]:
        """The names that only parts of installed packages have, within `own_parts_only`; else empty."""
        if not _OWN_ONLY.get() or not self.group:
            return frozenset()
        return frozenset(point.name for point in _entry_points(self.group, tuple(sys.path))) - set(self.origins())

    def __getitem__(self, name: str) -> T:
        return self.load(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in self.origins() if name not in self._reserved])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self.origins() and name not in self._reserved

    def origin(self, name: str) -> Origin:
        """Where the part of that name comes from.

        Raises:
            UnknownPart: no part has the name.
            PartError: more than one part has it, or it means something else in files.
        """
        origins = self.origins()
        if name not in origins:
            known = list(self)
            found = f"'{name}'" if name else "nothing"
            raise UnknownPart(self.kind, found, f"one of {', '.join(known)}", did_you_mean(name, known))
        first, *others = origins[name]
        if name in self._reserved:
            raise PartError(
                f"{self.kind} '{name}'",
                f"{first}, which has the name '{name}'",
                f"another name: in files '{name}' means something else",
                f"'{name}' can't be the name of a part. Ask the makers of {first.package} to rename its entry point.",
            )
        if others:
            places = " and ".join(str(origin) for origin in (first, *others))
            raise PartError(
                f"{self.kind} '{name}'",
                f"two parts of this name: {places}",
                "names that differ",
                "Uninstall one of the packages, or rename its entry point.",
            )
        return first

    def author(self, name: str) -> Author:
        """Whose code the part of that name is; raises as `origin`."""
        origin = self.origin(name)
        return Author(f"{self.kind} '{name}'", origin.package, origin.module, origin.is_ours)

    def load(self, name: str) -> T:
        """The part of that name; imports it if necessary.

        Raises:
            PartError: no part or several have the name, or it can't be imported; the error says what to install.
        """
        origin = self.origin(name)
        if origin not in self._loaded:
            self._loaded[origin] = self._import(origin)
        return self._loaded[origin]

    def importable(self) -> dict[str, T]:
        """Imports all parts, and returns those that can be imported."""
        found = {}
        for name in self:
            with suppress(PartError):
                found[name] = self.load(name)
        return found

    def usable(self, name: str) -> T:
        """As `load`, for a part that is going to run.

        Raises:
            PartError: as `load`; or a library that it needs is not installed.
        """
        part, lacking = self.load(name), self.lacking(name)
        if lacking:
            what, how = " and ".join(lacking), "; ".join(dict.fromkeys(lacking.values()))
            raise PartError(f"{self.kind} '{name}'", f"no library {what} on this machine", "it to be installed", how)
        return part

    def lacking(self, name: str) -> dict[str, str]:
        """What the part of that name needs and this machine lacks: see `missing`.

        Raises:
            PartError: as `load`; or its `requires` or `lacks` can't be used.
        """
        part = self.load(name)
        try:
            return missing(part)
        except (Exception, SystemExit) as error:  # whatever other people's code raises
            author = self.author(name)
            fault = author.raised(
                "requires or lacks", error, 'modules with pip packages, such as {"pypylon": "pypylon"}'
            )
            raise PartError(f"{self.kind} '{name}'", fault.found, fault.expected, fault.suggestion) from error

    def _import(self, origin: Origin) -> T:
        what = f"{self.kind} '{origin.name}'"
        try:
            item: Any = import_module(origin.module)
            for word in origin.attribute.split(".") if origin.attribute else ():
                item = getattr(item, word)
            return self._pick(item, origin)
        except WrongPart as error:
            raise PartError(what, f"{origin}, {error.found}", error.expected, self._whom_to_ask(origin)) from error
        except ModuleNotFoundError as error:
            library = (error.name or "").partition(".")[0]
            if not library or library == origin.module.partition(".")[0]:
                raise self._broken(what, origin, error) from error
            raise PartError(
                what,
                f"no library {library} on this machine, which {origin} needs",
                "it to be installed",
                pip_install(library),
            ) from error
        except (Exception, SystemExit) as error:  # whatever other people's code raises
            raise self._broken(what, origin, error) from error

    def _broken(self, what: str, origin: Origin, error: BaseException) -> PartError:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}{raised_at(error)}"
        found = f"{origin}, which can't be imported ({reason})"
        return PartError(what, found, "a part that can be imported", self._whom_to_ask(origin))

    @staticmethod
    def _whom_to_ask(origin: Origin) -> str:
        return "" if origin.is_ours else f"Ask the makers of {origin.package}, or uninstall it."


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """The entry points of all packages on `path`, which is sys.path."""
    return tuple(entry_points(group=group))


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module


def raised_at(error: BaseException) -> str:
    """The file and line where it was raised."""
    if isinstance(error, SyntaxError):
        return f", {error.filename}, line {error.lineno}"
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<") and file != __file__ and "importlib" not in file:
            place = f", {file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def missing(part: Any) -> dict[str, str]:
    """What a part needs and this machine lacks, each with a way to install it.

    A part declares its needs by `requires`, which maps modules to pip packages, such as {"pypylon": "pypylon"}; and by
    `lacks()`, a class method that returns such a mapping of what is missing, for needs that are not modules.
    """
    modules: Mapping[str, str] = getattr(part, "requires", {})
    lacking = {name: pip_install(*package.split()) for name, package in modules.items() if not _is_there(name)}
    if not lacking and hasattr(part, "lacks"):
        lacking = dict(part.lacks())
    return lacking


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # its package does not exist, or it was put into sys.modules by a test
        return module in sys.modules
