"""What we use of pypylon: Basler's cameras and their features. Imports the library when it is first called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from dlstream_camera.sources._features import FeatureError, Kind, Value
from dlstream_camera.sources._format import Device
from dlstream_common import SourceError

_CLASSES = {"BaslerUsb": "USB3", "BaslerGigE": "GigE", "BaslerCamEmu": "emulation", "BaslerCL": "CameraLink"}


def infos() -> Sequence[Any]:
    """Pylon's description of each camera that is connected.

    Raises:
        SourceError: pylon can't list them.
    """
    from pypylon import genicam, pylon

    try:
        return list(pylon.TlFactory.GetInstance().EnumerateDevices())
    except genicam.GenericException as error:
        raise SourceError(f"pylon can't list Basler cameras: {first_line(error)}") from error


def listed(info: Any) -> Device:
    """What `dlstream camera list` shows of a camera."""
    kind = info.GetDeviceClass()
    address = f" {info.GetIpAddress()}" if info.IsIpAddressAvailable() else ""
    return Device("basler", info.GetSerialNumber(), info.GetModelName(), _CLASSES.get(kind, kind) + address)


def first_line(error: Exception) -> str:
    """What pylon says, without its place in pylon's source."""
    return str(error).strip().partition(" : ")[0].splitlines()[0].rstrip(".")


@contextmanager
def _speaking() -> Iterator[None]:
    from pypylon import genicam

    try:
        yield
    except genicam.GenericException as error:
        raise FeatureError(first_line(error)) from error


class PylonFeatures:
    """The features of an open camera. See `Features`."""

    def __init__(self, camera: Any) -> None:
        self._nodes = camera.GetNodeMap()

    @cached_property
    def _kinds(self) -> Sequence[tuple[type, Kind]]:
        from pypylon import genicam

        return (
            (genicam.IEnumeration, Kind.ENUMERATION),
            (genicam.IBoolean, Kind.BOOLEAN),
            (genicam.IFloat, Kind.FLOAT),
            (genicam.IInteger, Kind.INTEGER),
            (genicam.IString, Kind.STRING),
            (genicam.ICommand, Kind.COMMAND),
        )

    def kind(self, name: str) -> Kind | None:
        node = self._node(name)
        return next((kind for base, kind in self._kinds if isinstance(node, base)), None)

    def is_available(self, name: str) -> bool:
        from pypylon import genicam

        node = self._node(name)
        return node is not None and bool(genicam.IsAvailable(node))

    def choices(self, name: str) -> list[str]:
        with _speaking():
            return list(self._node(name).GetSymbolics())

    def bounds(self, name: str) -> tuple[float, float]:
        with _speaking():
            node = self._node(name)
            return node.GetMin(), node.GetMax()

    def increment(self, name: str) -> int:
        with _speaking():
            return max(1, int(self._node(name).GetInc()))

    def get(self, name: str) -> Value:
        if self.kind(name) in (None, Kind.COMMAND):
            raise FeatureError(f"{name} has no value")
        with _speaking():
            value: Value = self._node(name).GetValue()
            return value

    def set(self, name: str, value: Value) -> None:
        kind = self.kind(name)
        if kind is None:
            raise FeatureError(f"there is no feature {name}")
        with _speaking():
            if kind is Kind.COMMAND:
                self._node(name).Execute()
            else:
                self._node(name).SetValue(value)

    def _node(self, name: str) -> Any:
        """Pylon's object for a feature; None if the camera has none of that name that can be used."""
        from pypylon import genicam

        try:
            node = self._nodes.GetNode(name)
        except genicam.GenericException:
            return None
        return node if node is not None and genicam.IsAvailable(node) else None
