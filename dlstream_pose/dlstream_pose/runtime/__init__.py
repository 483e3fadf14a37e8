"""From a frame to the poses in it: what every run needs, without ROS."""
