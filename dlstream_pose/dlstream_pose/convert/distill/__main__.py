"""`python -m dlstream_pose.convert.distill`."""

from dlstream_pose.convert.distill import main

main()
