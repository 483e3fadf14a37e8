"""The commands that run without a rig: `dlstream analyze` and `dlstream replay`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dlstream.console import make_console
from dlstream_common import DlstreamError

Network = Annotated[Path | None, typer.Option(help="The network (.onnx).", show_default=False)]
ExperimentFile = Annotated[Path | None, typer.Option(help="The experiment file (YAML).", show_default=False)]
Scale = Annotated[
    float | None,
    typer.Option(
        min=0.01, max=8, help="Size of the network's images relative to the camera's; default: as its file says."
    ),
]
CameraName = Annotated[str, typer.Option(help="The camera's name; default: the experiment's.", show_default=False)]
RigFile = Annotated[
    Path | None, typer.Option(help="A rig file; it provides what is not given here.", show_default=False)
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Random seed, if the experiment file sets none; default: the session's, or 0."),
]
AllowPython = Annotated[
    bool, typer.Option("--allow-python", help="Import the Python files that the experiment file names.")
]

Subject = Annotated[str, typer.Option(help="The animal's name, for session.json.", show_default=False)]
Note = Annotated[list[str] | None, typer.Option(help="A note for session.json; may be repeated.", show_default=False)]


def analyze(
    video: Annotated[
        Path, typer.Argument(help="A video, a session's .mkv, or a folder of images.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The session folder to write; new or empty.", show_default=False)],
    network: Network = None,
    experiment: ExperimentFile = None,
    scale: Scale = None,
    camera: CameraName = "",
    rig: RigFile = None,
    seed: Seed = None,
    fps: Annotated[float, typer.Option(min=0, help="Frames per second, instead of the file's own times.")] = 0.0,
    threads: Annotated[int, typer.Option(min=0, help="Cores for the network; 0: as the rig says, or all.")] = 0,
    annotate: Annotated[bool, typer.Option(help="Write annotated.mp4.")] = True,
    live_frames: Annotated[
        bool, typer.Option("--live-frames", help="For a session's .mkv: only the frames that it decided on live.")
    ] = False,
    subject: Subject = "",
    note: Note = None,
    recorded_at: Annotated[
        str,
        typer.Option(
            help="When a video was recorded, such as 2026-03-01 or 2026-03-01T14:30; default: as its metadata say.",
            show_default=False,
        ),
    ] = "",
    allow_python: AllowPython = False,
) -> None:
    """Run an experiment on every frame of a video, without ROS, as fast as possible; writes a session folder."""
    from dlstream.cli.summary import show_session
    from dlstream.offline.analyze import Options
    from dlstream.offline.analyze import analyze as run

    console = make_console()
    options = Options(network, experiment, scale, camera, rig, seed, fps, threads, annotate, allow_python, live_frames)
    options = replace(options, subject=subject, notes=tuple(note or ()), recorded=recorded_at)
    run(video, out, options, console)
    show_session(out, console)


def replay(
    recording: Annotated[Path, typer.Argument(help="A session folder, or a bag.", show_default=False)],
    experiment: ExperimentFile = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="What if? A changed parameter, such as triggers.in_left.dwell=0.2; may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="For a session: file for the new event log. For a bag: the session folder.")
    ] = None,
    network: Network = None,
    scale: Scale = None,
    camera: CameraName = "",
    rig: RigFile = None,
    seed: Seed = None,
    topic: Annotated[str, typer.Option(help="For a bag: the topic of its poses or images, if it has several.")] = "",
    allow_python: AllowPython = False,
) -> None:
    """Decide again on a recording: with the same experiment, another one, or changed parameters."""
    from dlstream.cli.summary import show_session
    from dlstream.offline.analyze import Options
    from dlstream.offline.bags import is_bag, replay_bag
    from dlstream.offline.kinds import is_session, kind_of_no_bag, other_kind
    from dlstream.offline.replay import replay_session
    from dlstream.offline.whatif import what_if

    console = make_console()
    options = Options(network, experiment, scale, camera, rig, seed, allow_python=allow_python, topic=topic)
    given = {
        "--experiment": experiment,
        "--out": out,
        "--network": network,
        "--scale": scale,
        "--camera": camera or None,
        "--rig": rig,
        "--seed": seed,
        "--topic": topic or None,
        "--set": change or None,
    }
    named = [name for name, value in given.items() if value is not None]
    if is_bag(recording):
        if recording.is_file() and (kind := kind_of_no_bag(recording)):
            raise DlstreamError(f"{recording}: found {kind}")
        _refuse(named, ["--set"], f"{recording} is a bag", "--set works on a session: replay the bag into one first")
        if out is None:
            raise DlstreamError("the replay of a bag writes a session folder: name it with --out DIR")
        replay_bag(recording, out, options, console)
        show_session(out, console)
        return
    if not is_session(recording):
        raise DlstreamError(f"{recording}: found {other_kind(recording)}")
    others = ["--network", "--scale", "--camera", "--rig", "--seed", "--topic"]
    what = "Its journal has the poses and the seed; these options are for a bag, or for `dlstream analyze` of its video"
    _refuse(named, others, f"{recording} is a session", what)
    if change:
        what = "--set changes the experiment as it ran and shows what would have happened"
        _refuse(named, ["--experiment", "--out"], "--set is given", what)
        raise typer.Exit(what_if(recording, change, console, allow_python))
    raise typer.Exit(replay_session(recording, experiment, out, console, allow_python))


def _refuse(named: Sequence[str], meaningless: Sequence[str], why: str, instead: str) -> None:
    """Refuses options that would have no effect.

    Raises:
        DlstreamError: one of the named options is meaningless.
    """
    found = [name for name in named if name in meaningless]
    if found:
        raise DlstreamError(f"{', '.join(found)}: can't be used, because {why}. {instead}")
