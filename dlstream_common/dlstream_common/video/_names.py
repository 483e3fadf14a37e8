"""Names of files in an older encoding, as old disks and archives leave them."""

from __future__ import annotations

import os
from pathlib import Path

from dlstream_common.errors import SourceError


def check_name(path: Path) -> None:
    """Refuses a name that is no UTF-8: OpenCV crashes on it, and neither JSON nor HDF5 can hold it.

    Raises:
        SourceError: it is none.
    """
    try:
        os.fsencode(path.resolve()).decode("utf-8")
    except UnicodeDecodeError as error:
        name = os.fsencode(path).decode("utf-8", "backslashreplace")  # a terminal can't show it as it is
        raise SourceError(
            f"{name}: found a name that is no UTF-8; expected UTF-8, because no result can name it. Rename it, such as "
            "by `convmv -f latin1 -t utf8 -r --notest FOLDER`"
        ) from error
