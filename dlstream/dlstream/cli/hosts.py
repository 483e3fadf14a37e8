"""`dlstream check` of a rig with several hosts: what must be the same on each, and the checks of the others by ssh."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from dlstream.rig.file import Rig
from dlstream.rig.hosts import main_host, this_host
from dlstream.run.hosts.files import differing, same_everywhere
from dlstream.run.hosts.ssh import ssh_words

_TIMEOUT = 300
_HEAD = "The same on every host, by its hash:"


def show_hosts(rig: Rig, file: Path, host: str, options: Sequence[str], console: Console, ask: bool) -> int:
    """Prints what must be the same, and on the main host also the checks of the others; how many do not pass.

    Args:
        host: the host of this check; empty: the main host.
        options: of this check, which the others need as well.
        ask: whether to check the others by ssh, which starts commands that the rig file names.
    """
    own = same_everywhere(rig, file)
    console.print(_HEAD)
    for name, value in own.items():
        console.print(f"  {name:<30} {value}")
    if this_host(rig.hosts, host) != main_host(rig.hosts):
        return 0
    bad = 0
    for name, other in list(rig.hosts.items())[1:]:
        if not other.ssh or not ask:
            here = "; or from here, by ssh: --hosts" if other.ssh else ""
            console.print(f"Host {name} is checked there: dlstream check {escape(str(file))} --host {name}{here}")
            continue
        console.print(f"Host {name}, by ssh {escape(other.ssh)}:")
        words = ssh_words(other, file, "check", "--host", name, *options)
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            bad += 1
            console.print(f"  [bold red]not reached:[/] {escape(str(error))}")
            continue
        for line in (done.stdout + done.stderr).splitlines():
            console.print(f"  {escape(line)}")
        names = differing(own, _read(done.stdout, own)) if done.returncode == 0 else []
        if names:
            console.print(
                f"  [bold red]differs from {main_host(rig.hosts)}:[/] {', '.join(names)}; copy the rig's folder"
            )
        bad += done.returncode != 0 or bool(names)
    return bad


def _read(text: str, names: Mapping[str, str]) -> dict[str, str]:
    """The hashes that a check has printed."""
    lines = [line.strip() for line in text.partition(_HEAD)[2].splitlines()]
    return {name: line.rsplit(" ", 1)[-1] for line in lines for name in names if line.startswith(f"{name}  ")}
