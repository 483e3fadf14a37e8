"""`dlstream track`: checks everything first, then tracks one video after the other, here or on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from dlstream import __version__
from dlstream.offline.footage import open_footage
from dlstream.offline.track.inputs import Item, find_videos
from dlstream.offline.track.job import parts, track_video
from dlstream.offline.track.progress import TrackProgress, show_videos
from dlstream.offline.track.record import look_up, record_path, refuse_another
from dlstream.offline.track.settings import Outcome, Settings
from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError
from dlstream_common.video import check_name
from dlstream_pose import Estimator
from dlstream_pose.runtime.scale import scale_doubt
from dlstream_recorder.export import need
from dlstream_recorder.session.check import check_directory


def track(given: Sequence[Path], settings: Settings, console: Console, scheduler: str = "") -> list[Outcome]:
    """Tracks videos, and prints what became of each.

    Args:
        scheduler: address of a Dask scheduler; empty: on this machine.

    Raises:
        DlstreamError: nothing was begun, because there is no video, results would overwrite foreign files or those of
            another video, the folder of the results can't be written, or there is no scheduler at the address.
    """
    items = find_videos(given, settings.out, lambda text: console.print(f"[yellow]{escape(text)}[/]"))
    check_directory(settings.out, 0.0)
    check_name(settings.out)
    _check_foreign(items, settings)
    for item in items:
        refuse_another(item, settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    outcomes: dict[str, Outcome] = {}
    todo: list[Item] = []
    for item in items:
        found = look_up(item, settings)
        if found.complete:
            outcomes[item.name] = Outcome(item.name, item.path, "complete", found.frames, found.lost)
        else:
            todo.append(item)
    if outcomes:
        are = "is" if len(outcomes) == 1 else "are"
        console.print(f"{len(outcomes)} of {_videos(len(items))} {are} complete already")
    if todo:
        with show_videos(console, {item.name: _expected(item, settings) for item in todo}) as progress:
            for outcome in _outcomes(todo, settings, progress, scheduler, console):
                progress.finish(outcome.name, outcome.frames)
                outcomes[outcome.name] = outcome
                _show(outcome, console)
    return [outcomes[item.name] for item in items]


def make_settings(
    network: Path,
    scale: float | None,
    fps: float,
    engine: str,
    threads: int,
    out: Path,
    annotate: bool,
    pictures: bool,
    sleap: bool,
    console: Console,
) -> Settings:
    """Settings with the network's digest and scale; warns if the scale can't be right.

    Raises:
        NetworkError: the network can't be used.
        DlstreamError: a library that is needed is not installed.
    """
    if sleap:
        need("sleap_io", "sleap-io", "--sleap")
    estimator = Estimator(network, scale, threads, engine)
    if doubt := scale_doubt(estimator.info, scale):
        console.print(f"[yellow]{escape(f'{network}: {doubt}')}[/]")
    return Settings(
        network.absolute(),  # a folder behind a link may be known to other computers under this path only
        estimator.network.sha256,
        estimator.scale,
        fps,
        engine,
        estimator.network.engine.name if estimator.info.precision else engine,
        __version__,
        out.absolute(),
        annotate,
        pictures,
        sleap,
        threads,
    )


def show_summary(outcomes: Sequence[Outcome], out: Path, console: Console) -> None:
    """Prints how many videos are done, and which failed and why."""
    done = [one for one in outcomes if one.state == "tracked"]
    complete = [one for one in outcomes if one.state == "complete"]
    failed = [one for one in outcomes if one.state == "failed"]
    frames, lost = sum(one.frames for one in done), sum(one.lost for one in done)
    line = f"{_videos(len(done))} tracked ({frames} frames, {lost} lost)"
    if complete:
        line += f", {len(complete)} complete already"
    console.print(f"[bold]{line}[/]" + (f"[bold red], {len(failed)} failed:[/]" if failed else ""))
    for one in failed:
        console.print(f"[red]  {escape(str(one.path))}: {escape(one.reason)}[/]")
    console.print(f"[bold]Results[/]   {escape(str(out))}")


def _outcomes(
    todo: Sequence[Item], settings: Settings, progress: TrackProgress, scheduler: str, console: Console
) -> Iterator[Outcome]:
    if scheduler:
        from dlstream.offline.track.cluster import track_on_cluster

        yield from track_on_cluster(scheduler, todo, settings, progress, console)
        return
    for item in todo:
        yield track_video(item, settings, lambda frames, name=item.name: progress.frames(name, frames))  # type: ignore[misc]


def _show(outcome: Outcome, console: Console) -> None:
    if outcome.state == "failed":
        console.print(f"[red]{escape(f'{outcome.name}: {outcome.reason}')}[/]")
        return
    if outcome.state == "complete":  # another command did it meanwhile
        console.print(escape(f"{outcome.name}: complete already"))
        return
    again = f" (done again: {outcome.reason})" if outcome.reason else ""
    lost = f", {outcome.lost} lost" if outcome.lost else ""
    with_pose = f", {outcome.with_pose} with a pose"
    console.print(escape(f"{outcome.name}: {outcome.frames} frames{lost}{with_pose}{again}"))
    for remark in outcome.remarks:
        console.print(f"[yellow]{escape(f'{outcome.name}: {remark}')}[/]")


def _expected(item: Item, settings: Settings) -> int:
    try:
        return open_footage(item.path, "top", SourceSettings(), settings.fps).count
    except (DlstreamError, OSError):
        return 0  # tracking it will say why


def _check_foreign(items: Iterable[Item], settings: Settings) -> None:
    """Refuses to overwrite files that no record belongs to, such as DeepLabCut's own."""
    for item in items:
        base = settings.base(item.name)
        if record_path(item, settings).exists() or parts(settings.out, base):
            continue
        for ending in settings.endings():
            target = settings.out / f"{base}{ending}"
            if target.exists():
                raise DlstreamError(
                    f"{target}: found a file that dlstream did not write; nothing is overwritten. Move it away, or "
                    "choose another --out"
                )


def _videos(count: int) -> str:
    return f"{count} video" if count == 1 else f"{count} videos"
