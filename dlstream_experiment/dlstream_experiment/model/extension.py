"""Classes of the user's own that an experiment file names: `file.py:Class` beside it, or an installed entry point.

A file can't run code by itself. `file.py:Class` counts only where whoever starts the experiment has allowed it
(`allow_python`), and only for a file in the experiment file's own folder or below. An entry point was installed on
purpose and needs no further word.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from dlstream_common import DlstreamError, named_file, suggest
from dlstream_common.part_faults import shown_value
from dlstream_experiment.model._former_names import provide_former_names
from dlstream_experiment.model.names import Location

T = TypeVar("T")

_MODULES: dict[tuple[Path, int, int], ModuleType] = {}


class ExtensionError(DlstreamError):
    """An object of the user's class raised something, or returned what can't be used.

    Attributes:
        place: where it is in the experiment file.
        named: `file.py:Class`, as the file has it.
        reason: what went wrong: method, exception, file and line.
    """

    def __init__(self, owner: Owner, reason: str) -> None:
        self.place, self.named, self.reason = owner.place, owner.named, reason
        super().__init__(f"{owner.what} ({owner.named}): {reason}")


@dataclass(frozen=True)
class Owner:
    """Whom the user's objects belong to: a trigger, or the protocol.

    Attributes:
        what: in words, such as "trigger 'near_wall'".
        file: of the class, so that errors name the line.
    """

    what: str
    place: Location
    named: str
    file: str

    @classmethod
    def of(cls, what: str, place: Location, named: str, own: object) -> Owner:
        """Of an object of the user's class."""
        return cls(what, place, named, getattr(sys.modules.get(type(own).__module__), "__file__", None) or "")

    def error(self, method: str, raised: BaseException, when: str = "") -> ExtensionError:
        """The error for something that a method raised; `when`: such as " (at stamp 7 ns)"."""
        if isinstance(raised, ExtensionError):
            return raised
        line = _line(raised, Path(self.file))
        where = f" ({self.file}, line {line})" if line else ""
        text = " ".join(str(raised).split())
        return ExtensionError(
            self, f"{method} raised {type(raised).__name__}{f': {text}' if text else ''}{where}{when}"
        )

    def wrong(self, method: str, found: Any, expected: str, when: str = "") -> ExtensionError:
        """The error for something that a method returned."""
        return ExtensionError(self, f"{method} returned {shown_value(found)}; expected {expected}{when}")

    @contextmanager
    def guard(self, method: str, when: str = "") -> Iterator[None]:
        """Whatever is raised within becomes an ExtensionError."""
        try:
            yield
        except (Exception, SystemExit) as error:
            raise self.error(method, error, when) from error

    def ask(self, method: str, call: Callable[[], T], kind: type[Any], expected: str) -> T:
        """What a method of the user's returns.

        Raises:
            ExtensionError: it raises, or returns something of another kind.
        """
        with self.guard(method):
            value = call()
        if not isinstance(value, kind):
            raise self.wrong(method, value, expected)
        return value


def on_frame(stamp: int) -> str:
    """When something went wrong, as text."""
    return f" (at stamp {stamp} ns)"


def find_class(text: str, base: Any, group: str, info: ValidationInfo) -> Any:
    """The settings class that a file names.

    Args:
        text: `file.py:Class`, or the name of an entry point.
        base: what it must be a subclass of.
        group: of the entry points.
        info: its context has `directory` (of the file) and `python` (whether code may be loaded).

    Raises:
        ValueError: there is none, it may not be loaded, or it is something else. Says what was expected.
    """
    file, colon, name = text.partition(":")
    found = _attribute(_module(file, info), name, file) if colon else _entry_point(text, group)
    if not (isinstance(found, type) and issubclass(found, base) and found is not base):
        raise ValueError(f"a subclass of {base.__name__}, but {name or text} is {_article(found)}")
    return found


