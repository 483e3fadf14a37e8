"""A rig on two hosts: frames over the cable, and what a cut does: `python test/bench_hosts.py` prints two tables.

The hosts are two network namespaces on this computer (root only), joined by a veth pair that is slowed down to
1 Gbit/s; each has shared memory of its own, so that everything between them crosses the cable. The camera, the output
and the recorder are on `arena`, the network and the experiment on `desk`.

`--only frames` or `cuts`; `--frames N` in each row of the first; `--held BYTES` that a socket may hold, such as the
212992 of older kernels, whatever this one allows; `--cut SECONDS`.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import write_raw_video
from host_tools import TwoHosts, two_hosts
from rig_tools import CONFIG, RigUnderTest, on_while_seen, written

from dlstream.rig.ament import share

RIG = """\
rig: hosts
hosts:
  desk: {{address: {desk}, on_failure: {on_failure}}}
  arena: {{address: {arena}, on_failure: {on_failure}}}
cameras: {{top: {{source: synthetic, width: 640, height: 480, fps: {fps}, seed: 1, host: arena}}}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 0.5, image_transport: {transport}}}
experiment: {{file: {folder}/experiment.yaml, start_timeout: 60}}
outputs: {{laser: {{type: log, file: {folder}/laser.txt, host: arena}}}}
recorder: {{directory: {folder}/sessions, min_free: 0.1, video: none, bag: false, host: arena}}
"""
FRAMES_RIG = """\
rig: hosts
hosts: {{desk: {desk}, arena: {arena}}}
cameras: {{top: {{source: video, path: {folder}/raw.avi, fps: {fps}, loop: true, host: arena}}}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 0.2, image_transport: {transport}}}
recorder: {{directory: {folder}/sessions, min_free: 0.1, video: none, bag: false, host: arena}}
"""
"""Without what costs a computer's time and no network's: frames are read and not drawn, as a camera's driver does."""
FRAMES = [("raw", 30.0), ("raw", 60.0), ("compressed", 30.0), ("compressed", 60.0)]
CUTS = [0.5, 2.0, 20.0]
HEAD_OF_FRAMES = (
    "| frames | a second | captured | recorded beside the camera | lost on the way | left out | at the pose node, ms |"
)
HEAD_OF_CUTS = "| cut, s | on_failure | off after, s | on again after, s | ended | captured | recorded | complete |"


