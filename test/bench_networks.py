"""Networks to measure that nobody has trained: with random weights they take the same time."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build_network(net_type: str, folder: Path) -> tuple[Path, Path]:
    """A network that DeepLabCut builds, converted with its proof, and its export; both are kept in the folder."""
    network, original = folder / f"bench_{net_type}.onnx", folder / f"bench_{net_type}.pt"
    if network.exists() and original.exists():
        return network, original
    sys.path.append(str(ROOT / "dlstream_pose" / "test"))
    try:
        from dlc_networks import config, texture, write

        from dlstream_pose.convert import convert

        settings = config(net_type)
    except ImportError as error:
        raise SystemExit(f"--net-type {net_type}: needs DeepLabCut ({error}): make dlc") from error
    folder.mkdir(parents=True, exist_ok=True)
    write(original, settings)
    print(convert(original, network, [texture(number, 480, 640) for number in range(4)], (), (640, 480)))
    return network, original
