"""What a rig file says about its parts, before any of them is opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError, Settings
from dlstream_pose import Network, NetworkInfo


class RigFacts:
    """What is known of a rig: nodes get it as parameters, and checks compare other parts with it.

    Args:
        sections: the rig file's sections by key; those with several nodes as mappings.
        file: the rig file.
        partial: sections of which something could not be read, so that what is missing there may exist.
    """

    @classmethod
    def of(cls, rig: Settings, file: Path, partial: frozenset[str] = frozenset()) -> RigFacts:
        """Of a rig file that was read."""
        return cls({name: getattr(rig, name) for name in type(rig).model_fields}, file, partial)

    def __init__(self, sections: Mapping[str, Any], file: Path, partial: frozenset[str] = frozenset()) -> None:
        self.partial = partial
        self.name: str = sections["rig"]
        self.file = file
        self.cameras: Mapping[str, Settings] = sections["cameras"]
        self.outputs: Mapping[str, Any] = sections["outputs"]
        self.pose, self.experiment, self.recorder = (sections[key] for key in ("pose", "experiment", "recorder"))

    @property
    def records_images(self) -> bool:
        """Whether the recorder takes every frame."""
        return self.recorder is not None and self.recorder.video != "none"

    @property
    def image_subscribers(self) -> int:
        """How many nodes of the rig take a camera's images."""
        return (self.pose is not None) + self.records_images

    @cached_property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height in pixels of each camera's published image, where they are known."""
        sizes = {}
        for name, camera in self.cameras.items():
            if isinstance(camera, SourceSettings):
                try:
                    size = camera.published_size()
                except DlstreamError:  # the camera's own check reports it
                    continue
                if size is not None:
                    sizes[name] = size
        return sizes

    @cached_property
    def asked_sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height in pixels asked of each camera that may deliver others: only the device knows."""
        sizes = {}
        for name, camera in self.cameras.items():
            if isinstance(camera, SourceSettings):
                try:
                    size = camera.asked_size()
                except DlstreamError:
                    continue
                if size is not None:
                    sizes[name] = size
        return sizes

    @cached_property
    def frame_rates(self) -> dict[str, float]:
        """Frames per second of each camera, where they are known."""
        rates = {}
        for name, camera in self.cameras.items():
            if isinstance(camera, SourceSettings):
                try:
                    rate = camera.frame_rate()
                except DlstreamError:
                    continue
                if rate:
                    rates[name] = rate
        return rates

    @cached_property
    def network(self) -> NetworkInfo | None:
        """What the network finds; None where there is none, or it can't be loaded."""
        if self.pose is None:
            return None
        try:
            return network_info(self.pose)
        except DlstreamError:  # the pose section's own check reports it
            return None


def network_info(pose: Any) -> NetworkInfo:
    """What a section's network says about itself: dlstream's own files load in any engine, others only in their own.

    Raises:
        NetworkError: it can't be loaded.
    """
    return Network(pose.network, engine="onnx" if pose.network.suffix == ".onnx" else pose.engine).info
