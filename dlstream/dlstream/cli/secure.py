"""`dlstream secure`: a keystore for a rig, with which ROS 2 lets nobody else take part."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from dlstream.console import make_console

_COMMANDS = (
    "rt{}/outputs/*/command",
    "rt{}/experiment/heartbeat",
    "rq{}/outputs/*/armRequest",
    "rq{}/outputs/*/testRequest",
)
"""What outputs act on, as DDS names it."""


def secure(
    rig: Annotated[Path, typer.Argument(help="The rig file.", show_default=False)],
    out: Annotated[
        Path, typer.Option(help="Folder of the keystore; one that is there gets further identities.")
    ] = Path("keystore"),
    enclave: Annotated[
        list[str] | None, typer.Option(help="Identity of a node of somebody else's, such as /lab/arm; may be repeated.")
    ] = None,
) -> None:
    """Make keys for ROS 2's security (SROS2): only the rig's own nodes take part, and few of them command its outputs.

    It needs a ROS 2 whose Fast DDS has the security plugin, such as an installed one. The wheels of dlstream's own
    environment have none.
    """
    from dlstream.rig.file import load_rig
    from dlstream.rig.nodes import rig_nodes
    from dlstream.secure import Keystore, enclaves_of
    from dlstream.secure.enclaves import MONITOR, TOOLS

    console = make_console()
    loaded = load_rig(rig)
    within = f"/{loaded.namespace}" if loaded.namespace else ""
    enclaves = enclaves_of(rig_nodes(loaded, rig), loaded.namespace, enclave or ())
    Keystore(out).add(enclaves, [topic.format(within) for topic in _COMMANDS])
    for one in enclaves:
        console.print(f"{escape(one.name):32} {'may command outputs' if one.commands else ''}".rstrip())
    console.print(f"\nwritten: {escape(str(out))}. Where you start the rig:\n")
    for name, value in (
        ("KEYSTORE", shlex.quote(str(out.resolve()))),
        ("ENABLE", "true"),
        ("STRATEGY", "Enforce"),
        ("ENCLAVE_OVERRIDE", f"{within}/{MONITOR}"),
    ):
        console.print(f"    export ROS_SECURITY_{name}={escape(value)}", soft_wrap=True)
    console.print(f"\nFor rviz, rqt and `ros2` the last one is {within}/{TOOLS}.")
    console.print("The rig's other hosts need `public` and `enclaves`.")
    console.print(f"Who has {escape(str(out / 'private'))} can make further keys: keep it to yourself.")
