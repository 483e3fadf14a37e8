"""The rig: everything together, from one file."""

__version__ = "0.1.0"
