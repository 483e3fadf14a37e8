"""The experiment file that the answers come to: a template, with what does not fit replaced, and the answers in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dlstream.authoring.draft import Draft
from dlstream.authoring.draft_data import plain
from dlstream.authoring.explain import Known
from dlstream.authoring.helps import about_place, completed, substitute
from dlstream.wizard.rig_draft import refuse_path
from dlstream_common import DlstreamError, Place, key_of
from dlstream_experiment.model.names import title_of
from dlstream_panel.shapes import AnyShape, Spot
from dlstream_panel.wizard_requests import Answers

_SPOT: TypeAdapter[Any] = TypeAdapter(Spot)
_SHAPE: TypeAdapter[Any] = TypeAdapter(AnyShape)


class ExperimentDraft:
    """`draft` has everything in it; `refused` says by key why an answer can't stand at all."""

    def __init__(self, answers: Answers, draft: Draft, known: Known) -> None:
        self._answers, self.draft, self._known = answers, draft, known
        self.refused: dict[str, str] = {}
        self._changed: dict[Place, str] = {}
        title = answers.title.strip() or title_of(draft.file.stem)
        draft.fill({("experiment",): title, ("camera",): answers.watched.name})
        self._regions()
        self._scales()
        self._replace()
        self._values()

    def fields(self) -> list[dict[str, Any]]:
        """The values of triggers, protocol and limits, each with what it means and what is wrong with it."""
        draft = self.draft
        leaves = [*draft.leaves(("triggers",)), *draft.leaves(("protocol",))]
        leaves += [place for place in (("max_age",), ("pose_timeout",)) if draft.get(place) is not None]
        found = []
        for place in leaves:
            key, value = key_of(place), draft.get(place)
            before = self._changed.get(place, "")
            wrong = self.refused.get(key) or "; ".join(draft.problems_at(place)[:2])
            answered = self._answers.values.get(key)
            found.append(
                {
                    "key": key,
                    "value": answered if answered is not None and wrong else draft.show(value),
                    "list": isinstance(value, list),
                    "about": about_place(draft, place),
                    "choices": draft.choices(place),
                    "problem": wrong,
                    "note": f"the template has {before}, which does not fit here" if before and not wrong else "",
                }
            )
        return found

    def outputs(self) -> list[str]:
        """The outputs that the protocol commands."""
        return self.draft.outputs()

    def drawing(self, sizes: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
        """What can be drawn on the pictures, as the page of regions has it: not what was typed and is none yet."""
        draft, camera = self.draft, self._answers.watched.name
        triggers = draft.get(("triggers",)) or {}
        points = {
            str(name): {"at": [float(value) for value in item["point"]], "camera": str(item.get("camera") or camera)}
            for name, item in triggers.items()
            if _fits(_SPOT, item.get("point"))
        }
        return {
            "file": draft.file.name,
            "hash": "",
            "camera": camera,
            "cameras": list(dict.fromkeys([camera, *(item.name for item in self._answers.cameras)])),
            "regions": {name: shape for name, shape in plain_regions(draft).items() if _fits(_SHAPE, shape)},
            "points": points,
            "scales": dict(self._answers.scales),
            "sizes": {name: list(size) for name, size in sizes.items()},
            "lines": 0,
        }

    def _regions(self) -> None:
        regions = self._answers.plain_regions()
        if regions is None:
            self._fitting()
            return
        for name in list(self.draft.get(("regions",)) or ()):
            if name not in regions:
                self.draft.remove(("regions", name))
        self.draft.fill({("regions", name): shape for name, shape in regions.items()})

    def _fitting(self) -> None:
        """Circles side by side in place of the template's regions that do not fit into the picture."""
        names = list(self.draft.get(("regions",)) or ())
        size = self._size(None)
        if size is None:
            return
        width, height = size
        misfit = [
            name
            for name in names
            if self.draft.problems_at(("regions", name))
            or _is_beyond(self.draft.get(("regions", name, "center")), size)
        ]
        circles: dict[Place, Any] = {}
        for name in misfit:
            x = round(width * (names.index(name) + 1) / (len(names) + 1))
            radius = max(1, round(min(0.8 * width / (len(names) + 1) / 2, height / 4)))
            circles["regions", name] = {"type": "circle", "center": [x, round(height / 2)], "radius": radius}
        if circles:
            self.draft.fill(circles)

    def _size(self, camera: Any) -> tuple[int, int] | None:
        """The size of the pictures of a camera; None: of the one that the experiment watches."""
        name = str(camera or self._answers.watched.name)
        return self._known.sizes.get(name) or self._known.asked.get(name)

    def _scales(self) -> None:
        for camera, scale in self._answers.scales.items():
            self.draft.fill({("calibration", camera): scale})

    def _replace(self) -> None:
        """Values in place of the template's that do not fit: the nearest keypoint, the middle of the picture."""
        draft = self.draft
        values: dict[Place, Any] = {}
        for place in [*draft.leaves(("triggers",)), *draft.leaves(("protocol",))]:
            size = self._size(draft.get((*place[:2], "camera")))
            beyond = size is not None and place[-1] == "point" and _is_beyond(draft.get(place), size)
            if not draft.problems_at(place) and not beyond:
                continue
            new = [size[0] // 2, size[1] // 2] if beyond and size else substitute(draft, self._known, place)
            if new is not None and new != draft.get(place):
                self._changed[place] = draft.show(draft.get(place))
                values[place] = new
        if values:
            draft.fill(values)

    def _values(self) -> None:
        draft = self.draft
        values: dict[Place, Any] = {}
        for key, text in self._answers.values.items():
            try:
                place = draft.place(key)
            except DlstreamError as error:  # which names the key
                self.refused[key] = str(error)
                continue
            try:
                before = draft.get(place)
                if before is None or text != draft.show(before):
                    refuse_path(text)
                    value = completed(draft.read(text, before), draft.choices(place))
                    _refuse_shapeless(place, before, value)
                    values[place] = value
            except DlstreamError as error:
                self.refused[key] = f"{key}: {error}"
        if values:
            draft.fill(values)


def _refuse_shapeless(place: Place, before: Any, value: Any) -> None:
    """Refuses a value in place of a section, or of all that one trigger says: its keys are given one by one.

    Raises:
        DlstreamError: it is such a value.
    """
    section = place == ("calibration",) or (place[0] in ("triggers", "regions", "keypoints") and len(place) <= 2)
    if isinstance(before, Mapping) and (len(place) == 1 or not isinstance(value, Mapping)):
        raise DlstreamError(f"it has keys of its own; give one of them, such as {_example(place)}")
    if section and not isinstance(value, Mapping):
        raise DlstreamError(f"found {value!r}; expected a mapping, such as {{KEY: VALUE}}")


def _example(place: Place) -> str:
    """A key below a section or trigger."""
    return {"triggers": "triggers.in_left.dwell", "regions": "regions.left.radius"}.get(
        str(place[0]), f"{key_of(place)}.KEY"
    )


def plain_regions(draft: Draft) -> dict[str, Any]:
    """The regions as plain data."""
    found: dict[str, Any] = plain(draft.get(("regions",)) or {})
    return found


def _fits(kind: TypeAdapter[Any], value: Any) -> bool:
    """Whether the page can draw a value."""
    try:
        kind.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _is_beyond(point: Any, size: tuple[int, int]) -> bool:
    """Whether a point lies beside the picture: it could not be drawn there."""
    pair = isinstance(point, list) and len(point) == 2 and all(isinstance(value, (int, float)) for value in point)
    return pair and not all(0 <= value < side for value, side in zip(point, size, strict=True))
