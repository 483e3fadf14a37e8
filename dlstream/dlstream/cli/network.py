"""The command line's group `network`: convert, distill, quantize, info, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dlstream.console import make_console
from dlstream_common import DlstreamError

if TYPE_CHECKING:
    from rich.console import Console

    from dlstream.bench.network import NetworkOnCamera
    from dlstream_pose import Network, NetworkInfo

network = typer.Typer(
    help="Networks: convert DeepLabCut's export, show what a file is, try it on a video.", no_args_is_help=True
)

NetworkFile = Annotated[Path, typer.Argument(help="A network (.onnx).", show_default=False)]


@network.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Convert DeepLabCut's export and verify on frames that it gives the same poses (--help lists the options).",
)
def convert(context: typer.Context) -> None:
    """Passes all arguments to the converter's own command line."""
    from dlstream_pose.convert import main as convert_network

    convert_network(context.args)


@network.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Give a network file less precision (bf16, fp16, int8), proved harmless on your frames (--help: the options).",
)
def quantize(context: typer.Context) -> None:
    """Passes all arguments to the command line of quantising."""
    from dlstream_pose.convert.precision import main as quantize_network

    quantize_network(context.args)


@network.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Train a small, fast network on a large one's answers to your videos, and prove it (--help: the options).",
)
def distill(context: typer.Context) -> None:
    """Passes all arguments to the command line of distilling."""
    from dlstream_pose.convert.distill import main as distill_network

    distill_network(context.args)


@network.command()
def info(file: NetworkFile) -> None:
    """Show what a network is, and how it compares with its original."""
    from dlstream_pose import Network

    loaded = Network(file, engine="onnx")
    console = make_console()
    console.print(f"[bold]{escape(file.name)}[/]  {escape(_title(loaded.info))}")
    console.print(_facts(loaded))


@network.command(name="test")
def try_on_rig(
    rig: Annotated[Path, typer.Argument(help="The rig file (YAML).", show_default=False)],
    frames: Annotated[int, typer.Option(min=2, help="Frames to take from each camera.")] = 100,
    out: Annotated[Path | None, typer.Option(help="Folder for a picture of each camera.", show_default=False)] = None,
) -> None:
    """Try a rig's network on its cameras: which keypoints, how surely, how fast? Exits with 1 if none is found."""
    from dlstream.bench.network import try_network
    from dlstream.bench.pulses import frame_pulses
    from dlstream.rig.file import load_rig
    from dlstream.rig.sections import frame_triggers

    console = make_console()
    nothing = False
    loaded = load_rig(rig, without_experiment=True)
    triggers, cameras = frame_triggers(loaded), loaded.cameras.values()
    with frame_pulses(triggers, cameras, lambda text: console.print(f"[yellow]{escape(text)}[/]")):
        for found in try_network(loaded, frames, out):
            nothing |= not _show_found(found, console)
    raise typer.Exit(int(nothing))


def _show_found(found: NetworkOnCamera, console: Console) -> bool:
    """Prints what the network found on one camera; returns whether it found anything."""
    import numpy as np

    table = Table("keypoint", "seen", "confidence", box=None, title_justify="left")
    table.title = escape(f"{found.camera}: {found.frames} frames")
    for name, share in found.seen.items():
        table.add_row(escape(name), f"{share:.0%}", f"{found.confidence[name]:.2f}")
    console.print(table)
    taken = float(np.median(found.milliseconds))
    console.print(f"{taken:.1f} ms a frame (median): at most {1000 / taken:.0f} frames a second")
    if found.picture is not None:
        console.print(escape(str(found.picture)))
    any_seen = any(found.seen.values())
    if not any_seen:
        console.print(f"[bold red]No keypoint was found on camera {escape(found.camera)}.[/]")
    return any_seen


