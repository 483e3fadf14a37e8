"""How a package is installed where it is missing: into the environment that runs dlstream, not into the shell's."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def pip_install(*packages: str) -> str:
    """The command line: `.venv/bin/python -m pip install pypylon`, with brackets in quotes for the shell."""
    return f"{pip()} install {shlex.join(packages)}"


def pip() -> str:
    """The pip of this interpreter, by the path from here if it lies below."""
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{shlex.quote(str(shown))} -m pip"
