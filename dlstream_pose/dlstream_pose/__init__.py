"""Poses from frames: networks, the estimator, the overlay, and the node that serves every camera of a rig."""

from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.network import Network, NetworkInfo, Source
from dlstream_pose.runtime.settings import PoseSettings
from dlstream_pose.runtime.stream import Estimate, PoseStream

__all__ = ["Estimate", "Estimator", "Network", "NetworkInfo", "PoseSettings", "PoseStream", "Source"]
