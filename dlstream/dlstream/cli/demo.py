"""`dlstream demo`: the whole loop on a synthetic animal, and whether it really closed."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from dlstream.cli.demo_laser import NAME as LASER
from dlstream.cli.demo_laser import show_pulses, simulated_board
from dlstream.cli.summary import show_session, troubles
from dlstream.cli.warning_printer import WarningPrinter
from dlstream.rig.ament import share
from dlstream.rig.check import check_rig
from dlstream.rig.file import Rig, load_rig, with_panel
from dlstream.rig.nodes import NodeSpec
from dlstream.run.command import run_rig
from dlstream.run.environment import private_domain
from dlstream_recorder import Summary


def run_demo(seconds: float, show: bool, console: Console, panel: bool = False) -> int:
    """Runs the demo's rig in a ROS domain of its own; 0 only if the loop closed. `seconds`: 0: until Ctrl-C.

    It is config/rig.demo_laser.yaml with a simulated board where the simulator is installed, else config/rig.demo.yaml.
    """
    with simulated_board(console) as board:
        file = share("config", "rig.demo.yaml" if board is None else "rig.demo_laser.yaml")
        rig = _in_this_folder(load_rig(file), show, "" if board is None else board.port)
        rig = with_panel(rig) if panel else rig
        check_rig(rig, file, WarningPrinter(console))
        with private_domain() as domain:
            os.environ.update(domain)
            outcome = run_rig(rig, file, console, seconds, status_every=5.0, extra=[_viewer()] if show else [])
        if outcome.session is None:
            console.print("[bold red]The recorder wrote no session.[/]")
            return 1
        summary = show_session(outcome.session, console)
        missing = not_closed(summary)
        if board is not None:
            found = show_pulses(board, int(rig.outputs[LASER].model_dump()["pin"]), outcome.session, console)
            missing += ["no pulse was at the laser's pin"] if found is not None and not found.count else []
    if outcome.exit_code or missing:
        for reason in missing or ["a node failed"]:
            console.print(f"[bold red]The loop did not close:[/] {reason}")
        return 1
    console.print("[bold green]The loop closed:[/] frame -> pose -> decision -> command -> picture on the screen.")
    if trouble := troubles(summary):
        console.print(f"[yellow]{trouble} The usual cause is a busy computer.[/]")
    return 0


def not_closed(summary: Summary) -> list[str]:
    """What is missing for a closed loop; empty if it closed."""
    wanted = {
        "no frame was captured": summary.frames_captured,
        "no frame was recorded": summary.frames_recorded,
        "no animal was found": summary.frames_with_pose,
        "no command was caused by a frame": summary.latency_ms.capture_to_command.n,
        "no command was acknowledged": summary.latency_ms.command_to_acknowledgement.n,
    }
    return [reason for reason, count in wanted.items() if not count]


def _in_this_folder(rig: Rig, show: bool, port: str) -> Rig:
    """The rig with its sessions in the current folder, windows only on request, and the laser at the board's port."""
    assert rig.recorder is not None
    recorder = rig.recorder.model_copy(update={"directory": Path.cwd() / "sessions"})
    own: dict[str, dict[str, object]] = {"screen": {"offscreen": not show}, LASER: {"port": port}}
    outputs = {name: output.model_copy(update=own[name]) for name, output in rig.outputs.items()}
    return rig.model_copy(update={"recorder": recorder, "outputs": outputs})


def _viewer() -> NodeSpec:
    return NodeSpec("dlstream", "view", "view", "/", {"topic": "/top/image_pose"}, on_failure="continue")
