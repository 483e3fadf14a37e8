"""`dlstream secure`: a keystore for a rig, with which ROS 2 lets nobody else take part."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from dlstream.console import make_console


def secure(
    rig: Annotated[Path, typer.Argument(help="The rig file.", show_default=False)],
    out: Annotated[
        Path, typer.Option(help="Folder of the keystore; one that is there gets further identities.")
    ] = Path("keystore"),
    enclave: Annotated[
        list[str] | None, typer.Option(help="Identity of a node of somebody else's, such as /lab/arm; may be repeated.")
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(help="Namespace of the rig's nodes and topics, in place of the file's.", show_default=False),
    ] = None,
) -> None:
    """Make keys for ROS 2's security (SROS2): only the rig's own nodes take part, and few of them command its outputs.

    It needs a ROS 2 whose Fast DDS has the security plugin, such as an installed one. The wheels of dlstream's own
    environment have none.
    """
    from dlstream.rig.file import load_rig, with_panel
    from dlstream.rig.nodes import rig_nodes
    from dlstream.rig.overrides import overrides_of
    from dlstream.secure import Keystore, enclaves_of, lacking
    from dlstream.secure.enclaves import MONITOR, TOOLS

    console = make_console()
    loaded = with_panel(load_rig(rig, overrides=overrides_of(namespace=namespace)))  # --panel may come with any start
    within = f"/{loaded.namespace}" if loaded.namespace else ""
    nodes = rig_nodes(loaded, rig)
    enclaves = enclaves_of(nodes, loaded.namespace, enclave or ())
    Keystore(out).add(enclaves)
    for one in enclaves:
        may = "outputs" if one.commands is None else ", ".join(one.commands)
        console.print(f"{escape(one.name):32} {f'may command {escape(may)}' if may else ''}".rstrip())
    for name in lacking(nodes, enclaves):
        console.print(
            f"[yellow]warning:[/] outputs.*.also_commanded_by: found '{escape(name)}', which has no identity here; "
            f"expected its node by full name, such as --enclave /lab/{escape(name)}"
        )
    console.print(f"\nwritten: {escape(str(out))}. Where you start the rig:\n")
    for name, value in (
        ("KEYSTORE", shlex.quote(str(out.resolve()))),
        ("ENABLE", "true"),
        ("STRATEGY", "Enforce"),
        ("ENCLAVE_OVERRIDE", f"{within}/{MONITOR}"),
    ):
        console.print(f"    export ROS_SECURITY_{name}={escape(value)}", soft_wrap=True)
    console.print(f"\nFor rviz, rqt and `ros2` the last one is {within}/{TOOLS}.")
    console.print("The rig's other hosts need `public` and `enclaves`, at the same place where this one starts them.")
    console.print(f"Who has {escape(str(out / 'private'))} can make further keys: keep it to yourself.")
