"""The included experiments, as templates for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlstream.rig.ament import share
from dlstream_common import DlstreamError, suggest


@dataclass(frozen=True)
class Template:
    """An experiment file. `about` is its first sentence."""

    name: str
    file: Path
    about: str


def templates() -> list[Template]:
    """All included experiments, by name.

    Raises:
        DlstreamError: dlstream is not installed as a whole.
    """
    folder = share("config", "experiments")
    found = [Template(file.stem, file, _about(file)) for file in sorted(folder.glob("*.yaml"))]
    if not found:
        raise DlstreamError(f"{folder}: found no experiment; expected the included ones. Build the workspace again")
    return found


def find_template(name: str) -> Template:
    """One of them by its name, or any experiment file by its path.

    Raises:
        DlstreamError: there is none.
    """
    known = {item.name: item for item in templates()}
    if name in known:
        return known[name]
    file = Path(name).expanduser()
    if file.is_file():
        return Template(file.stem, file, _about(file))
    raise DlstreamError(f"template '{name}': expected an included experiment, or a file. {suggest(name, list(known))}")


def _about(file: Path) -> str:
    words: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# yaml-language-server"):
            continue
        text = line.lstrip("# ").strip()
        if not line.startswith("#") or not text:
            break
        words.append(text)
    sentence = " ".join(words).split(". ")[0].rstrip(".")
    return sentence + "." if sentence else ""