def read_options(kind: type[BaseModel], options: Any, info: ValidationInfo) -> BaseModel:
    """The options of a file as an object of the user's class.

    Raises:
        ValidationError: with the places of what is wrong below the options.
        ValueError: the class itself can't be used.
    """
    if not isinstance(options, Mapping):
        raise ValueError("keys and values (key: value)")
    values = {**options, "type": "python"} if "type" in kind.model_fields else dict(options)
    try:
        return kind.model_validate_json(json.dumps(values), strict=True, context=info.context)
    except ValidationError as error:
        raise _placed(error, kind) from error
    except TypeError as error:  # methods that the class does not have
        raise ValueError(f"a class that has all it needs ({error})") from error
    except (Exception, SystemExit) as error:  # whatever its own validators raise
        file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
        raise ValueError(f"options that {kind.__name__} can be made of, but {_reason(error, Path(file))}") from error


def _placed(error: ValidationError, kind: type[BaseModel]) -> ValidationError:
    """The same problems, with the keys that the class knows, so that the nearest can be suggested."""
    known = [field.alias or name for name, field in kind.model_fields.items() if name != "type"]
    items: list[InitErrorDetails] = []
    for item in error.errors():
        kind_of_error: Any = item["type"]
        context = dict(item.get("ctx", {}))
        if kind_of_error == "extra_forbidden" and len(item["loc"]) == 1:
            kind_of_error = PydanticCustomError("extra_forbidden", "a known key", {"known": known})
        elif kind_of_error == "value_error":
            context = {"error": context.get("error", item["msg"])}
        items.append(InitErrorDetails(type=kind_of_error, loc=item["loc"], input=item["input"], ctx=context))
    return ValidationError.from_exception_data(kind.__name__, items)


def _entry_point(name: str, group: str) -> Any:
    installed = {item.name: item for item in entry_points(group=group)}
    if name not in installed:
        hint = suggest(name, sorted(installed))
        raise ValueError(f"file.py:Class beside this file, or an installed entry point of the group {group}. {hint}")
    provide_former_names()
    try:
        return installed[name].load()
    except Exception as error:  # whatever the code of others raises
        raise ValueError(f"an entry point that loads, but {_reason(error)}") from error


def _module(file: str, info: ValidationInfo) -> ModuleType:
    context = info.context or {}
    if not context.get("python"):
        raise ValueError(
            f"no Python file, as none was allowed to run. Read {file}; if you trust it, start with --allow-python "
            "(a node of its own: parameter allow_python)"
        )
    directory = Path(context.get("directory", ".")).resolve()
    named = (directory / file).resolve()
    path = named_file(file, named, info)
    if not named.is_relative_to(directory):
        raise ValueError(f"a file in the experiment file's own folder ({directory}) or below")
    if path.suffix != ".py" or not path.is_file():
        near = suggest(path.name, sorted(item.name for item in directory.rglob("*.py"))[:50])
        raise ValueError(f"an existing Python file, but there is no {path}. {near}".rstrip())
    state = path.stat()
    key = (path, state.st_mtime_ns, state.st_size)
    if key not in _MODULES:
        _MODULES[key] = _loaded(path)
    return _MODULES[key]


def _loaded(path: Path) -> ModuleType:
    name = f"dlstream_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # where the annotations of its classes are looked up
    provide_former_names()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ValueError(f"a Python file that can be imported, but {_reason(error, path)}") from error
    finally:
        sys.dont_write_bytecode = writes
    return module


def _attribute(module: ModuleType, name: str, file: str) -> Any:
    if not hasattr(module, name):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        own = [key for key in classes if vars(module)[key].__module__ == module.__name__]
        raise ValueError(f"a class of {file}. {suggest(name, own)}".rstrip())
    return getattr(module, name)


def _reason(error: BaseException, path: Path | None = None) -> str:
    line = error.lineno if isinstance(error, SyntaxError) else _line(error, path)
    where = f" in line {line}" if line else ""
    return f"{type(error).__name__}{where}: {' '.join(str(error).split())}"


def _line(error: BaseException, path: Path | None) -> int | None:
    """The line of this file where it was raised, or from which what raised it was called."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if path is not None and trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _article(found: Any) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
