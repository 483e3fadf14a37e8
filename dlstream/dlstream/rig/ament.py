"""Finding what is installed, the way `ros2 run` does."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory

from dlstream_common import DlstreamError


def find_executable(package: str, executable: str) -> Path:
    """The file in `lib/<package>` of the package's prefix.

    Raises:
        DlstreamError: the package is not in the ament index, or has no such executable.
    """
    try:
        folder = Path(get_package_prefix(package)) / "lib" / package
    except PackageNotFoundError as error:
        raise DlstreamError(
            f"package {package} is not in the ament index ({os.environ.get('AMENT_PREFIX_PATH', 'empty')}). "
            "Build the workspace ('make setup', or 'colcon build') and source install/setup.bash"
        ) from error
    path = folder / executable
    if not os.access(path, os.X_OK):
        raise DlstreamError(f"package {package} has no executable {executable} in {folder}")
    return path


def share(*parts: str) -> Path:
    """A path in dlstream's share folder, where `launch/` and `config/` are installed."""
    return Path(get_package_share_directory("dlstream")).joinpath(*parts)
