"""Names that become part of ROS topics: one rule for rigs, experiments and nodes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

WORD = "[A-Za-z][A-Za-z0-9_]*"
"""The rule, as a regular expression."""
NAME = f"^{WORD}$"
NAMESPACE = f"^{WORD}(/{WORD})*$"
RIG_NAMESPACE = f"^({WORD}(/{WORD})*)?$"


def _without_outer_slashes(value: Any) -> Any:
    return value.strip("/") if isinstance(value, str) else value


Name = Annotated[str, Field(pattern=NAME)]
"""The name of a camera, an output or a rig: letters, digits and _, beginning with a letter."""

Namespace = Annotated[str, BeforeValidator(_without_outer_slashes), Field(pattern=NAMESPACE)]
"""The namespace of a camera: a Name, or several joined by / if the camera was not started by a rig."""

RigNamespace = Annotated[str, BeforeValidator(_without_outer_slashes), Field(pattern=RIG_NAMESPACE)]
"""The namespace of a rig: empty, a Name, or several joined by /."""
