"""What DeepLabCut 2 exports: a frozen graph (.pb), and pose_cfg.yaml, which describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dlstream_common import NetworkError


def one_graph(folder: Path) -> Path:
    """The only .pb file in a folder.

    Raises:
        NetworkError: there is none, or more than one.
    """
    graphs = sorted(folder.glob("*.pb"))
    if len(graphs) != 1:
        found = ", ".join(graph.name for graph in graphs) or "no file that ends in .pb"
        raise NetworkError(f"{folder}: found {found}; expected one frozen graph, as deeplabcut.export_model writes it")
    return graphs[0]


class ExportSettings:
    """What pose_cfg.yaml says, checked."""

    def __init__(self, path: Path, content: Any) -> None:
        self._path, self._content = path, content
        if not isinstance(content, dict):
            raise NetworkError(
                f"{path}: found {type(content).__name__}; expected keys with values, as DeepLabCut writes"
            )
        if content.get("partaffinityfield_predict") or int(self._number("num_outputs", 1)) != 1:
            raise NetworkError(
                f"{path}: found a network for several animals; expected one for a single animal. DeepLabCut 3 trains "
                "networks for several, which can be converted"
            )
        self.stride = self._number("stride", 8.0)
        self.deviation = self._number("locref_stdev", 7.2801)
        self.refined = bool(content.get("location_refinement", False))
        self.net_type = str(content.get("net_type", ""))
        names = content.get("all_joints_names")
        if not isinstance(names, list) or not names or len(set(map(str, names))) < len(names):
            raise NetworkError(f"{path}: all_joints_names: found {names!r:.80}; expected different names of keypoints")
        self.keypoints = tuple(str(name) for name in names)

    def _number(self, key: str, default: float) -> float:
        value = self._content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
            raise NetworkError(f"{self._path}: {key}: found {value!r:.80}; expected a number above 0")
        return float(value)


def read_settings(path: Path) -> ExportSettings:
    """What pose_cfg.yaml says.

    Raises:
        NetworkError: it can't be read, or does not describe a single-animal network.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror}); expected it beside the .pb file") from error
    except (YAMLError, ValueError, TypeError, AttributeError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place is not None else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise NetworkError(f"{path}{line}: not YAML ({reason}); expected what DeepLabCut writes") from error
    return ExportSettings(path, content)
