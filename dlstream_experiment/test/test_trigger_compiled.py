"""What decides on a frame is compiled: as it is written, before the first frame, and only where it is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from numba import njit

from dlstream_experiment.runtime.triggers import kernel

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "experiments" / "example.yaml"


def test_no_operations_are_fused():
    """A fused multiply-add rounds once where two operations round twice: another machine would decide otherwise."""
    (signature,) = kernel.evaluate.signatures
    machine_code = njit(signature, error_model="numpy")(kernel.evaluate.py_func).inspect_asm(signature)
    assert re.search(r"sqrt", machine_code)
    assert not re.findall(r"\b(?:vfn?m(?:add|sub)\w+|fn?m(?:add|sub|la|ls))\b", machine_code)


def test_an_engine_is_compiled_before_its_first_frame_and_reading_a_file_compiles_nothing():
    program = f"""
import sys
from dlstream_experiment import Engine, load_experiment
experiment = load_experiment({str(EXAMPLE)!r})
assert "numba" not in sys.modules
Engine(experiment)
assert "dlstream_experiment.runtime.triggers.kernel" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_a_folder_to_keep_it_in_it_is_compiled_all_the_same(tmp_path):
    source = tmp_path / "loops.py"
    source.write_text(
        "from dlstream_common.compiled import FLOATS, compiled\n"
        "@compiled(FLOATS)\n"
        "def double(values):\n"
        "    for i in range(len(values)):\n"
        "        values[i] *= 2.0 / (values[i] - values[i] + 1.0)\n"
    )
    program = (
        "import numba.core.caching as caching, numpy as np\n"
        "caching.CacheImpl._locator_classes = []\n"
        "import loops\n"
        "values = np.array([1.0, 2.5])\n"
        "loops.double(values)\n"
        "print(values.tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "[2.0, 5.0]\n", done.stderr
