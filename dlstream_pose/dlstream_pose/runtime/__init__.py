"""From a frame to its poses: what every run needs, without ROS."""
