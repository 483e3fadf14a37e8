"""Converts other tools' networks into network files for dlstream.

Each kind of source file is one module in `sources`, each way to decode a network's output one module in `decoders`.
New modules are found automatically.
"""

from dlstream_pose.convert._command import main
from dlstream_pose.convert._convert import convert
from dlstream_pose.convert._frames import Sample, frames_of
from dlstream_pose.convert._proof import Report
from dlstream_pose.convert._source import SourceNetwork

__all__ = ["Report", "Sample", "SourceNetwork", "convert", "frames_of", "main"]
