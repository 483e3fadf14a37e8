"""Kinds of sources, one module each: `accepts(path)`, `EXPECTED`, `requires`, `open_source(path) -> SourceNetwork`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from dlstream_common import NetworkError
from dlstream_common.picking import a_module
from dlstream_common.plugins import Registry
from dlstream_pose.convert._source import SourceNetwork

CONVERTERS: Registry[ModuleType] = Registry("converter", __name__, __path__, a_module)


def open_source(path: Path) -> SourceNetwork:
    """The network in a file or folder of any known kind.

    A module of this package has `accepts(path)`, `EXPECTED`, what it accepts in words, and `open_source(path)`.

    Raises:
        NetworkError: there is no such file, its kind is unknown, or the file can't be used.
    """
    if not path.exists():
        raise NetworkError(f"{path}: there is no such file; expected a trained network")
    if path.suffix == ".onnx" and path.is_file():
        raise NetworkError(
            f"{path}: found an ONNX file; expected the trained network that it was made from. If dlstream made it, it "
            "needs no conversion (dlstream network info says so)"
        )
    known = []
    for module in CONVERTERS.values():
        if module.accepts(path):
            source: SourceNetwork = module.open_source(path)
            return source
        known.append(module.EXPECTED)
    raise NetworkError(f"{path}: found '{path.suffix or path.name}'; expected {'; or '.join(known)}")
