"""The modules that users' own classes imported in dlstream 0.1: sessions keep copies of such files, and replay them."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from dlstream_common import Place, Problem, Severity

_MODEL = "dlstream_experiment.model"
_MOVED = {
    "names": "names",
    "plane": "plane",
    "protocols": "protocols",
    "regions": "regions",
    "scene": "pose_array",
    "triggers": "triggers",
}
_RENAMED = {"scene": {"Scene": "PoseArray"}}


def _problem(place: Place, found: str, expected: str, hint: str = "", error: bool = True) -> Problem:
    return Problem(place, found, expected, hint, Severity.ERROR if error else Severity.WARNING)


def provide_former_names() -> None:
    """Lets `from dlstream_experiment.scene import Scene` and the like find what it is now."""
    for former, now in _MOVED.items():
        name = f"dlstream_experiment.{former}"
        if name in sys.modules:
            continue
        module, today = ModuleType(name, f"Moved to {_MODEL}.{now}."), import_module(f"{_MODEL}.{now}")
        vars(module).update({key: value for key, value in vars(today).items() if not key.startswith("__")})
        vars(module).update({key: getattr(today, value) for key, value in _RENAMED.get(former, {}).items()})
        vars(module).update(Finding=_problem, Mistake=_problem)
        sys.modules[name] = module
