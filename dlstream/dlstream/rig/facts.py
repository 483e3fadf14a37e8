"""What a rig file says about its parts, before any of them is opened."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from dlstream.rig.hosts import host_of
from dlstream.rig.sections import TopicCamera
from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError, Place, Settings
from dlstream_pose import Network, NetworkInfo


class RigFacts:
    """What is known of a rig: nodes get it as parameters, and checks compare other parts with it.

    Args:
        sections: the rig file's sections by key; those with several nodes as mappings.
        file: the rig file.
        removed: the places of keys that could not be read, so that what is missing there may exist.
        changes: options of the command line that changed what the file says.
    """

    @classmethod
    def of(cls, rig: Settings, file: Path, removed: Collection[Place] = ()) -> RigFacts:
        """Of a rig file that was read."""
        changes = getattr(rig, "changes", ())
        return cls({name: getattr(rig, name) for name in type(rig).model_fields}, file, removed, changes)

    def __init__(
        self,
        sections: Mapping[str, Any],
        file: Path,
        removed: Collection[Place] = (),
        changes: tuple[str, ...] = (),
    ) -> None:
        self.partial = frozenset(name for name in sections if any(place[:1] in ((), (name,)) for place in removed))
        self.removed = removed
        self.name: str = sections["rig"]
        self.namespace: str = sections["namespace"]
        self.hosts: Mapping[str, Any] = sections["hosts"]
        self.use_sim_time: bool = sections["use_sim_time"]
        self.file = file
        self.cameras: Mapping[str, Settings] = sections["cameras"]
        self.outputs: Mapping[str, Any] = sections["outputs"]
        self.inputs: Mapping[str, Any] = sections["inputs"]
        self.session: Any = sections["session"]
        self.changes: tuple[str, ...] = changes
        self._start = f"{os.getpid()}_{time.time_ns()}"
        self.pose, self.experiment, self.recorder = (sections[key] for key in ("pose", "experiment", "recorder"))

    def full_name(self, name: str) -> str:
        """A name of ROS within the rig's namespace: /rig1/experiment, where that is rig1."""
        return f"/{self.namespace}{name}" if self.namespace else name

    def memory_of(self, output: str) -> Path:
        """The file by which an output's process that is started again knows what the one before has done.

        The start of the rig has it of its own, and that of any other host, too; `remove_abandoned_files` removes it.
        """
        return Path(tempfile.gettempdir()) / f"dlstream_{self._start}_{output}.json"

    @property
    def records_images(self) -> bool:
        """Whether the recorder takes every frame."""
        return self.recorder is not None and self.recorder.video != "none"

    def image_subscribers(self, camera: str) -> int:
        """How many nodes of the rig take a camera's images."""
        posed = self.pose is not None and camera in (*self.pose_cameras, *self.depth_cameras.values())
        return posed + self.records_images

    def fill_pose(self) -> dict[str, Any]:
        """The parameters of the pose node that follow from the rest of the rig."""
        depth = [f"{camera}={other}" for camera, other in self.depth_cameras.items()]
        foreign = {name: one.frozen_after for name, one in self.cameras.items() if isinstance(one, TopicCamera)}
        frozen = [f"{name}={after:g}" for name, after in foreign.items() if after and name in self.pose_cameras]
        filled: dict[str, Any] = {"cameras": self.pose_cameras, "depth": depth, "frozen_after": frozen}
        if self.pose is not None and self._crossing(self.pose):
            filled["image_reliability"] = "reliable"
        return filled

    def raw_images_from(self, host: str) -> dict[str, str]:
        """The cameras whose raw images come to a host over the network, with the host that they come from."""
        takers = [part for part in (self.pose, self.recorder if self.records_images else None) if part is not None]
        raw = [part for part in takers if part.image_transport == "raw" and host_of(part, self.hosts) == host]
        return {camera: other for part in raw for camera, other in self._crossing(part).items()}

    def _crossing(self, part: Any) -> dict[str, str]:
        """The cameras on other hosts than a part, with their hosts. Where a foreign camera is, nobody knows."""
        own = host_of(part, self.hosts)
        others = {name: host_of(camera, self.hosts) for name, camera in self.cameras.items() if hasattr(camera, "host")}
        return {name: host for name, host in others.items() if host != own}

    @cached_property
    def pose_cameras(self) -> list[str]:
        """The cameras in whose images animals are looked for: all but those that show depth."""
        depth = set(self.depth_cameras.values())
        depth |= {name for name, camera in self.cameras.items() if shows_depth(camera)}
        return sorted(set(self.cameras) - depth)

    @cached_property
    def depth_cameras(self) -> dict[str, str]:
        """By camera, the one that shows its keypoints' depth: as the pose section says, else as they are aligned."""
        if self.pose is None:
            return {}
        if "depth" in self.pose.model_fields_set:
            return dict(self.pose.depth_cameras)
        found: dict[str, str] = {}
        for name in self.cameras:
            for other in self.beside(name):
                with suppress(DlstreamError):  # the other camera's own check reports it
                    if self._source(other).shows_depth_of(self._source(name)):
                        found.setdefault(name, other)
        return found

    def beside(self, camera: str) -> list[str]:
        """The other cameras of a camera's device: the same name of a device on another host is another one."""
        device = self._device_of(camera)
        others = (name for name in self.cameras if name != camera and device[0])
        return [name for name in others if self._device_of(name) == device]

    def _device_of(self, name: str) -> tuple[str, str]:
        """What a camera shares with others, empty where nothing, and the host where that is."""
        camera = self.cameras[name]
        device = ""
        with suppress(DlstreamError):
            device = camera.shared_device() if isinstance(camera, SourceSettings) else ""
        return device, host_of(camera, self.hosts)

    def fill_camera(self, name: str) -> dict[str, Any]:
        """The parameters of a camera that follow from the rest of the rig."""
        camera = self.cameras[name]
        filled: dict[str, Any] = {"wait_for": self.image_subscribers(name), "rig_namespace": self.namespace}
        filled |= self._compressed_rate
        if isinstance(camera, SourceSettings):
            filled |= camera.beside([self._source(other) for other in self.beside(name)])
        return filled

    def _source(self, name: str) -> SourceSettings:
        camera = self.cameras[name]
        assert isinstance(camera, SourceSettings), f"camera '{name}' shares a device"
        return camera

    @property
    def _compressed_rate(self) -> dict[str, float]:
        """What cameras need where a node takes every frame compressed; empty where none does."""
        takers = (self.pose, self.recorder)
        every = any(taker is not None and taker.image_transport == "compressed" for taker in takers)
        return {"compressed_rate": 1000.0} if every else {}

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

    @property
    def engine_is_known(self) -> bool:
        """Whether the network can be loaded: a file that is no .onnx only by its engine, which may be misspelt."""
        misspelt = any(place[:2] == ("pose", "engine") for place in self.removed)
        return self.pose is None or self.pose.network.suffix == ".onnx" or not misspelt

    @cached_property
    def network(self) -> NetworkInfo | None:
        """What the network finds; None where there is none, or it can't be loaded."""
        if self.pose is None or not self.engine_is_known:
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


def shows_depth(camera: Any) -> bool:
    """Whether a camera's images are depths, as far as it can be asked; its own check reports what is wrong."""
    with suppress(DlstreamError):
        return isinstance(camera, SourceSettings) and camera.is_depth()
    return False
