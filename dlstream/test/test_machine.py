"""`dlstream check --machine`: what of a computer makes a loop late."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dlstream.bench.machine import findings
from dlstream.bench.wakes import Wakes, measure_wakes, wakes_of
from dlstream.cli.main import main

QUIET = Wakes(2000, 0.06, 0.09, 0.2)
WORKSTATION = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Xeon W\nflags\t\t: sse avx2 avx512f\n\nprocessor\t: 1\n",
    "proc/loadavg": "0.10 0.2 0.3 1/100 999",
    "proc/meminfo": "MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\nSwapTotal: 100 kB\nSwapFree: 100 kB\n",
    "proc/sys/kernel/osrelease": "6.8.0-generic",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu0/cpuidle/state0/name": "C1",
    "sys/devices/system/cpu/cpu0/cpuidle/state0/latency": "2",
    "sys/devices/system/cpu/cpu0/cpuidle/state0/disable": "0",
    "sys/devices/system/cpu/isolated": "",
    "sys/module/usbcore/parameters/usbfs_memory_mb": "1000",
}


def looked(
    folder: Path, changes: dict[str, str], wakes: Wakes = QUIET, first: bool = True
) -> dict[str, tuple[str, str]]:
    for name, text in {**WORKSTATION, **changes}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return {one.name: (one.found, one.advice) for one in findings(wakes, folder, first)}


def test_a_quiet_workstation_has_nothing_to_change(tmp_path):
    found = looked(tmp_path, {})
    assert [name for name, (_, advice) in found.items() if advice] == []
    assert found["processor"][0] == "Xeon W, 2 cores; avx512f, avx2"
    assert found["kernel"][0] == "6.8.0-generic"
    assert found["idle cores"][0] == "wake within 100 us"
    assert found["load"][0] == "0.10 on 2 of the last minute"


@pytest.mark.parametrize(
    ("file", "text", "name", "said", "advice"),
    [
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave", "clock", ", powersave", "cpupower"),
        ("sys/devices/system/cpu/cpu0/cpuidle/state0/latency", "890", "idle cores", "takes 890 us", "idle-set -D 100"),
        ("proc/loadavg", "1.7 1 1 1/1 1", "load", "1.7 on 2", "other programs"),
        ("proc/meminfo", "MemAvailable: 1048576 kB\n", "memory", "1.0 GiB free", "swapped out wakes late"),
        ("sys/module/usbcore/parameters/usbfs_memory_mb", "16", "USB buffers", "16 MB", "usbfs_memory_mb"),
    ],
)  # fmt: skip
def test_what_makes_a_loop_late_is_found_and_said(file, text, name, said, advice, tmp_path):
    found = looked(tmp_path, {file: text})
    assert said in found[name][0]
    assert advice in found[name][1]
    assert [one for one, (_, words) in found.items() if words] == [name]


def test_priority_and_waking(tmp_path):
    found = looked(tmp_path, {}, Wakes(2000, 0.1, 3.0, 40.0), first=False)
    assert "/etc/security/limits.d" in found["real-time priority"][1]
    assert found["waking"][0].startswith("2000 sleeps of 1 ms ended late by 0.10 ms (median), 3.00 (p99)")
    assert found["waking"][1]


def test_what_is_isolated_and_a_real_time_kernel_are_seen(tmp_path):
    found = looked(tmp_path, {"sys/devices/system/cpu/isolated": "2-3", "sys/kernel/realtime": "1"})
    assert (found["isolated cores"][0], found["kernel"][0]) == ("2-3", "real-time")


def test_a_computer_that_shows_nothing_is_no_fault(tmp_path):
    found = {one.name: one for one in findings(None, tmp_path, True)}
    assert not any(one.advice for one in found.values())
    assert "can't be seen" in found["clock"].found
    assert "can't be seen" in found["idle cores"].found


def test_percentiles_of_wakes():
    assert wakes_of([float(n) for n in range(1000)]) == Wakes(1000, 500.0, 989.0, 999.0)
    assert measure_wakes(20).median > 0


def test_the_command_needs_no_rig(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dlstream", "check", "--machine"])
    assert main() == 0
    said = capsys.readouterr().out
    assert "real-time priority" in said
    assert "2000 sleeps of 1 ms" in said
    monkeypatch.setattr(sys, "argv", ["dlstream", "check"])
    assert main() == 1
    assert "expected one, such as dlstream check rig.yaml" in " ".join(capsys.readouterr().out.split())
