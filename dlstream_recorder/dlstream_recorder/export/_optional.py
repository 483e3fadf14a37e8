"""Imports libraries that not everybody needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dlstream_common import DlstreamError
from dlstream_common.installing import pip_install


def need(module: str, package: str, what: str) -> Any:
    """Imports a module.

    Args:
        package: what to install if it is missing.
        what: needs it, such as "--nwb".

    Raises:
        DlstreamError: it is not installed, or can't be imported.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise DlstreamError(
            f"{what} needs the package '{package}', which is not installed. Install it: "
            f"{pip_install(package)}, or all of them: make tools"
        ) from error
