from __future__ import annotations

import io
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bag_tools import COUNT, ROOT, Maker
from check_tools import CONFIG, RIG
from offline_tools import EXPERIMENT
from rich.console import Console
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dlstream.offline.analyze import Options
from dlstream.offline.bags import is_bag, replay_bag
from dlstream.offline.replay import replay_session
from dlstream_camera.arena import Arena


@pytest.fixture(scope="module")
def store() -> Any:
    made = get_typestore(Stores.ROS2_JAZZY)
    for name in ("Individual", "FramePoses", "Skeleton"):
        text = (ROOT / "dlstream_msgs" / "msg" / f"{name}.msg").read_text()
        made.register(get_types_from_msg(text, f"dlstream_msgs/msg/{name}"))
    return made


@pytest.fixture(scope="module")
def walk() -> list[tuple[Any, Any]]:
    arena = Arena(320, 240, seed=3, fps=2.0)
    return [arena.render(number) for number in range(COUNT)]


@pytest.fixture
def make(store: Any, walk: Any, tmp_path: Path) -> Maker:
    return Maker(store, tmp_path, walk)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=400, file=io.StringIO())


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """A block in which no file takes more than 10 bytes, as on a full disk."""

    @contextmanager
    def full() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return full


@pytest.fixture
def replayed(tmp_path: Path, console: Console) -> Any:
    """Replays a bag; returns the frames' table of the session, which replays byte for byte itself."""
    experiment = tmp_path / "left.yaml"
    experiment.write_text(EXPERIMENT)

    def run(path: Path, network: Path | None = None, **words: Any) -> pd.DataFrame:
        assert is_bag(path)
        out = tmp_path / f"out_{len(list(tmp_path.iterdir()))}"
        replay_bag(path, out, Options(network, experiment, video=False, **words), console)
        assert replay_session(out, None, None, console) == 0
        return pd.concat([pd.read_csv(table) for table in sorted(out.glob("top*.frames.csv"))])

    return run


@pytest.fixture
def write(tmp_path: Path):
    """Writes a rig file: check_tools.RIG with a part replaced."""

    def write(old: str = "", new: str = "") -> Path:
        text = RIG.format(config=CONFIG)
        assert old in text
        path = tmp_path / "rig.yaml"
        path.write_text(text.replace(old, new))
        return path

    return write
