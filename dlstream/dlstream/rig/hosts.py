"""The rig file's section `hosts`: the computers of a rig, and which part runs on which.

hosts:
  desk: 10.0.0.1                                # the first is the main host: it runs what says no host
  arena: {address: 10.0.0.2, ssh: anna@arena}
cameras:
  top: {source: opencv, device: 0, host: arena}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from dlstream.rig.ssh_arguments import check_ssh, words_of
from dlstream_common import DlstreamError, Problem, SettingsWithFormerKeys, Severity, former, misfit, suggest

SOCKET_BUFFER = 4 * 1024 * 1024
"""Bytes that a socket is asked to hold: four raw images of 640x480, which come in one burst each."""
_LIMIT = Path("/proc/sys/net/core/rmem_max")


class Host(SettingsWithFormerKeys):
    """A computer on which parts of a rig run."""

    address: Annotated[str, Field(min_length=1, pattern=r"^[^\s;<>&]+$")]
    """Its IP address, or a name by which the others find it."""
    ssh: str = ""
    """What follows `ssh` on a command line to reach it without a password, such as anna@arena or -p 2222 anna@arena
    (of its options -p, -l, -i, -J, -4, -6): the main host starts its share there. Empty: somebody starts `dlstream run
    RIG --host NAME` there."""
    command: Annotated[str, Field(min_length=1)] = "dlstream"
    """How dlstream is started there by ssh, such as /home/anna/dlstream/.venv/bin/dlstream."""
    file: str = ""
    """The rig file there; empty: at the same path as on the main host."""
    on_failure: Literal["stop", "continue"] = "stop"
    """When nothing is heard of it for `gone_after`: stop the rig (and fail), or go on without it until it is back."""
    silence: Annotated[float, Field(ge=0.1, le=3600)] = 0.25
    """Seconds without a sign of life after which outputs go off, if a part runs there on which they depend."""
    gone_after: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    """Seconds without a sign of life after which it counts as gone: see on_failure."""
    patience: Annotated[float | None, Field(ge=0.1, le=3600, exclude=True), former("gone_after")] = None
    start_timeout: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Seconds to wait for it at the start."""
    clock_warning: Annotated[float, Field(gt=0, le=3600)] = 0.002
    """Seconds by which its clock may differ from the main host's before a warning."""
    clock_limit: Annotated[float, Field(gt=0, le=3600)] = 0.05
    """Seconds from which the rig does not start, and ends if it runs."""

    @field_validator("ssh")
    @classmethod
    def _only_reaches(cls, value: str) -> str:
        check_ssh(value)
        return value

    @field_validator("command")
    @classmethod
    def _in_words(cls, value: str) -> str:
        expected = "a command as a shell takes it, such as /home/anna/dlstream/.venv/bin/dlstream"
        if not words_of(value, expected):
            raise ValueError(expected)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Host:
        for less, more in (("silence", "gone_after"), ("clock_warning", "clock_limit")):
            low, high = getattr(self, less), getattr(self, more)
            if high < low and more in self.model_fields_set:
                raise misfit(more, f"at least {less}, {low:g} s")
            if high < low:
                raise misfit(less, f"at most {more}, {high:g} s")
        return self


def _address_or_mapping(value: Any) -> Any:
    return {"address": value} if isinstance(value, str) else value


HostSection = Annotated[Host, BeforeValidator(_address_or_mapping, json_schema_input_type=str | Host)]
"""What `hosts.<name>` takes: an address, or a mapping."""


class NoSuchHostError(DlstreamError):
    """A host that the rig file does not name."""


def main_host(hosts: Mapping[str, Any]) -> str:
    """The host of every part that says none: the first. Empty in a rig of one computer."""
    return next(iter(hosts), "")


def host_of(section: Any, hosts: Mapping[str, Any]) -> str:
    """The host on which a section's part runs; empty in a rig of one computer."""
    return getattr(section, "host", "") or main_host(hosts)


def this_host(hosts: Mapping[str, Any], asked: str = "") -> str:
    """The host of this process: the one that was asked for, else the main host.

    Raises:
        NoSuchHostError: the rig file does not name it.
    """
    if asked and asked not in hosts:
        if not hosts:
            raise NoSuchHostError(f"--host {asked}: this rig has one computer; expected a section 'hosts' in its file")
        raise NoSuchHostError(
            f"--host {asked}: no host of this rig; expected one of {', '.join(hosts)}. {suggest(asked, list(hosts))}"
        )
    return asked or main_host(hosts)


def check_host_of(section: Any, hosts: Mapping[str, Any]) -> Iterator[Problem]:
    """A section whose host the rig does not name."""
    named = getattr(section, "host", "")
    if named and named not in hosts:
        expected = f"one of hosts: {', '.join(hosts)}" if hosts else "a section 'hosts' that names it"
        advice = suggest(named, list(hosts)) if hosts else ""
        if hasattr(section, "address"):
            advice = "The address of the device is `address` and `port` (once `host` and `host_port`)."
        yield Problem(("host",), f"'{named}'", expected, advice)


def check_socket_buffers(crossing: Mapping[str, str], limit: int | None = None) -> Iterator[Problem]:
    """A warning where raw images come over the network into buffers that do not hold one.

    Args:
        crossing: cameras whose raw images come here, with the host from which they come.
        limit: the kernel's limit in bytes; None: that of this computer.
    """
    limit = receive_limit() if limit is None else limit
    if crossing and limit is not None and limit < SOCKET_BUFFER:
        names = ", ".join(f"'{camera}' from {host}" for camera, host in crossing.items())
        found = (
            f"raw images of {names}, and sockets here that hold {limit} bytes at most: images come late or not at all"
        )
        yield Problem(
            ("hosts",),
            found,
            f"{SOCKET_BUFFER} bytes, or `image_transport: compressed`",
            f"Here: sudo sysctl -w net.core.rmem_max={SOCKET_BUFFER}; /etc/sysctl.d/60-dlstream.conf keeps that key.",
            Severity.WARNING,
        )


def receive_limit() -> int | None:
    """The kernel's limit of a socket's receive buffer in bytes; None where it can't be read."""
    try:
        return int(_LIMIT.read_text())
    except (OSError, ValueError):
        return None
