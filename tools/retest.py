"""Runs the tests that failed last once more, one at a time: `python tools/retest.py [MOST]`.

A test that passes now failed beside others: it needs more of the machine than it should, so it is named.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """The exit code: 0 if each of them passes now."""
    failed = sorted(json.loads(FAILED.read_text(encoding="utf-8"))) if FAILED.is_file() else []
    if not failed:
        print("no test is known to have failed: nothing is run again")
        return 1
    most = int(sys.argv[1]) if len(sys.argv) > 1 else len(failed)
    if len(failed) > most:
        print(f"{len(failed)} tests failed; up to {most} would be run again")
        return 1
    print("run again, alone:", *failed, sep="\n  ", flush=True)
    code = subprocess.run([sys.executable, "-m", "pytest", *failed], check=False).returncode
    if code == 0:
        print("failed beside others, passed alone:", *failed, sep="\n  ")
    return code


if __name__ == "__main__":
    sys.exit(main())
