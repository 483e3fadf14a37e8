"""The experiment node. Only this room imports ROS."""
