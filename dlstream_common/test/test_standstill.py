"""A process that stood still, and that others no longer reach by shared memory."""

from __future__ import annotations

import mmap
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

from dlstream_common.ros._standstill import deaf_ports


def test_a_port_is_deaf_where_it_is_read_and_its_name_is_gone(tmp_path):
    ports = [tmp_path / f"fastrtps_port{number}" for number in (99_990, 99_991, 99_992)]
    for port in ports:
        port.write_bytes(bytes(mmap.PAGESIZE))
    reads = [Path(f"{port}_el") for port in ports[:2]]  # to the third it would only write
    held = [file.open("wb") for file in reads]
    mapped = []
    for port in ports:
        with port.open("r+b") as file:
            mapped.append(mmap.mmap(file.fileno(), 0))
    assert not deaf_ports()
    ports[0].unlink()
    ports[2].unlink()
    assert deaf_ports() == {99_990}
    ports[0].write_bytes(bytes(mmap.PAGESIZE))  # another of the same name is not its own
    assert deaf_ports() == {99_990}
    for item in (*held, *mapped):
        item.close()
    assert not deaf_ports()


def test_a_node_that_is_deaf_after_it_stood_still_ends_and_says_so(start_node, wait_for):
    node = start_node("dlstream_outputs.node", name="laser", namespace="/outputs", type="log")
    wait_for(lambda: "off" in node.output, "its start")
    process = Path("/proc") / str(node.process.pid)
    names = []
    for link in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            names.append(str(link.readlink()))
    ports = {Path(name.removesuffix("_el")) for name in names if "fastrtps_port" in name and name.endswith("_el")}
    assert ports
    os.kill(node.process.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    wait_for(lambda: time.monotonic() - stopped > 1.5, "a standstill")
    os.kill(node.process.pid, signal.SIGCONT)

    def removed() -> bool:
        for port in ports:
            port.unlink(missing_ok=True)  # as another process does that takes it for dead
        return node.process.poll() is not None

    wait_for(removed, "its end")
    assert node.wait() == 1
    said = re.search(r"this process stood still for (\S+) s, and other processes can no longer reach it", node.output)
    assert said, node.output
    assert float(said[1]) >= 1
    assert "Traceback" not in node.output
