"""`python -m dlstream_pose.convert`."""

from dlstream_pose.convert import main

main()
