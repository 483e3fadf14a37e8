"""The network of a rig with several hosts: its nodes are found at the hosts' addresses, and listen nowhere else."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path

from dlstream.rig.ament import share
from dlstream.rig.hosts import SOCKET_BUFFER, Host
from dlstream.run.environment import PROFILE
from dlstream.run.supervision import Say
from dlstream_common import DlstreamError

_UDP = "<type>UDPv4</type>"
_WRITER, _WRITER_END = '<data_writer profile_name="writer" is_default_profile="true">', "</data_writer>"
_PACKET = 1400
"""Bytes of a DDS message that fit into one packet of a network.

Longer ones the kernel cuts into packets, and one that is lost costs all of them: of an image, a few in ten arrive where
the network loses one packet in ten, and the rest fills up the kernel's memory until nothing arrives.
"""


def hosts_environment(hosts: Mapping[str, Host], host: str, say: Say, compressed: Iterable[str] = ()) -> dict[str, str]:
    """The ROS variables for this host's share of the rig, in place of those that close it to this computer.

    Args:
        compressed: full names of the topics of compressed images, which cross in packets that are repaired one by one.

    Raises:
        DlstreamError: an address is not known, or this host's is not one of this computer, or one that the others
            can't reach.
    """
    addresses = {name: _address(name, options) for name, options in hosts.items()}
    _check_own(host, addresses[host])
    _check_reachable(host, hosts[host].address, addresses)
    found = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    given = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    if given in ("LOCALHOST", "OFF"):
        others = ", ".join(name for name in hosts if name != host)
        say("rig", f"ROS_AUTOMATIC_DISCOVERY_RANGE is {given}, and this rig has parts on {others}: it uses SUBNET")
    others_there = [address for name, address in addresses.items() if name != host]
    known = [peer for peer in os.environ.get("ROS_STATIC_PEERS", "").split(";") if peer]
    found["ROS_STATIC_PEERS"] = ";".join(dict.fromkeys([*known, *others_there]))
    if PROFILE not in os.environ:
        found[PROFILE] = str(_profile(addresses[host], compressed))
    return found


def _address(name: str, host: Host) -> str:
    try:
        return socket.gethostbyname(host.address)
    except OSError as error:
        raise DlstreamError(
            f"hosts.{name}: found the address '{host.address}', which is not known here ({error.strerror}); expected "
            "an IP address, or a name that this network or /etc/hosts knows"
        ) from error


def _check_own(name: str, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as test:
        try:
            test.bind((address, 0))
        except OSError as error:
            raise DlstreamError(
                f"hosts.{name}: found {address}, which is no address of this computer; expected one that "
                "`ip address` lists here, or --host with the name of this computer in the rig file"
            ) from error


def _check_reachable(name: str, given: str, addresses: Mapping[str, str]) -> None:
    """Debian and Ubuntu know a computer's own name as 127.0.1.1, where nobody else finds it."""
    own = addresses[name]
    others = [other for other, address in addresses.items() if not ip_address(address).is_loopback]
    if ip_address(own).is_loopback and others:
        raise DlstreamError(
            f"hosts.{name}: found '{given}', which is {own} on this computer: {', '.join(others)} can't reach that; "
            "expected its address on the network, such as 10.0.0.1, as `ip address` lists it, or a name that "
            "/etc/hosts here does not give a loopback address (127...)"
        )


def _profile(address: str, compressed: Iterable[str]) -> Path:
    """Fast DDS's profile: as on one computer, but on this network only, with sockets that hold a few images.

    Raw images stay in long messages: in 660 packets each, they would cost the camera's computer more than it has.
    """
    network = (
        f"{_UDP}<sendBufferSize>{SOCKET_BUFFER}</sendBufferSize><receiveBufferSize>{SOCKET_BUFFER}</receiveBufferSize>"
        f"<interfaceWhiteList><address>127.0.0.1</address><address>{address}</address></interfaceWhiteList>"
    )
    text = share("config", "fastdds.xml").read_text(encoding="utf-8").replace(_UDP, network)
    usual = text.partition(_WRITER)[2].partition(_WRITER_END)[0]
    limit = f"<property><name>fastdds.max_message_size</name><value>{_PACKET}</value></property>"
    limited = f"<propertiesPolicy><properties>{limit}</properties></propertiesPolicy>{usual}{_WRITER_END}"
    writers = "".join(f'<data_writer profile_name="{topic}">{limited}' for topic in compressed)
    text = text.replace("</profiles>", f"{writers}</profiles>")
    # By no name that another user could have made a link of; the next start removes it, where this process has ended.
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"dlstream_{os.getpid()}_hosts_", suffix=".xml", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    return Path(file.name)
