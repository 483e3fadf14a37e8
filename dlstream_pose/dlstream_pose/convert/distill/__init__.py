"""A small network from a large one: trained on its answers to the user's videos, proved on frames held back."""

from dlstream_pose.convert.distill._command import main
from dlstream_pose.convert.distill._distill import distill
from dlstream_pose.convert.distill._student import SIZES

__all__ = ["SIZES", "distill", "main"]
