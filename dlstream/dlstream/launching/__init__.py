"""A rig started by ROS 2's launch system, where that is installed."""
