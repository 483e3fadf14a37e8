"""What a package says of itself to ROS: everything that it imports, who made it, what has changed."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/package.xml"))
KEYS = {
    "cv2": "python3-opencv",
    "onnxruntime": "python3-onnxruntime-pip",
    "pydantic_core": "python3-pydantic",
    "rosbags": "python3-rosbags-pip",
    "ruamel": "python3-ruamel.yaml",
}
"""Keys of rosdep that are not python3-<module>."""
BY_PIP = {"av", "mcap", "numba", "segno"}
"""Without a key of rosdep: docs/how-to/ros2.md installs them from requirements-ros.txt."""
OPTIONAL = {
    "cryptography": "requirements-tools.in",
    "dask distributed": "requirements-tools.in",
    "gpiozero grpc harp nidaqmx pigpio pymodbus pypylon pyrealsense2 serial sounddevice": "requirements-devices.in",
    "deeplabcut dlclive onnx openvino tensorflow tf2onnx torch torchvision": "requirements-dlc.txt",
    "loguru omegaconf sleap_io sleap_nn": "requirements-sleap.txt",
    "ndx_pose pynwb": "requirements-tools.in",
    "foxglove_msgs": "docs/how-to/rviz-foxglove-rqt.md",
}
"""What a user installs for one device or tool: imported where it is used, never when a package is."""
OF_ROS_BUILD = {"domain_coordinator": "ament_cmake_ros"}


def optional() -> set[str]:
    return {word for words in OPTIONAL for word in words.split()}


def imports(package: str) -> Iterator[tuple[str, Path, bool]]:
    """Each module from elsewhere that a package imports, where, and whether it does so as soon as it is imported."""
    files = [*(ROOT / package / package).rglob("*.py")]
    files += [*(ROOT / "launch").glob("*.py")] if package == "dlstream" else []
    for file in files:
        tree = ast.parse(file.read_text())
        within = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                module = name.partition(".")[0]
                if module not in sys.stdlib_module_names and module != package:
                    yield module, file, id(node) not in within


def declared(package: str) -> set[str]:
    root = ElementTree.parse(ROOT / package / "package.xml").getroot()
    kinds = ("depend", "exec_depend", "build_depend", "buildtool_depend")
    return {item.text or "" for item in root if item.tag in kinds}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_is_declared(package):
    known = declared(package)
    lacking = {
        module
        for module, _, _ in imports(package)
        if module not in BY_PIP | optional()
        and not known & {module, OF_ROS_BUILD.get(module, module), KEYS.get(module, f"python3-{module}")}
    }
    assert not lacking


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_optional_is_not_needed_to_import_the_package(package):
    early = {(module, file.name) for module, file, at_once in imports(package) if at_once and module in optional()}
    own_programs = {"sleap.py", "deeplabcut.py", "deeplabcut_tf.py", "_top_down.py", "_sleap_decoders.py"}
    assert not {item for item in early if item[1] not in own_programs}


def test_what_has_no_key_is_installed_by_the_documented_step():
    wanted = {re.split(r"[<>=]", line)[0] for line in (ROOT / "requirements-ros.txt").read_text().splitlines()}
    assert wanted >= BY_PIP
    assert "requirements-ros.txt" in (ROOT / "docs" / "how-to" / "ros2.md").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_who_made_it_and_what_has_changed(package):
    root = ElementTree.parse(ROOT / package / "package.xml").getroot()
    assert {"author", "maintainer", "url", "license"} <= {item.tag for item in root}
    title = (ROOT / package / "CHANGELOG.rst").read_text().splitlines()[1]
    assert title == f"Changelog for package {package}"
