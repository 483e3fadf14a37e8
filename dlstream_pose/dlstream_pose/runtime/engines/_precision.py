"""What a network file says of its precision, read before an engine is chosen for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dlstream_pose.runtime.precision import Precision

_MARK = b'"precision":{"name":"'
"""As pydantic writes it."""


def precision_of(path: Path) -> Precision | None:
    """The precision that a file was proved for; None: single precision, or a file that an engine will refuse."""
    try:
        content = path.read_bytes() if path.is_file() else b""
    except OSError:
        return None  # the engine says so
    start = content.rfind(_MARK)
    if start < 0:
        return None
    text = content[start + _MARK.index(b"{") :].decode("utf-8", "replace")
    try:
        return Precision.model_validate(json.JSONDecoder().raw_decode(text)[0])
    except (ValueError, ValidationError):
        return None


def precision_name(metadata: str | None) -> str:
    """The name of the precision in a file's metadata."""
    try:
        about: Any = json.loads(metadata or "{}")
        return str(about["precision"]["name"])
    except (ValueError, KeyError, TypeError):
        return "fp32"


def candidates(precision: Precision) -> tuple[str, ...]:
    """The engines that may run a file: those it was proved for.

    The graph of bf16 is that of single precision, which needs no further proof in ONNX Runtime.
    """
    names = [proof.engine for proof in precision.proofs]
    return tuple(dict.fromkeys([*names, *(["onnx"] if precision.name == "bf16" else [])]))