@network.command()
def check(
    file: NetworkFile,
    video: Annotated[Path, typer.Argument(help="A video or an image to try it on.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="The picture to write; default: FILE with .check.png.")] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=8, help="Resize frames by this factor; default: the file's own.", show_default=False
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames to try, spread over the video.")] = 60,
    tiles: Annotated[int, typer.Option(min=1, max=30, help="Frames in the picture.")] = 6,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="A keypoint counts as seen from this confidence.")
    ] = 0.5,
    threads: Annotated[int, typer.Option(min=0, help="Threads per frame; 0: the runtime decides.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the picture.")] = False,
) -> None:
    """Draw what a network finds in a video, and print how often it sees each keypoint and how fast it runs."""
    from dlstream_pose import Estimator
    from dlstream_pose.convert.check import check_network
    from dlstream_pose.convert.progress import shown
    from dlstream_pose.runtime.scale import scale_doubt

    picture = out or file.with_suffix(".check.png")
    if picture.exists() and (not force or picture.samefile(video)):
        hint = "Choose another name: --out NAME.png" + ("" if picture.samefile(video) else ", or --force")
        raise DlstreamError(f"{picture}: found a file of this name; nothing is overwritten. {hint}")
    estimator = Estimator(file, scale=scale, threads=threads)
    with shown() as report:
        found = check_network(estimator, video, frames, tiles, min_confidence, report)
    _write_picture(picture, found.picture)
    console = make_console()
    table = Table(box=None, pad_edge=False)
    table.add_column("keypoint")
    table.add_column("seen", justify="right")
    table.add_column("confidence (median)", justify="right")
    for name, seen, confidence in zip(estimator.info.keypoints, found.seen, found.confidence, strict=True):
        colour = "green" if seen >= 0.9 else "yellow" if seen >= 0.5 else "red"
        table.add_row(escape(name), f"[{colour}]{seen:.0%}[/]", f"{confidence:.2f}")
    console.print(table)
    width, height = found.size
    console.print(
        f"{found.frames} frames of {width}x{height}, scale {estimator.scale:g}: "
        f"{found.individuals:.2f} individuals per frame; {found.milliseconds[0]:.1f} ms per frame "
        f"(median; 95 % within {found.milliseconds[1]:.1f} ms)"
    )
    if doubt := scale_doubt(estimator.info, scale):
        console.print(f"[yellow]{escape(f'{file}: {doubt}')}[/]")
    console.print(f"picture: {escape(str(picture))}")


def _write_picture(path: Path, picture: object) -> None:
    import cv2

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written, data = cv2.imencode(path.suffix, picture)  # type: ignore[call-overload]
        if written:
            path.write_bytes(data.tobytes())  # cv2.imwrite does not say why it can't
    except OSError as error:
        raise DlstreamError(f"{path}: can't be written ({error.strerror})") from error
    except cv2.error:
        written = False
    if not written:
        raise DlstreamError(f"{path}: can't be written as a picture; expected a name like check.png")


def _title(about: NetworkInfo) -> str:
    animals = len(about.individuals)
    return f"{len(about.keypoints)} keypoints, {f'up to {animals} animals' if animals > 1 else 'one animal'}"


def _facts(loaded: Network) -> Table:
    about = loaded.info
    size = "x".join(str(side) for side in about.input_size) if about.input_size else "any size (the file does not say)"
    low, high = about.input_range
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for key, value in (
        ("keypoints", ", ".join(about.keypoints)),
        ("skeleton", ", ".join(f"{about.keypoints[a]}-{about.keypoints[b]}" for a, b in about.edges) or "none"),
        ("individuals", ", ".join(about.individuals)),
        ("input", f"{size}; uint8 {low} to {high}, {about.input_channels}"),
        (
            "scale",
            f"{about.scale:g}: frames are resized by it" if about.scale else "not stored: 1 unless you give another",
        ),
        ("net type", about.net_type or "not known"),
        ("decoder", f"{about.decoder}, stride {about.stride:g}; the graph gives {', '.join(about.outputs)}"),
        ("converted from", f"{about.source.file} ({about.source.tool} {about.source.version})"),
        ("source sha256", about.source.sha256),
        ("proof", _proof(about)),
        ("distilled from", _distillation(about)),
        ("precision", _precision(about)),
        ("file", f"{loaded.path.stat().st_size / 1e6:.1f} MB, format {about.format}"),
        ("sha256", loaded.sha256),
    ):
        table.add_row(key, escape(value))
    return table


def _precision(about: NetworkInfo) -> str:
    from dlstream_pose.runtime.precision import described

    return "\n".join(described(about.precision)) if about.precision else "fp32"


def _distillation(about: NetworkInfo) -> str:
    from dlstream_pose.runtime.distillation import described

    return "\n".join(described(about.distillation)) if about.distillation else "nothing: trained on labels"


def _proof(about: NetworkInfo) -> str:
    proof = about.proof
    if proof is None:
        return "none stored: converted by an older version"
    where = f"{proof.frames} frames ({proof.on})"
    if proof.worst is None:
        return f"compared on {where}, but no keypoint was seen: convert again with --frames that show an animal"
    return f"{proof.seen} keypoints seen on {where}, at most {proof.worst:.6f} px from the original"
