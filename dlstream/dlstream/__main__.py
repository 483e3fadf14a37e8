"""`python -m dlstream`: the command line, where nothing is installed but the packages themselves."""

from __future__ import annotations

import sys

from dlstream.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
