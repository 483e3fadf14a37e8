"""A synthetic arena: a mouse-like animal on a textured floor, with the truth about where it is."""

from dlstream_camera.arena._arena import KEYPOINTS, SKELETON, Arena

__all__ = ["KEYPOINTS", "SKELETON", "Arena"]
