"""What a launcher prints: where that fails, its nodes are still watched and ended in order."""

from __future__ import annotations

from collections.abc import Callable


class Printer:
    """Shows lines for as long as that can be done; one that can't be shown interrupts nobody.

    Whoever reads may end before the rig does, as `tee` at the same Ctrl-C or a link of ssh that breaks, and a disk on
    which a log is written may fill.
    """

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self.lost = ""
        """Why nothing is printed any more; empty while it is."""

    @classmethod
    def of(cls, say: Callable[[str, str], None]) -> Printer:
        """One that shows lines by `say`, or `say` itself where it is one."""
        return say if isinstance(say, cls) else cls(say)

    def __call__(self, name: str, text: str) -> None:
        if self.lost:
            return
        try:
            self._say(name, text)
        except (BrokenPipeError, SystemExit):  # rich ends the program where its reader has gone
            self.lost = "nobody reads what it prints any more"
        except OSError as error:
            self.lost = f"what it prints can't be written any more: {error.strerror or error}"
