"""From the poses of a frame to the decisions of all triggers."""
