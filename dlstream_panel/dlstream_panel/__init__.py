"""The panel: a page that the rig serves. Only `dlstream_panel.ros` imports ROS."""

from dlstream_panel.settings import PanelSettings
from dlstream_panel.tokens import TokenError

__all__ = ["PanelSettings", "TokenError"]
