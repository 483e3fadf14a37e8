"""Two hosts on one machine: network namespaces joined by a cable (a veth pair), each with shared memory of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig_tools import command

from dlstream.run.environment import PROFILE


class NoHostsError(Exception):
    """Namespaces can't be made here."""


class TwoHosts:
    """Two hosts, `desk` and `arena`, with a cable between them that can be cut.

    Attributes:
        addresses: by the host's name.
    """

    names = ("desk", "arena")

    def __init__(self, rate: str = "") -> None:
        """Args: rate: of the cable, such as 1gbit; empty: as fast as the machine."""
        number = os.getpid() % 60000
        self._spaces = {name: f"dls{number}{name}" for name in self.names}
        self._links = {name: f"dl{number}{name[0]}" for name in self.names}
        self.addresses = {name: f"10.214.{number % 250}.{last}" for last, name in enumerate(self.names, start=1)}
        self._rate = rate

    def open(self) -> None:
        """Makes both; raises NoHostsError where that is not allowed."""
        if shutil.which("ip") is None or shutil.which("unshare") is None:
            raise NoHostsError("no `ip` (iproute2) or no `unshare` (util-linux)")
        desk, arena = self.names
        for name in self.names:
            self._run(f"ip netns add {self._spaces[name]}")
        self._run(
            f"ip link add {self._links[desk]} netns {self._spaces[desk]} type veth "
            f"peer name {self._links[arena]} netns {self._spaces[arena]}"
        )
        for name in self.names:
            within = f"ip -n {self._spaces[name]}"
            self._run(f"{within} addr add {self.addresses[name]}/24 dev {self._links[name]}")
            self._run(f"{within} link set {self._links[name]} up")
            self._run(f"{within} link set lo up")
            if self._rate:
                shape = f"root tbf rate {self._rate} burst 1mb latency 50ms"
                self._run(f"tc -n {self._spaces[name]} qdisc add dev {self._links[name]} {shape}")
        self._run_words(self.words("desk", "true"))

    def close(self) -> None:
        """Removes both."""
        for space in self._spaces.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def words(self, host: str, *words: str) -> list[str]:
        """A command line that runs on one of the hosts."""
        inside = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'
        return ["ip", "netns", "exec", self._spaces[host], "unshare", "-m", "sh", "-c", inside, "sh", *words]

    def dlstream(self, host: str, *words: str, preload: Path | None = None, profile: Path | None = None) -> list[str]:
        """The installed command line on one of the hosts.

        Args:
            preload: a library that gives the host another time.
            profile: of Fast DDS; None: dlstream's own.
        """
        clock = [] if preload is None else [f"LD_PRELOAD={preload}"]
        network = ["-u", PROFILE] if profile is None else [f"{PROFILE}={profile}"]
        return self.words(host, "env", *network, *clock, *command(*words))

    def start_command(self) -> str:
        """How ssh, which gives no environment, starts dlstream."""
        kept = ("PATH", "AMENT_PREFIX_PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "SDL_VIDEODRIVER")
        return shlex.join(["env", *(f"{key}={os.environ[key]}" for key in kept if key in os.environ), *command()])

    def cut(self) -> None:
        """Pulls the cable out."""
        self._run(f"ip -n {self._spaces['arena']} link set {self._links['arena']} down")

    def join(self) -> None:
        """Puts it in again."""
        self._run(f"ip -n {self._spaces['arena']} link set {self._links['arena']} up")

    def lose(self, percent: int) -> None:
        """Lets so many of a hundred packets get lost, in both directions; raises NoHostsError where nft can't.

        Before the kernel puts the packets of a message together: one that is lost then costs the whole message.
        """
        for name in self.names:
            within = f"ip netns exec {self._spaces[name]} nft"
            if shutil.which("nft") is None:
                raise NoHostsError("no `nft` (nftables)")
            self._run(f"{within} add table inet loss")
            self._run(f"{within} add chain inet loss arriving {{ type filter hook prerouting priority -450 ; }}")
            rule = f"iifname {self._links[name]} numgen random mod 100 < {percent} drop"
            self._run(f"{within} add rule inet loss arriving {rule}")

    def lose_nothing(self) -> None:
        """Ends what `lose` began."""
        for name in self.names:
            self._run(f"ip netns exec {self._spaces[name]} nft delete table inet loss")

    def _run(self, line: str) -> None:
        self._run_words(line.split())

    def _run_words(self, words: list[str]) -> None:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoHostsError(f"{' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def two_hosts(rate: str = "") -> Iterator[TwoHosts]:
    """Makes two hosts, and removes them; raises NoHostsError."""
    hosts = TwoHosts(rate)
    try:
        hosts.open()
        yield hosts
    finally:
        hosts.close()
