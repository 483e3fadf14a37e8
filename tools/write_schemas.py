"""Writes config/schema/*.json, which editors complete rig files and experiment files with, from the settings classes.

.venv/bin/dlstream-env python tools/write_schemas.py
"""

from __future__ import annotations

from pathlib import Path

from dlstream.rig.schema import write_schemas

if __name__ == "__main__":
    for file in write_schemas(Path(__file__).resolve().parent.parent / "config" / "schema"):
        print(file)
