"""Several nodes in one process: same names, topics and parameters; frames go from one to the other by reference."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from dlstream_common import DlstreamError, suggest
from dlstream_common.ros import DlstreamNode, LocalFrames, run_nodes

GROUP = "rclpy_components"
"""Entry points by which ROS 2 finds nodes written in Python: `package::Class = module:Class`."""
LINE = "[{severity}] [{name}] {message}"
"""How a line shows which node it comes from; `speaker` reads it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """`together component=/full/name ... [--images /topic ...] [--ros-args ...]`, as `rig_nodes` writes it."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    own = words[: words.index("--ros-args")] if "--ros-args" in words else words
    images: tuple[str, ...] = ()
    if "--images" in own:
        at = own.index("--images")
        own, images = own[:at], tuple(own[at + 1 :])
    os.environ["RCUTILS_CONSOLE_OUTPUT_FORMAT"] = LINE  # before rcl starts to log
    frames = LocalFrames(images)
    try:
        creators = [_creator(word, frames) for word in own]
    except DlstreamError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return run_nodes(creators, words)


def speaker(text: str) -> tuple[str, str] | None:
    """The full name of the node that printed a line, and the line without it; None if the line names no node."""
    found = re.match(r"^(\[\w+\] )\[([\w.]+)\] (.*)$", text)
    return (f"/{found[2].replace('.', '/')}", found[1] + found[3]) if found else None


def _creator(word: str, frames: LocalFrames) -> Callable[[], DlstreamNode[Any]]:
    component, _, full_name = word.partition("=")
    namespace, _, name = full_name.rpartition("/")
    return partial(_component(component), name=name, namespace=namespace or "/", frames=frames)


def _component(name: str) -> Callable[..., DlstreamNode[Any]]:
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        raise DlstreamError(f"node '{name}': not installed. {suggest(name, sorted(known))}")
    kind: Callable[..., DlstreamNode[Any]] = known[name].load()
    return kind


if __name__ == "__main__":
    sys.exit(main())
