"""The project's own checks: a commit's message, and the contract against import circles."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace

import pytest

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def checked(tmp_path: Path, message: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message)
    command = [sys.executable, TOOLS / "check_commit_message.py", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "message",
    [
        "a" * 60,
        "Network cameras: one bad frame is lost\n\nA cut stream returns, since the decoder begins again.\n",
        "Merge branch 'a branch whose name is so long that no subject of sixty letters could hold it'",
        "\n# what git wrote\nShort\n\n# ------------------------ >8 ------------------------\ndiff" + " x" * 90,
        "Short\n\nhttps://example.org/" + "a" * 200,
    ],
)
def test_commit_messages_that_are_accepted(tmp_path: Path, message: str):
    done = checked(tmp_path, message)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a" * 61, "found a subject of 61 letters; expected at most 60"),
        ("Short.\n", "full stop"),
        ("Short\nbody at once\n", "expected an empty line between subject and body"),
        ("Short\n\n" + "word " * 30, "found a line of 149 letters"),
        ("# nothing but what git wrote\n", "found no subject"),
    ],
)
def test_commit_messages_that_are_refused(tmp_path: Path, message: str, expected: str):
    done = checked(tmp_path, message)
    assert done.returncode == 1
    assert expected in done.stderr


def contract(
    tmp_path: Path, kind: str, packages: Mapping[str, Mapping[str, str]], settings: str = ""
) -> subprocess.CompletedProcess[str]:
    """The contract's word on packages of these modules."""
    for package, files in packages.items():
        (tmp_path / package).mkdir()
        for name, text in {"__init__": "", **files}.items():
            (tmp_path / package / f"{name}.py").write_text(text)
    contracts = {"no_circles": "NoCircles", "private_to_package": "PrivateToPackage", "ros_only_in": "RosOnlyIn"}
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.importlinter]\nroot_packages = {list(packages)}\ninclude_external_packages = true\n"
        f"contract_types = ['{kind}: import_contracts.{contracts[kind]}']\n"
        f"[[tool.importlinter.contracts]]\nname = 'As it should be'\ntype = '{kind}'\n{settings}"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{TOOLS}", "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_modules_without_a_circle_are_accepted(tmp_path: Path):
    files = {"__init__": "from house import a", "a": "from house import b", "b": "import json"}
    done = contract(tmp_path, "no_circles", {"house": files})
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    "files",
    [
        {"a": "import house.b", "b": "import house.c", "c": "def f():\n    from house import a"},
        {"a": "import house.b", "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.a"},
        {"__init__": "from house.a import x", "a": "from house import y\nx = 1"},
    ],
)
def test_a_circle_is_shown(tmp_path: Path, files: dict[str, str]):
    done = contract(tmp_path, "no_circles", {"house": files})
    assert done.returncode == 1
    assert "in a circle" in done.stdout
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith("    house")]
    assert lines[0] == lines[-1], "back to where it began"
    assert len(set(lines)) == len(lines) - 1 == (3 if "c" in files else 2)


@pytest.mark.parametrize(
    "statement", ["from house._cellar import wine", "def f():\n    import house._cellar as cellar"]
)
def test_a_private_module_of_another_package_is_shown(tmp_path: Path, statement: str):
    house = {
        "_cellar": "wine = 1",
        "kitchen": "from house._cellar import wine",
        "__main__": "from house import kitchen",
    }
    done = contract(tmp_path, "private_to_package", {"house": house, "guest": {"table": statement}})
    assert done.returncode == 1
    lines = [line.strip() for line in done.stdout.splitlines() if " imports " in line]
    assert lines == ["guest.table imports house._cellar"]


def test_public_modules_of_another_package_are_accepted(tmp_path: Path):
    house = {
        "_cellar": "wine = 1",
        "kitchen": "from house._cellar import wine",
        "__main__": "from house import kitchen",
    }
    guest = {"table": "from house.kitchen import wine\nfrom house import __main__"}
    done = contract(tmp_path, "private_to_package", {"house": house, "guest": guest})
    assert done.returncode == 0, done.stdout


ONLY = 'modules = ["house.node"]\nros = ["rclpy", "std_msgs"]\n'


def test_a_core_that_gets_to_ros_is_shown_with_its_way(tmp_path: Path):
    house = {
        "node": "import rclpy",
        "tool": "def main():\n    from house import node",
        "user": "from house import tool",
        "sums": "import math",
    }
    done = contract(tmp_path, "ros_only_in", {"house": house}, ONLY)
    assert done.returncode == 1
    lines = [line.strip() for line in done.stdout.splitlines() if " -> " in line]
    assert lines == ["house.tool -> house.node -> rclpy"], "user has it from tool"


def test_cores_without_ros_are_accepted(tmp_path: Path):
    house = {"node": "import rclpy\nfrom house import sums", "sums": "import math"}
    done = contract(tmp_path, "ros_only_in", {"house": house}, ONLY)
    assert done.returncode == 0, done.stdout


def test_a_module_that_is_gone_is_no_longer_named(tmp_path: Path):
    done = contract(tmp_path, "ros_only_in", {"house": {"sums": "import math"}}, ONLY)
    assert done.returncode == 1
    assert "house.node: there is no such module any more" in done.stdout


PACKAGES = ("common", "camera", "pose", "experiment", "outputs", "panel", "recorder")


def imported(name: str) -> ModuleType | SimpleNamespace:
    """The module; nothing in place of one whose library is not installed here."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        assert not str(error.name).startswith("dlstream"), error
        return SimpleNamespace()


@pytest.mark.parametrize("package", ["dlstream", *(f"dlstream_{name}" for name in PACKAGES)])
def test_every_public_method_has_a_docstring_or_overrides_one_that_has(package: str):
    files = [path.relative_to(TOOLS.parent / package) for path in (TOOLS.parent / package / package).rglob("*.py")]
    modules = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    public = [name for name in modules if not any(part.startswith("_") for part in name.split("."))]
    lacking = [
        f"{name}.{kind.__name__}.{method}"
        for name in public
        for kind in vars(imported(name)).values()
        if inspect.isclass(kind) and kind.__module__ == name and not kind.__name__.startswith("_")
        for method, value in vars(kind).items()
        if not method.startswith("_") and isinstance(value, (FunctionType, classmethod, staticmethod, property))
        if getattr(value, "__name__", method) != "<lambda>"  # the default of a field
        if not inspect.getdoc(getattr(kind, method))
    ]
    assert lacking == []
