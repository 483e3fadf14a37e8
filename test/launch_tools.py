"""`ros2 launch` of a rig whose nodes are small programs, with the rig's own supervision around them."""

from __future__ import annotations

import sys
from pathlib import Path

# The signals come sooner than in a lab: what a test waits for is which of them come, not when.
LAUNCH = """
import signal, sys
from dlstream.run.runner import SIGNAL_TIMEOUTS
from ros2cli.cli import main
SIGNAL_TIMEOUTS.update({signal.SIGINT: SECONDS, signal.SIGTERM: SECONDS, signal.SIGKILL: 300.0})
sys.exit(main())
"""
FILE = """\
import time
from contextlib import ExitStack
from pathlib import Path

from dlstream.launching.actions import SuperviseRig
from dlstream.launching.rig import node_action
from dlstream.rig.file import load_rig
from dlstream.rig.nodes import NodeSpec
from dlstream.run.monitor import Monitor
from dlstream.run.supervision import Supervisor
from launch import LaunchDescription
from launch.actions import OpaqueFunction
from launch.event_handlers import OnProcessStart
from launch.logging import get_logger

OPTIONS = {options}

def start(context):
    path = Path({rig!r})
    rig = load_rig(path)
    specs = [NodeSpec("programs", name, name, "/", **options) for name, options in OPTIONS.items()]
    monitor = Monitor("test", path, [spec.full_name for spec in specs])
    stack = ExitStack()
    stack.callback(monitor.close)
    def say(name, text):
        get_logger("rig").info(text)
    def finish():
        say("rig", "all nodes have ended")
        while path.with_suffix(".hold").exists():
            time.sleep(0.01)
    stack.callback(finish)
    nodes = [(spec, node_action(spec, context)) for spec in specs]
    supervision = SuperviseRig(nodes, monitor, Supervisor(rig, monitor, say), say, stack, False, lambda: None)
    def count(event, context):
        say("rig", f"event handlers: {{len(context._event_handlers)}}")
    context.register_event_handler(OnProcessStart(on_start=count))
    return [*(node for _, node in nodes), supervision]

def generate_launch_description():
    return LaunchDescription([OpaqueFunction(function=start)])
"""


def launch_words(*words: str, seconds: float = 30.0) -> list[str]:
    """The command line `ros2 launch`.

    Args:
        seconds: without output after which a node that was told to end gets SIGTERM, and as many later SIGKILL.
    """
    return [sys.executable, "-c", LAUNCH.replace("SECONDS", str(seconds)), "launch", *words]


def write_programs(folder: Path, programs: dict[str, str], **options: dict[str, object]) -> tuple[Path, Path]:
    """Installs a package `programs` of small programs, and a launch file that starts them; the prefix and the file.

    As long as there is a file programs.hold, the rig is not over when its nodes have ended.

    Args:
        programs: the code of each, in the order in which they start.
        options: of the NodeSpec of each.
    """
    prefix = folder / "prefix"
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "programs").touch()
    (prefix / "lib" / "programs").mkdir(parents=True)
    for name, code in programs.items():
        path = prefix / "lib" / "programs" / name
        path.write_text(f"#!{sys.executable} -S\nimport os, signal, sys, time\n{code}\n")
        path.chmod(0o755)
    rig = folder / "programs.yaml"
    rig.write_text("rig: test\ncameras: {top: {source: synthetic}}\n")
    file = folder / "programs.launch.py"
    file.write_text(FILE.format(options={name: options.get(name, {}) for name in programs}, rig=str(rig)))
    return prefix, file
