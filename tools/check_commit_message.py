"""Checks a commit's message; pre-commit runs it (`make hooks`).

    python3 tools/check_commit_message.py FILE

The subject has at most 60 letters, so that `git log --oneline` and every list of commits show all of it. A body follows
after an empty line and says why, where the subject doesn't make it plain.
"""

from __future__ import annotations

import sys
from pathlib import Path

MAX_SUBJECT = 60
MAX_LINE = 100
WRITTEN_BY_GIT = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")


def problems(message: str) -> list[str]:
    """What is wrong with a message; lines that begin with # are git's own and don't count."""
    text = message.partition("# ------------------------ >8 ------------------------")[0]
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("#")]
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        return ["found no subject; expected one line that says what the commit does"]
    subject, body = lines[0], lines[1:]
    found = []
    if not subject.startswith(WRITTEN_BY_GIT):
        if len(subject) > MAX_SUBJECT:
            cut = f"{subject[:MAX_SUBJECT]}|{subject[MAX_SUBJECT:]}"
            found.append(
                f"found a subject of {len(subject)} letters; expected at most {MAX_SUBJECT}: {cut}\n"
                "  Say what changes in the subject, and why in the body."
            )
        if subject.endswith("."):
            found.append("found a full stop behind the subject; expected none")
    if body and body[0]:
        found.append(f"found '{body[0][:40]}' in line 2; expected an empty line between subject and body")
    for line in body:
        if len(line) > MAX_LINE and " " in line.strip():
            found.append(f"found a line of {len(line)} letters; expected at most {MAX_LINE}: {line[:40]} ...")
    return found


def main() -> int:
    """Returns the exit code."""
    found = problems(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for problem in found:
        print(f"commit message: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
