"""ONNX Runtime, with any of its providers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dlstream_pose.runtime.engines._base import Engine, EngineSettings, NotInstalled, read_network, unloadable

METADATA_KEY = "dlstream"


class OnnxRuntime(Engine[EngineSettings]):
    """A session of ONNX Runtime with one provider; what it can't compute runs on the CPU."""

    provider: ClassVar[str]
    device: ClassVar[str]
    install: ClassVar[str]

    @classmethod
    def lacks(cls) -> dict[str, str]:
        """What this machine lacks for it, each with how to install it."""
        return {} if cls.provider in onnxruntime.get_available_providers() else {cls.provider: cls.install}

    def __init__(self, path: Path, settings: EngineSettings, at_once: int = 1) -> None:
        if self.lacks():
            raise NotInstalled(
                f"engine {self.name}: this ONNX Runtime {onnxruntime.__version__} has no {self.provider}, only "
                f"{', '.join(onnxruntime.get_available_providers())}; {self.install}"
            )
        self._session, self.sha256, self.metadata = self._open(path, settings)
        if self.provider not in self._session.get_providers():
            raise NotInstalled(
                f"engine {self.name}: {self.provider} could not be started on this machine; {self.install}"
            )
        self.inputs = {item.name: item.type for item in self._session.get_inputs()}
        self.outputs = {item.name: item.type for item in self._session.get_outputs()}
        self.description = f"ONNX Runtime {onnxruntime.__version__} on {self.device}"

    def _open(self, path: Path, settings: EngineSettings) -> tuple[Any, str, str | None]:
        """A session, the file's SHA-256, and its metadata."""
        content = read_network(path)
        sha256 = hashlib.sha256(content).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the cores away from the other nodes of the rig.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        # Fallbacks to another provider are decided here, never silently.
        providers: list[Any] = [(self.provider, self.options(path, sha256))]
        try:
            session = onnxruntime.InferenceSession(content, options, providers=providers)
            # Not every damage is seen before: a name among the metadata that is no text fails here.
            metadata = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        except Exception as error:  # ONNX Runtime's own classes have no common base
            raise unloadable(path, len(content), "ONNX Runtime", error) from error
        return session, sha256, metadata

    def options(self, path: Path, sha256: str) -> dict[str, str]:
        """The provider's settings.

        Args:
            sha256: of the file's content.
        """
        return {}

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        found: list[NDArray[Any]] = self._session.run(list(outputs), {"image": image})
        return found
