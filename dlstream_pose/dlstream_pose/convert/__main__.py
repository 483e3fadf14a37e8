from dlstream_pose.convert import main

main()
