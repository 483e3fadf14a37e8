"""Finding what is installed, the way `ros2 run` does."""

from __future__ import annotations

import os
from pathlib import Path

from dlstream_common import DlstreamError


def find_executable(package: str, executable: str) -> Path:
    """The file in `lib/<package>` of the package's prefix.

    Raises:
        DlstreamError: the package is not in the ament index, or has no such executable.
    """
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

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
    """A path in dlstream's share folder, where `launch/` and `config/` are installed; the offline tools need no ROS.

    Raises:
        DlstreamError: there is no such folder.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    here = Path(__file__).resolve()
    folders = [prefix / "share" / "dlstream" for prefix in [*prefixes, *here.parents[5:6]]]
    folders.append(here.parents[3])  # the source tree
    folder = next((folder for folder in folders if (folder / "config").is_dir()), None)
    if folder is None:
        raise DlstreamError(
            f"dlstream's config folder: found it in none of {', '.join(map(str, folders))}. "
            "Build the workspace ('make setup', or 'colcon build') and source install/setup.bash"
        )
    return folder.joinpath(*parts)
