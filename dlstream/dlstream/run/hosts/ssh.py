"""The main host starts the others' shares by ssh, where the rig file says how to reach them."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dlstream.rig.file import Rig
from dlstream.rig.hosts import Host, main_host
from dlstream.run.supervision import Say
from dlstream_common import DlstreamError

_END = 60.0
_PASSED = (
    "ROS_DOMAIN_ID",
    *(f"ROS_SECURITY_{name}" for name in ("KEYSTORE", "ENABLE", "STRATEGY", "ENCLAVE_OVERRIDE")),
)
"""What ssh gives no process there, and every host of a rig needs."""
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5")


class RemoteShare:
    """`dlstream run --host NAME` on another host, by ssh; what it prints is shown here.

    It does not end with ssh: it ends as the main host does, or when it hears nothing more of it.
    """

    def __init__(self, name: str, words: Sequence[str], show: Callable[[str], None]) -> None:
        self.name = name
        self._show = show
        self._last: deque[str] = deque(maxlen=3)
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise DlstreamError(f"hosts.{name}.ssh: can't start ssh ({error.strerror}); is it installed?") from error
        self._thread = threading.Thread(target=self._follow, name=f"ssh {name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises DlstreamError where it has ended, which before the start is too early."""
        code = self._process.poll()
        if code is not None:
            self._thread.join(5)
            said = " / ".join(self._last) or "nothing"
            raise DlstreamError(
                f"host {self.name}: what ssh started there ended with exit code {code}; it said: {said}"
            )

    def close(self) -> None:
        """Waits for its end; after a minute ssh is ended."""
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.terminate()
        self._thread.join(5)

    def _follow(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._last.append(line.strip())
                self._show(line.rstrip())


def ssh_words(host: Host, file: Path, *words: str) -> list[str]:
    """The command line that runs `dlstream WORDS FILE` on another host."""
    passed = {"ROS_DOMAIN_ID": "0", **{name: os.environ[name] for name in _PASSED if name in os.environ}}
    command = [*shlex.split(host.command), words[0], host.file or str(file), *words[1:]]
    there = ["env", *(f"{name}={value}" for name, value in passed.items()), *command]
    return ["ssh", *_OPTIONS, *shlex.split(host.ssh), shlex.join(there)]


def start_others(rig: Rig, file: Path, host: str, options: Sequence[str], say: Say) -> list[RemoteShare]:
    """Starts the shares of the hosts with `ssh`, from the main host; nothing from any other.

    Args:
        options: of this `dlstream run`, which the others need as well.
    """
    if host != main_host(rig.hosts):
        return []
    return [
        RemoteShare(name, ssh_words(other, file, "run", "--host", name, *options), partial(say, name))
        for name, other in rig.hosts.items()
        if name != host and other.ssh
    ]
