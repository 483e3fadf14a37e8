"""Hands videos to a Dask cluster, a video a task."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.markup import escape

from dlstream import __version__
from dlstream.offline.track.inputs import Item
from dlstream.offline.track.job import track_video
from dlstream.offline.track.progress import TrackProgress
from dlstream.offline.track.settings import Outcome, Settings
from dlstream_common import DlstreamError
from dlstream_common.installing import pip_install
from dlstream_recorder import write_error

_TIMEOUT = "10s"


def track_on_cluster(
    address: str, items: Sequence[Item], settings: Settings, progress: TrackProgress, console: Console
) -> Iterator[Outcome]:
    """Yields the outcome of each video as it is there.

    A video whose worker dies goes to another worker, until more have died than Dask's `allowed-failures` (3). Workers
    and this machine must see the videos, the network and the folder of the results under the same paths.

    Raises:
        DlstreamError: `distributed` is not installed, there is no scheduler at the address, or it went away; or the
            folder of the results can't be written.
    """
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError as error:
        raise DlstreamError(
            "--scheduler needs the package 'distributed', which is not installed. Install it: "
            f"{pip_install('distributed')}"
        ) from error
    for name in logging.root.manager.loggerDict:
        if name.startswith(("distributed", "tornado")):  # what they log with tracebacks is said here in a sentence
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        client = Client(address, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise DlstreamError(
            f"--scheduler: found no Dask scheduler at {address} ({error}); expected an address such as "
            "tcp://host:8786, as `dask scheduler` prints it"
        ) from error
    run = uuid4().hex
    with client, _mark(settings.out / f".track-{run}") as mark:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            console.print(f"[yellow]{escape(address)} has no workers yet; waiting for the first one[/]")
        topic = f"dlstream-track-{run}"
        client.subscribe_topic(topic, lambda event: progress.frames(event[1]["name"], event[1]["frames"]))
        settings = replace(settings, threads=settings.threads or 1)  # Dask gives a worker as many tasks as it has cores
        futures: dict[Any, Item] = {}
        for number, item in enumerate(items):
            absolute = replace(item, path=item.path.absolute())
            key = f"track-{item.name}-{run}"
            future = client.submit(_track, absolute, settings, topic, mark, key=key, pure=False, priority=-number)
            futures[future] = item
        try:
            for future in as_completed(list(futures), loop=client.loop):
                yield _outcome(future, futures[future], address)
        finally:
            rest = [future for future in futures if not future.done()]
            if rest:
                client.cancel(rest, reason="dlstream track was stopped")


@contextmanager
def _mark(path: Path) -> Iterator[Path]:
    """An empty file by which workers know the folder of the results; it is gone at the end."""
    try:
        path.touch()
    except OSError as error:
        raise write_error(path, error) from error
    try:
        yield path
    finally:
        with suppress(OSError):  # as on a shared disk that is gone
            path.unlink()


def _track(item: Item, settings: Settings, topic: str, mark: Path) -> Outcome:
    """Runs in a worker."""
    from distributed import get_worker

    worker = get_worker()
    reason = _refusal(settings, mark)
    if reason:
        return Outcome(item.name, item.path, "failed", reason=f"{reason} (worker {worker.address})")

    def report(frames: int) -> None:
        worker.log_event(topic, {"name": item.name, "frames": frames})

    outcome = track_video(item, settings, report)
    if outcome.state == "failed":
        return replace(outcome, reason=f"{outcome.reason} (worker {worker.address})")
    return outcome


def _refusal(settings: Settings, mark: Path) -> str:
    """Why this worker can't make the results that the command would make; empty if it can."""
    if settings.version != __version__:
        return (
            f"found dlstream {__version__}; expected {settings.version}, as where the command was given. Install the "
            "same version on all computers"
        )
    if not mark.exists():  # a folder of this name on the worker's own disk would take the results
        return (
            f"this worker does not see {settings.out} as the computer that gave the command does; expected a folder "
            "on a disk that all of them share, under the same path"
        )
    return ""


def _outcome(future: Any, item: Item, address: str) -> Outcome:
    if future.status in ("cancelled", "lost"):
        raise DlstreamError(
            f"--scheduler {address}: the scheduler went away. Start it again, and give the same command: what is "
            "complete is not done again"
        )
    error = future.exception()
    if error is None:
        found: Outcome = future.result()
        return replace(found, path=item.path)
    reason = f"{type(error).__name__}: {error}"
    if type(error).__name__ == "KilledWorker":
        reason = "every worker that tracked it died; the log of the last one may say why"
    if isinstance(error, ModuleNotFoundError):
        reason = f"a worker could not load dlstream ({error}): start the workers in dlstream's own environment"
    return Outcome(item.name, item.path, "failed", reason=reason)
