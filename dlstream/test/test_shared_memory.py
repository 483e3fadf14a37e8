from __future__ import annotations

import fcntl
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sensor_msgs.msg import Image

from dlstream.run.shared_memory import remove_abandoned
from dlstream_common.ros import image_qos


def test_segments_whose_lock_is_held_stay(tmp_path: Path):
    names = [f"fastrtps_{letter * 16}" for letter in "ab"]
    for name in [*names, "fastrtps_port7411", "something"]:
        (tmp_path / name).touch()
        (tmp_path / f"{name}_el").touch()
    with (tmp_path / f"{names[0]}_el").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_abandoned(tmp_path) == 1
    left = {path.name.removesuffix("_el") for path in tmp_path.iterdir()}
    assert left == {names[0], "fastrtps_port7411", "something"}


def _locks_of(pid: int) -> Iterator[Path]:
    """The lock files that a process holds: those of its own segments, whatever other tests do meanwhile."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            path, held = descriptor.readlink(), Path(f"/proc/{pid}/fdinfo/{descriptor.name}").read_text()
            if re.fullmatch(r"fastrtps_[0-9a-f]{16}_el", path.name) and "FLOCK" in held:
                yield path


def test_a_killed_node_leaves_a_segment_and_a_living_one_goes_on(start_node, observer, wait_for):
    images = {name: observer.collect(Image, f"/{name}/image_raw", image_qos(10)) for name in "ab"}
    nodes = {name: start_node("dlstream_camera.node", namespace=f"/{name}", width=64, height=64) for name in "ab"}
    wait_for(lambda: images["a"] and images["b"], "images of both")
    locks = list(_locks_of(nodes["a"].process.pid))
    assert locks, "the node has a segment"
    nodes["a"].end(signal.SIGKILL)
    remove_abandoned()
    left = [path for lock in locks for path in (lock, lock.with_name(lock.name.removesuffix("_el"))) if path.exists()]
    assert not left
    count = len(images["b"])
    wait_for(lambda: len(images["b"]) > count + 10, "images of the living node")
