"""`dlstream panel`: a rig and an experiment from nothing, on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="The folder for the new files, with videos and networks to choose from.")]


def panel(
    folder: Folder = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any that is free.")] = 8641,
    address: Annotated[str, typer.Option(help="Address on which it listens; any but 127.0.0.1 needs a token.")] = (
        "127.0.0.1"
    ),
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="A name of this machine under which the page is opened; may be repeated.", show_default=False
        ),
    ] = None,
    token: Annotated[
        Path | None, typer.Option(help="File of the tokens, made if it doesn't exist.", show_default=False)
    ] = None,
) -> None:
    """Make a rig and an experiment from nothing on a page in the browser, and run them; a running rig has its own page.

    Choose camera, network and protocol, draw the regions, read the experiment in words, write the files, run them.
    """
    from pydantic import ValidationError

    from dlstream.wizard.serve import serve
    from dlstream_common import DlstreamError
    from dlstream_panel import PanelSettings

    try:
        settings = PanelSettings(port=port, address=address, names=name or [], token=token and token.resolve())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        about = first.get("ctx", {})
        if "key" in about:
            raise DlstreamError(f"--{about['key']} {address}: expected {about['expected']}") from error
        if first["loc"][:1] == ("address",):
            raise DlstreamError(f"--address {address}: expected {about['error']}") from error
        raise DlstreamError(f"--name: found {first['input']!r}; expected the name of a machine") from error
    serve(folder, settings)
