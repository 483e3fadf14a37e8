"""`dlstream output arm | disarm | test`: the outputs of a running rig by hand, without ROS tools.

Exit codes as those of the other commands for a running rig: 0 it is done, 1 it was refused, 3 no rig is running.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from dlstream.cli.remote import WhichRig, find_running, link_to
from dlstream.console import make_console
from dlstream_common import DlstreamError, suggest

by_hand = typer.Typer(help="Outputs of the running rig: arm, disarm or try one by hand.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the output in the rig file.", show_default=False)]


@by_hand.command()
def arm(name: Name, rig: WhichRig = "") -> None:
    """Arm an output by hand: from now on it takes commands, until it is disarmed or its node ends."""
    _arm(name, rig, True)


@by_hand.command()
def disarm(name: Name, rig: WhichRig = "") -> None:
    """Switch an output off now, and keep it off until it is armed by hand. Obeyed in a run, too."""
    _arm(name, rig, False)


@by_hand.command("test")
def try_it(
    name: Name,
    action: Annotated[str, typer.Argument(help="The action, such as on, pulse or show.", show_default=False)],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Its values: width=5 image=left.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="For how long; its manual_timeout at most.")] = 1.0,
    rig: WhichRig = "",
) -> None:
    """Try an armed output for some seconds, which the output itself counts. Refused while an experiment runs."""
    pairs = {}
    for text in values or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise DlstreamError(f"found '{text}'; expected KEY=VALUE, such as width=5")
        pairs[key] = value
    running = find_running(rig)
    with link_to(running) as link:
        _say(f"{name}: {link.test_output(_known(name, running.outputs), action, pairs, seconds)}")


def _arm(name: str, rig: str, wanted: bool) -> None:
    running = find_running(rig)
    with link_to(running) as link:
        _say(f"{name}: {link.arm(_known(name, running.outputs), wanted)}")


def _known(name: str, outputs: tuple[str, ...]) -> str:
    if name not in outputs:
        hint = suggest(name, list(outputs)) or "It has none."
        raise DlstreamError(f"found the output '{name}'; expected one of the running rig. {hint}")
    return name


def _say(text: str) -> None:
    make_console().print(escape(text))
