"""The page that makes a rig and an experiment from nothing: `dlstream panel`. It runs without a rig and without ROS."""
