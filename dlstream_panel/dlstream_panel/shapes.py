"""The shapes that a page draws, as they come in a request; the experiment's own check has the last word on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Pixel = Annotated[float, Field(ge=-1e6, le=1e6)]
Length = Annotated[float, Field(gt=0, le=1e6)]
Spot = Annotated[list[Pixel], Field(min_length=2, max_length=2)]


class Shape(BaseModel):
    """A region: what an experiment file says of it, key by key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    camera: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    beyond_image: bool = False


class Circle(Shape):
    """A circle."""

    type: Literal["circle"]
    center: Spot
    radius: Length


class Ellipse(Shape):
    """An ellipse."""

    type: Literal["ellipse"]
    center: Spot
    radii: Annotated[list[Length], Field(min_length=2, max_length=2)]
    rotation: Annotated[float, Field(ge=-360, le=360)] = 0.0


class Rectangle(Shape):
    """A rectangle."""

    type: Literal["rectangle"]
    left: Pixel
    top: Pixel
    right: Pixel
    bottom: Pixel


class Polygon(Shape):
    """A polygon."""

    type: Literal["polygon"]
    points: Annotated[list[Spot], Field(min_length=3, max_length=500)]


AnyShape = Annotated[Circle | Ellipse | Rectangle | Polygon, Field(discriminator="type")]
