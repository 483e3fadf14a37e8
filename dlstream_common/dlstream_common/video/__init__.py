"""Recorded frames: video files, folders of images and multi-page TIFFs, each frame with its own time. No ROS.

for item in open_frames(path).frames():
    if isinstance(item, LostFrame):
        print(f"frame {item.number}: {item.reason}")
    else:
        show(item.image, item.time / 1e9)
"""

from dlstream_common.video._ahead import ahead
from dlstream_common.video._decoding import strict_decoder
from dlstream_common.video._frames import FrameFile, LostFrame, VideoFrame, open_frames
from dlstream_common.video._images import IMAGE_ENDINGS, VIDEO_ENDINGS, ImageFiles
from dlstream_common.video._names import check_name
from dlstream_common.video._picture_check import PictureCheck, Remark
from dlstream_common.video._pixels import ToImage
from dlstream_common.video._spread import spread_frames
from dlstream_common.video._video import VideoFile
from dlstream_common.video._whole import is_whole_picture

__all__ = [
    "IMAGE_ENDINGS",
    "VIDEO_ENDINGS",
    "FrameFile",
    "ImageFiles",
    "LostFrame",
    "PictureCheck",
    "Remark",
    "ToImage",
    "VideoFile",
    "VideoFrame",
    "ahead",
    "check_name",
    "is_whole_picture",
    "open_frames",
    "spread_frames",
    "strict_decoder",
]
