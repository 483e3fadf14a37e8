"""What a wrongly given file or folder is, and the command that accepts it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from dlstream_common import DlstreamError
from dlstream_common.file_kinds import BAGS, kind_of_file
from dlstream_common.video import VIDEO_ENDINGS
from dlstream_recorder import JOURNAL

_ROS1 = b"#ROSBAG V"
_IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
_WANTED = "expected a session folder or a bag"
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def is_session(path: Path) -> bool:
    """Whether this is a session folder, or what is left of one."""
    return path.is_dir() and any((path / name).exists() for name in ("session.json", JOURNAL))


def is_ros1(path: Path) -> bool:
    """Whether this is a bag of ROS 1."""
    return path.is_file() and _beginning(path).startswith(_ROS1)


def other_kind(path: Path) -> str:
    """What something is that is neither a session nor a bag, with the command that would work, in a sentence."""
    if not path.exists():
        return "no such file or folder; expected a session folder or a bag"
    if path.is_dir():
        return _folder(path)
    if is_ros1(path):
        return ros1(path)
    if path.suffix.lower() in VIDEO_ENDINGS:
        return (
            f"a video; expected a session folder or a bag. For a video: `dlstream analyze {quote(str(path))} --out DIR`"
        )
    if path.suffix.lower() in _IMAGES:
        return f"an image; {_WANTED}. For images: `dlstream analyze {quote(str(path.parent))} --out DIR`"
    if path.name == "session.json" or is_session(path.parent):
        return f"a file of a session; expected the folder: `dlstream replay {quote(str(path.parent))}`"
    if path.suffix in (".yaml", ".yml"):
        return f"settings (YAML); expected a session folder or a bag. For a rig: `dlstream run {quote(str(path))}`"
    if _beginning(path).startswith(_WIDE):
        return "a text in UTF-16; expected a session folder or a bag"
    kind = kind_of_file(path)
    return (
        f"{kind}; {_WANTED}"
        if kind
        else (f"a file of {path.stat().st_size} bytes that is neither a session nor a bag; expected one of them")
    )


def refuse_sessions(path: Path, command: str) -> None:
    """Refuses a folder with sessions in it where one session is wanted.

    Args:
        command: that would work on one of them, such as "report".

    Raises:
        DlstreamError: it is such a folder.
    """
    if is_session(path) or not path.is_dir():
        return
    inside = next((item for item in sorted(path.iterdir()) if item.name[0] != "." and is_session(item)), None)
    if inside is not None:
        raise DlstreamError(f"{path}: found {_one_of(command, inside)}")


def _one_of(command: str, session: Path) -> str:
    program, *options = command.split(maxsplit=1)
    words = " ".join(("dlstream", program, quote(str(session)), *options))
    return f"a folder of sessions; expected one of them, such as `{words}`"


def kind_of_no_bag(path: Path) -> str:
    """What a file is that has a bag's name, in words, and what was expected; empty if it is one, or was."""
    if is_ros1(path):
        return ros1(path)
    kind = kind_of_file(path)
    return "" if kind in BAGS or not kind else f"{kind}; expected a bag"


def ros1(path: Path) -> str:
    """As `other_kind`, of a bag of ROS 1."""
    command = f"rosbags-convert --src {quote(str(path))} --dst NEW"
    return f"a bag of ROS 1; expected one of ROS 2. Convert it: `{command}`, and replay NEW"


def _folder(path: Path) -> str:
    inside = sorted(item for item in path.iterdir() if not item.name.startswith("."))
    for item in inside:
        if is_ros1(item):
            return ros1(item)
        if is_session(item):
            return _one_of("replay", item)
    packed = next((item for item in inside if item.name.endswith((".db3.zstd", ".mcap.zstd"))), None)
    if packed is not None:
        return (
            "a bag packed by Zstandard, without the metadata.yaml that says so; expected a bag. Unpack its files: "
            f"`unzstd {quote(str(packed))}`, and replay the folder"
        )
    if any(item.suffix.lower() in _IMAGES for item in inside):
        return f"a folder of images; {_WANTED}. For it: `dlstream analyze {quote(str(path))} --out DIR`"
    if not inside:
        return "an empty folder; expected a session folder or a bag"
    return "a folder without a session.json or a metadata.yaml; expected a session folder or a bag"


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""
