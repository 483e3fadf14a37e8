"""The environment in which the nodes of a rig run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from domain_coordinator import domain_id

from dlstream.rig.ament import share

PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"


def node_environment() -> dict[str, str]:
    """The variables that each node needs besides those it inherits; what the user has set is kept."""
    wanted = {
        PROFILE: str(share("config", "fastdds.xml")),
        "RCUTILS_COLORIZED_OUTPUT": "0",
        "RCUTILS_CONSOLE_OUTPUT_FORMAT": "[{severity}] {message}",
        "RCUTILS_LOGGING_BUFFERED_STREAM": "0",
        "PYTHONUNBUFFERED": "1",
        # One thread: libraries would use every core for an operation of a millisecond.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {key: value for key, value in wanted.items() if key not in os.environ}


@contextmanager
def private_domain() -> Iterator[Mapping[str, str]]:
    """A ROS domain that no other process on this machine has taken this way, which no other computer reaches.

    Fast DDS gets a profile that listens on the loopback interface only, in place of the user's.
    """
    with domain_id() as number:
        yield {
            "ROS_DOMAIN_ID": str(number),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_STATIC_PEERS": "",
            "ROS_DISCOVERY_SERVER": "",
            PROFILE: str(share("config", "fastdds.local.xml")),
        }
