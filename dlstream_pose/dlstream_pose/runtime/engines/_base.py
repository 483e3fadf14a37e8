"""What an engine is: a network file, loaded, that takes an image and gives arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dlstream_common import NetworkError, Settings
from dlstream_common.file_kinds import PYTORCH, kind_of_file
from dlstream_common.tagged import Configurable
from dlstream_pose.runtime._seal import is_damaged


class NotInstalled(NetworkError):
    """The requested engine's libraries or device are missing."""


class EngineSettings(Settings):
    """The keys of every engine; an engine adds its own. The registry adds the key `type`, the engine's name."""

    type: str = ""
    """The engine."""
    threads: Annotated[int, Field(ge=0, le=64)] = 2
    """CPU threads for inference; up to this many cameras are served at the same time. 0: one thread per core."""


S = TypeVar("S", bound=EngineSettings)


class Engine(Configurable[S], ABC):
    """A network, loaded by one of the libraries that can run it.

    `class OpenVino(Engine[EngineSettings])` says which settings it has.

    An optional library is imported in `__init__`, and named in `requires`.

    Attributes:
        name: the name in settings: that of its module, or of its entry point.
        requires: modules that it needs, each with what pip installs.
        sha256: of the file.
        metadata: what the file says about itself, as JSON; None if it says nothing.
        inputs: type of each input, such as tensor(uint8), by name.
        outputs: the same of the outputs.
        description: the library, its version and its device, in words.
    """

    settings_type: ClassVar[type[Settings]] = EngineSettings
    name: ClassVar[str]
    requires: ClassVar[Mapping[str, str]] = {}
    parallel: ClassVar[bool] = False
    """Whether it computes two frames at a time faster than one after the other."""

    sha256: str
    metadata: str | None
    inputs: dict[str, str]
    outputs: dict[str, str]
    description: str

    @abstractmethod
    def __init__(self, path: Path, settings: S, at_once: int = 1) -> None:
        """Loads a network file.

        Args:
            settings: the engine's keys; `threads` compute one frame.
            at_once: how many frames may be computed at the same time, by as many threads that call `run`.

        Raises:
            NotInstalled: what the engine needs is not there; says what to install.
            NetworkError: the file can't be used.
        """

    @abstractmethod
    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The outputs of these names for an image (height, width, 3), blue, green, red, C-contiguous.

        Several threads may call it.
        """


def read_network(path: Path) -> bytes:
    """The content of a network file (.onnx).

    Raises:
        NetworkError: it can't be read, is empty, is another tool's, or was altered since it was converted.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe would wait forever
        raise NetworkError(f"{path}: found a pipe or a device; expected a network file (.onnx)")
    if path.is_dir():
        raise NetworkError(
            f"{path}: found a folder; expected a network file (.onnx). A folder of SLEAP-NN or DeepLabCut is converted "
            "first: docs/how-to/networks.md"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror}); expected a network file (.onnx)") from error
    if not content:
        raise NetworkError(f"{path}: found an empty file; expected a network (.onnx)")
    if is_damaged(content):
        raise NetworkError(
            f"{path}: the file is not what the converter wrote: it was damaged or altered since; expected the SHA-256 "
            "that stands at its end. Copy it again, or convert the original again"
        )
    kind = kind_of_file(path)
    if path.suffix in (".pt", ".pth", ".pb") or kind == PYTORCH:
        new = path.with_suffix(".onnx").name
        raise NetworkError(
            f"{path}: found a {'TensorFlow' if path.suffix == '.pb' else 'PyTorch'} file; expected ONNX. Convert it "
            f"first: dlstream network convert {path.name} {new if new != path.name else 'NEW.onnx'}"
        )
    if kind:
        raise NetworkError(f"{path}: found {kind}; expected a network as dlstream's converter writes it (.onnx)")
    return content


def unloadable(path: Path, size: int, library: str, error: Exception) -> NetworkError:
    """The error for a file that a library can't load."""
    return NetworkError(
        f"{path}: found {size} bytes that {library} can't load ({first_line(error)}); "
        "expected a network as dlstream's converter writes it. The file may be damaged or incomplete: convert "
        "the original again"
    )


def first_line(error: Exception) -> str:
    """The gist of a library's lengthy error message."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
