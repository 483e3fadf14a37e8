"""From one host to a rig on all of them: start the others, wait until all agree, and end together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dlstream.rig.file import Rig
from dlstream.rig.nodes import NodeSpec
from dlstream.run.hosts.files import same_everywhere
from dlstream.run.hosts.link import HostLink
from dlstream.run.hosts.ssh import RemoteShare, start_others
from dlstream.run.monitor import Monitor
from dlstream.run.supervision import Say


@contextmanager
def joined(
    rig: Rig, file: Path, host: str, nodes: Sequence[NodeSpec], monitor: Monitor, say: Say, options: Sequence[str]
) -> Iterator[HostLink]:
    """Yields once every host is there and agrees; afterwards waits for the shares that were started by ssh.

    Raises:
        HostsError: another host did not come, or differs.
        DlstreamError: ssh could not start it.
    """
    link = HostLink(rig, host, same_everywhere(rig, file), nodes, monitor, say)
    others: list[RemoteShare] = []

    def check_others() -> None:
        for other in others:
            other.check()

    reason = "it was interrupted"
    try:
        others += start_others(rig, file, host, options, say)
        link.wait_for_others(check_others)
        yield link
    except Exception as error:
        reason = str(error)
        raise
    finally:
        link.close(reason)
        for other in others:
            other.close()