class Bench:
    """Two hosts, and a rig on them.

    Args:
        held: bytes that a socket may hold; 0: as dlstream asks for.
    """

    def __init__(self, hosts: TwoHosts, folder: Path, held: int = 0) -> None:
        self.hosts, self.folder, self.held = hosts, folder, held
        self.shares: dict[str, RigUnderTest] = {}

    def begin(self, text: str, **values: object) -> dict[str, RigUnderTest]:
        """Starts both shares of a rig."""
        (self.folder / "experiment.yaml").write_text(on_while_seen("hosts", 640, 480, patient=False))
        known = {"on_failure": "stop", "transport": "raw", "fps": 30.0, "config": CONFIG, "folder": self.folder}
        (self.folder / "rig.yaml").write_text(text.format(**{**known, **self.hosts.addresses, **values}))
        shares = self.shares
        for host in ("arena", "desk"):
            profile = self._profile(host) if self.held else None
            words = ("run", "--status", "0", str(self.folder / "rig.yaml"), "--host", host)
            shares[host] = RigUnderTest(self.hosts.dlstream(host, *words, profile=profile), self.folder)
        return shares

    def _profile(self, host: str) -> Path:
        """Our profile for hosts, with sockets that hold less."""
        udp = "<type>UDPv4</type>"
        sizes = f"<sendBufferSize>{self.held}</sendBufferSize><receiveBufferSize>{self.held}</receiveBufferSize>"
        path = self.folder / f"{host}.xml"
        path.write_text(share("config", "fastdds.xml").read_text().replace(udp, udp + sizes))
        return path

    def acted(self, action: str, after: int, rig: RigUnderTest) -> int:
        """Waits until the output does something later than `after`; when, in nanoseconds since the epoch."""
        file = self.folder / "laser.txt"
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for line in file.read_text().splitlines() if file.exists() else []:
                stamp, _, text = line.partition("\t")
                if text == action and int(stamp) > after:
                    return int(stamp)
            time.sleep(0.02)
        raise SystemExit(f"waited 120 s for '{action}':\n{rig.output}")

    def frames(self, transport: str, fps: float, count: int) -> list[str]:
        """So many frames over the cable; the cells of a row."""
        write_raw_video(self.folder / "raw.avi")
        shares = self.begin(FRAMES_RIG, transport=transport, fps=fps)
        written(shares["arena"], "top.frames.csv", count + 1)
        codes = [shares["desk"].stop(), shares["arena"].wait()]
        assert codes == [0, 0], "\n".join(rig.output for rig in shares.values())
        summary = shares["arena"].about()["summary"]
        way = summary["latency_ms"]["capture_to_received"]
        times = " / ".join(f"{way[key]:.1f}" for key in ("p50", "p95", "p99"))
        numbers = [summary[key] for key in ("frames_captured", "frames_recorded", "poses_lost", "poses_dropped")]
        return [f"{transport}, {fps:g} fps", f"{summary['fps']:.1f}", *map(str, numbers), times]

    def cut(self, seconds: float, on_failure: str) -> list[str]:
        """The cable is out for so long while the output is on; the cells of a row."""
        shares = self.begin(RIG, on_failure=on_failure)
        self.acted("on", 0, shares["desk"])
        time.sleep(3.0)
        before = time.time_ns()
        self.hosts.cut()
        off = self.acted("off", before, shares["arena"])
        time.sleep(max(0.0, seconds - (time.time_ns() - before) / 1e9))
        joined = time.time_ns()
        self.hosts.join()
        ends = on_failure == "stop" and seconds > 5.0
        again = "" if ends else f"{(self.acted('on', joined, shares['desk']) - joined) / 1e9:.2f}"
        if not ends:
            time.sleep(2.0)
            shares["desk"].stop()
        codes = [rig.wait() for rig in shares.values()]
        about = shares["arena"].about()
        summary = about["summary"]
        told = ["by Ctrl-C" if codes == [0, 0] else f"as failed {codes}"]
        numbers = [summary["frames_captured"], summary["frames_recorded"], about["complete"]]
        return [f"{seconds:g}", on_failure, f"{(off - before) / 1e9:.2f}", again, *told, *map(str, numbers)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", choices=["frames", "cuts"])
    options.add_argument("--frames", type=int, default=2000)
    options.add_argument("--rows", type=int, nargs="*", help="of the first table, from 0; all by default")
    options.add_argument("--held", type=int, default=0)
    options.add_argument("--cut", type=float, action="append")
    given = options.parse_args()
    python, system = platform.python_version(), platform.release()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, Linux {system}")
    with two_hosts("1gbit") as hosts:
        if given.only != "cuts":
            rows = FRAMES if given.rows is None else [FRAMES[row] for row in given.rows]
            show(HEAD_OF_FRAMES)
            for transport, fps in rows:
                with fresh(hosts, given.held) as bench:
                    show_row(bench.frames(transport, fps, given.frames))
        if given.only != "frames":
            show(HEAD_OF_CUTS)
            for seconds in given.cut or CUTS:
                for on_failure in ("stop", "continue"):
                    with fresh(hosts, given.held) as bench:
                        show_row(bench.cut(seconds, on_failure))


@contextmanager
def fresh(hosts: TwoHosts, held: int) -> Iterator[Bench]:
    """A bench with a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="dlstream_hosts_") as folder:
        bench = Bench(hosts, Path(folder), held)
        try:
            yield bench
        finally:
            for rig in bench.shares.values():
                if rig.process.poll() is None:
                    rig.process.terminate()
                    rig.wait()


def show(head: str) -> None:
    """The head of a table; GitHub's markdown, so that it can stand in the documentation."""
    print(f"\n{head}\n{'| --- ' * (head.count('|') - 1)}|", flush=True)


def show_row(cells: list[str]) -> None:
    """A row of it, with what the machine was doing beside."""
    print(f"| {' | '.join(cells)} |   (load {os.getloadavg()[0]:.1f})", flush=True)


if __name__ == "__main__":
    main()
