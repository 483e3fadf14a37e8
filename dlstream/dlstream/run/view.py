"""A window on an image topic: `ros2 run dlstream view --ros-args -p topic:=/top/image_pose`."""

from __future__ import annotations

import os
import sys

import numpy as np
from pydantic import Field
from sensor_msgs.msg import Image

from dlstream_common import DlstreamError, Settings, to_view
from dlstream_common.ros import LATEST_IMAGE, Diagnosis, DlstreamNode, Level, frame_from_message, run_node


class ViewSettings(Settings):
    """What the window shows."""

    topic: str = Field("/top/image_pose", min_length=1)
    """Image topic to show."""


class ViewNode(DlstreamNode[ViewSettings]):
    """Shows the newest image of a topic in a window; closing the window ends the node."""

    default_name = "view"

    def __init__(self) -> None:
        super().__init__(ViewSettings)

    def configure(self, settings: ViewSettings) -> None:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("SDL_VIDEODRIVER")):
            raise DlstreamError("found no display (DISPLAY and WAYLAND_DISPLAY are empty); expected one for a window")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        import pygame

        self._pygame = pygame
        pygame.display.init()
        self._window: pygame.Surface | None = None
        self._count = 0
        self._subscription = self.create_subscription(Image, settings.topic, self._on_image, LATEST_IMAGE)
        self._timer = self.create_timer(0.05, self._pump)

    def cleanup(self) -> None:
        if hasattr(self, "_timer"):
            self.destroy_timer(self._timer)
            self.destroy_subscription(self._subscription)
            self._pygame.display.quit()

    def diagnose(self) -> Diagnosis:
        return Diagnosis(Level.OK, f"{self._count} images shown", {"shown": self._count})

    def _on_image(self, message: Image) -> None:
        frame = frame_from_message(message, "", 0)
        picture = np.ascontiguousarray(to_view(frame.image, frame.encoding))
        size = (message.width, message.height)
        pygame = self._pygame
        if self._window is None or self._window.get_size() != size:
            self._window = pygame.display.set_mode(size, pygame.SCALED | pygame.RESIZABLE)
            pygame.display.set_caption(f"dlstream  {self.settings.topic if self.settings else ''}")
        self._window.blit(pygame.image.frombuffer(picture.tobytes(), size, "BGR"), (0, 0))
        pygame.display.flip()
        self._count += 1

    def _pump(self) -> None:
        if any(event.type == self._pygame.QUIT for event in self._pygame.event.get()):
            self.end(0)


def main() -> int:
    """Entry point of `ros2 run dlstream view`."""
    return run_node(ViewNode)


if __name__ == "__main__":
    sys.exit(main())
