"""Questions in a terminal, each of which can be explained (?) and taken back (<)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

import typer
from rich.console import Console
from rich.text import Text

T = TypeVar("T")
NONE = "none"
INTRODUCTION = "Enter accepts the value in brackets; ? explains a question; < goes back; Ctrl-C quits without writing."


class Back(Exception):
    """The last answer is to be given again."""


class Prompter:
    """Asks, and remembers the answers: to go back, the questions are gone through once more without the last one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._answers: list[str] = []
        self._left: deque[str] = deque()

    def run(self, flow: Callable[[], T]) -> T:
        """What `flow` returns; it begins again each time that an answer is taken back, so it must change nothing."""
        while True:
            try:
                return flow()
            except Back:
                self._left = deque(self._answers[:-1])
                self._answers = []

    def ask(self, question: str, default: str | None = None, about: str = "") -> str:
        """An answer without outer blanks.

        Args:
            default: for an empty answer; None: there has to be one.
            about: what `?` prints.
        """
        if self._left:
            self._answers.append(self._left.popleft())
            return self._answers[-1]
        while True:
            answer = str(typer.prompt(question, default=default)).strip()
            if answer == "?":
                for line in about.splitlines() or ["Nothing more is known about this."]:
                    self.say(Text(f"  {' '.join(line.split())}", "cyan"))
            elif answer != "<":
                self._answers.append(answer)
                return answer
            elif self._answers:
                raise Back
            else:
                self.say(Text("  This is the first question.", "red"))

    def confirm(self, question: str, default: bool = False, about: str = "") -> bool:
        """Yes or no."""
        while True:
            answer = self.ask(f"{question} (y/n)", "y" if default else "n", about).lower()
            if answer in ("y", "yes", "n", "no"):
                return answer[0] == "y"
            self.refuse("Expected y or n.")

    @property
    def place(self) -> int:
        """How many answers there are: where `refuse` can go back to."""
        return len(self._answers)

    def refuse(self, text: str, since: int | None = None) -> None:
        """Says why an answer does not fit, and forgets it, or all answers since a place."""
        del self._answers[-1 if since is None else since :]
        self.say(Text(f"  {text}", "red"))

    def say(self, *what: object) -> None:
        """Prints, unless the questions are being gone through once more."""
        if not self._left:
            self._console.print(*what)
