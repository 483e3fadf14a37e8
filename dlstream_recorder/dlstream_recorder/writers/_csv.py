"""Tables that are written row by row and can be read at any moment."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from pathlib import Path

from dlstream_recorder.writers._files import AppendFile


class CsvFile:
    """A new csv file; what `write` gets reaches the operating system at once.

    Raises:
        RecordingError: the file exists, or the disk is full or can't be written.
    """

    def __init__(self, path: Path, header: Iterable[Sequence[object]]) -> None:
        self.path = path
        self.rows = 0
        self._file = AppendFile(path)
        self._file.write(_text(header))

    def write(self, rows: Sequence[Sequence[object]]) -> None:
        """Appends rows."""
        self._file.write(_text(rows))
        self.rows += len(rows)

    def replace(self, header: Iterable[Sequence[object]], cell: str, count: int) -> None:
        """Replaces the header, and adds `count` cells to the end of each row."""
        padding = f",{cell}".encode() * count
        old = self.path.read_bytes().splitlines(keepends=True)[-self.rows :] if self.rows else []
        new = self.path.with_name(f".{self.path.name}.new")
        new.unlink(missing_ok=True)
        file = AppendFile(new)
        file.write(_text(header) + b"".join(line[:-1] + padding + b"\n" for line in old))
        new.replace(self.path)
        self._file.close()
        self._file = file
        self._file.path = self.path

    def sync(self) -> None:
        """See AppendFile.sync."""
        self._file.sync()

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        self._file.close()


def _text(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


class CsvRows:
    """The rows of a table that a killed recorder left. Raises OSError if they can't be repaired."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            head = file.read(1 << 20).splitlines(keepends=True)[:4]
        names = [line.split(b",", 1)[0] for line in head]
        self.first_column = names[0].decode(errors="replace") if names else ""
        self._header = head[: max([1, *(names.index(name) + 1 for name in (b"coords",) if name in names)])]

    def columns(self) -> int:
        """The number of cells in a row."""
        return self._header[-1].count(b",") + 1

    def count(self) -> int:
        """The number of rows without the header."""
        with self.path.open("rb") as file:
            return sum(1 for _ in file) - len(self._header)

    def last(self) -> list[str]:
        """The cells of the last row."""
        with self.path.open("rb") as file:
            line = deque(file, maxlen=1)[0]
        return line.decode().rstrip("\n").split(",")

    def append(self, rows: Sequence[Sequence[object]]) -> None:
        """Adds rows at the end."""
        with self.path.open("ab") as file:
            file.write(_text(rows))

    def count_below(self, limit: int) -> int:
        """How many rows come before the first one whose first cell, a whole number, is not below `limit`."""
        with self.path.open("rb") as file:
            rows = islice(file, len(self._header), None)
            return sum(1 for _ in takewhile(lambda line: int(line.partition(b",")[0]) < limit, rows))

    def keep(self, count: int) -> None:
        """Removes all rows after the first `count`."""
        with self.path.open("rb+") as file:
            for _ in range(len(self._header) + count):
                file.readline()
            file.truncate(file.tell())


def cut_half_row(path: Path) -> None:
    """Cuts off an incomplete row at the end of the file."""
    with path.open("rb+") as file:
        end = file.seek(0, io.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                file.truncate(start + found + 1)
                return
            end = start
        file.truncate(0)
