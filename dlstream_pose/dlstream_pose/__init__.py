"""Poses from frames: networks, the estimator, the overlay, and the node that serves every camera of a rig."""

from dlstream_pose.estimator import Estimator
from dlstream_pose.network import Network, NetworkInfo, Source
from dlstream_pose.settings import PoseSettings
from dlstream_pose.stream import Estimate, PoseStream

__all__ = ["Estimate", "Estimator", "Network", "NetworkInfo", "PoseSettings", "PoseStream", "Source"]
