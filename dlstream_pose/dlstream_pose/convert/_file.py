"""The network file that a converter writes: its label, its seal, its place."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlstream_common import NetworkError
from dlstream_common.installing import pip_install
from dlstream_pose.runtime._seal import sealed
from dlstream_pose.runtime.network_info import METADATA_KEY, NetworkInfo


def free(output: Path) -> Path:
    """A path to write to; what is wrong with it is reported before the work begins."""
    if output.suffix != ".onnx":
        raise NetworkError(f"{output}: found the ending '{output.suffix}'; expected a network file to write (.onnx)")
    if output.is_dir():
        raise NetworkError(f"{output}: found a folder; expected a network file to write (.onnx)")
    there = next(path for path in output.absolute().parents if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        reason = "no folder" if not there.is_dir() else "a folder without permission to write"
        raise NetworkError(f"{output}: can't be written: {there} is {reason}")
    return output


def write(draft: Path, output: Path) -> None:
    partial = output.with_name(output.name + ".partial")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(sealed(draft.read_bytes()))
        partial.replace(output)
    except OSError as error:
        raise NetworkError(f"{output}: can't be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def onnx_package() -> Any:
    """ONNX, which only those need who convert or quantise.

    Raises:
        NetworkError: it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise NetworkError(
            f"converting a network needs the package onnx: {pip_install('onnx', 'onnxscript')}"
        ) from error
    return onnx


def label(path: Path, info: NetworkInfo) -> None:
    """Writes the metadata into an ONNX file, and removes the exporters' debugging notes."""
    onnx = onnx_package()
    model = onnx.load(path)
    # What exporters note for debugging: half a megabyte of stack traces, with the paths of this machine.
    del model.graph.metadata_props[:]
    for item in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.input):
        item.doc_string = ""
        del item.metadata_props[:]
    model.doc_string = ""
    onnx.helper.set_model_props(model, {METADATA_KEY: info.model_dump_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
