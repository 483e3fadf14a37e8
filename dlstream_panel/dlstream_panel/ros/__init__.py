"""The panel's node. Only this room imports ROS."""
