"""Experiments on videos, bags and sessions, without ROS."""
