"""Poses from frames: networks, the estimator, the overlay, and the node that serves every camera of a rig."""

from dlstream_pose.runtime.engines import ENGINES, Engine, EngineSettings, engine_settings
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.filters import FILTERS, Filter, FilterSettings, filter_settings
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo, Source
from dlstream_pose.runtime.settings import PoseSettings
from dlstream_pose.runtime.stream import Estimate, PoseStream

__all__ = [
    "ENGINES",
    "FILTERS",
    "Engine",
    "EngineSettings",
    "Estimate",
    "Estimator",
    "Filter",
    "FilterSettings",
    "Network",
    "NetworkInfo",
    "PoseSettings",
    "PoseStream",
    "Source",
    "engine_settings",
    "filter_settings",
]
