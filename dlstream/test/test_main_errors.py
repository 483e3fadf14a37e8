"""What the command line says where the computer does not let it work: a sentence, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlstream.cli.main import main

MAIN = [sys.executable, "-c", "import sys; from dlstream.cli.main import main; sys.exit(main())"]


def test_an_error_without_a_file_is_a_sentence(write, monkeypatch, capsys):
    text = "No usable temporary directory found in ['/tmp']"

    def none() -> str:
        raise FileNotFoundError(2, text)

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setattr("sys.argv", ["dlstream", "run", str(write())])
    assert main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"dlstream: {text}"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("check", "dlstream: No space left on device\n"),
        ("run", "dlstream: what it prints can't be written any more: No space left on device\n"),
    ],
)
def test_where_the_output_can_not_be_written_the_standard_error_says_so(write, tmp_path, command, said):
    rig = write()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MAIN, command, str(rig)], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, timeout=300
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert said in done.stderr
