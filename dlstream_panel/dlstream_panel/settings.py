"""The settings of the panel."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from dlstream_common import FILLED_IN, AnyPath, ExistingFile, Namespace, Settings
from dlstream_common.settings import misfit

HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"


class PanelSettings(Settings):
    """Parameters of the panel node."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8642
    """Port of the page; 0: any that is free."""
    address: str = "127.0.0.1"
    """Address on which it listens: only this machine reaches it, unless another one is set; a token is needed then."""
    names: list[Annotated[str, Field(pattern=HOST_NAME, max_length=253)]] = []
    """Names of this machine under which the page is opened as well, such as rig1.lab."""
    token: AnyPath | None = None
    """File of the two tokens, made if it doesn't exist; none: ~/.config/dlstream/panel.token, if `address` needs it."""

    rig: Annotated[str, FILLED_IN] = ""
    """Name of the rig."""
    rig_file: Annotated[str, FILLED_IN] = ""
    """The rig file."""
    cameras: Annotated[list[Namespace], FILLED_IN] = []
    """Names of the cameras."""
    outputs: Annotated[list[str], FILLED_IN] = []
    """Names of the outputs."""
    actions: Annotated[list[str], FILLED_IN] = []
    """The commands that each output takes, as output=JSON."""
    nodes: Annotated[list[str], FILLED_IN] = []
    """Full names of the rig's nodes."""
    recording: Annotated[str, FILLED_IN] = ""
    """When the recorder records (rig, experiment, service); empty: there is none."""
    directory: Annotated[str, FILLED_IN] = ""
    """Folder of the sessions."""
    subject: Annotated[str, FILLED_IN] = ""
    """What the rig file says of this session, in words."""
    experiment_file: Annotated[ExistingFile | None, FILLED_IN] = None
    """The experiment file, in which a page draws regions."""
    allow_python: Annotated[bool, FILLED_IN] = False
    """Whether the person who started the rig let the experiment file name Python files."""
    keypoints: Annotated[list[str], FILLED_IN] = []
    """The keypoints of the poses; empty: not known."""
    image_sizes: Annotated[list[str], FILLED_IN] = []
    """The cameras' image sizes, each as camera=WIDTHxHEIGHT; empty: not known."""
    min_confidence: Annotated[float, FILLED_IN, Field(ge=0, le=1)] = 0.5
    """Keypoints with a lower confidence are not drawn."""

    @field_validator("address")
    @classmethod
    def _as_browsers_write_it(cls, address: str) -> str:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            raise ValueError("an IP address of this machine, such as 192.168.1.20, or 127.0.0.1") from None
        if isinstance(found, ipaddress.IPv6Address):
            if found.scope_id is not None:  # no browser takes one
                raise ValueError("an address without a scope (%), such as fd00::20 or 192.168.1.20")
            found = found.ipv4_mapped or found
        return str(found)

    @model_validator(mode="after")
    def _an_address(self) -> PanelSettings:
        if self._is_every_address and not self.names:
            raise misfit("address", f"names as well, under which the page is opened: {self.address} is every address")
        return self

    @property
    def _is_every_address(self) -> bool:
        return ipaddress.ip_address(self.address).is_unspecified

    @property
    def sizes(self) -> dict[str, list[int]]:
        """Width and height of the cameras' images, by camera."""
        pairs = (item.split("=") for item in self.image_sizes)
        return {camera: [int(side) for side in size.split("x")] for camera, size in pairs}

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the page."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def needs_token(self) -> bool:
        """Whether the page is opened with a token."""
        return self.token is not None or not self.is_local

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and addresses under which the page is opened, without the port; the first one is that of the link."""
        own = () if self._is_every_address else (f"[{self.address}]" if ":" in self.address else self.address,)
        local = ("localhost", "127.0.0.1", "[::1]") if self.is_local or self._is_every_address else ()
        return tuple(dict.fromkeys((*own, *self.names, *local)))
