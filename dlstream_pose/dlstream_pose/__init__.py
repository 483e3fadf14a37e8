"""Poses from frames: networks, the estimator, the overlay, and the node that serves every camera of a rig."""

from dlstream_pose.runtime.engines import ENGINES, Engine
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.filters import FILTERS, Filter
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo, Source
from dlstream_pose.runtime.settings import PoseSettings
from dlstream_pose.runtime.stream import Estimate, PoseStream

__all__ = [
    "ENGINES",
    "FILTERS",
    "Engine",
    "Estimate",
    "Estimator",
    "Filter",
    "Network",
    "NetworkInfo",
    "PoseSettings",
    "PoseStream",
    "Source",
]
