"""What a camera says of itself, as values by name: for diagnostics and for the session."""

from __future__ import annotations

from dlstream_camera.sources import Format, SourceState


def state_values(state: SourceState) -> dict[str, str]:
    """How the source is: losses by how, and what its stamps are."""
    values = {f"lost_{how}": str(count) for how, count in sorted(state.lost.items())}
    values["stamp_source"] = state.stamp_source
    if state.uncertainty is not None:
        values["stamp_uncertainty_us"] = f"{state.uncertainty / 1e3:.0f}"
    if state.waiting:
        values["waiting_for"] = state.waiting
    return values


def format_values(delivered: Format, fps_asked: float) -> dict[str, str]:
    """What the source delivers; its settings as `asked.KEY` and `set.KEY`."""
    values = {"size": f"{delivered.width}x{delivered.height}", "fps": f"{delivered.fps:g}"}
    if fps_asked:
        values["asked.fps"] = f"{fps_asked:g}"
    for item in delivered.settings:
        if item.asked:
            values[f"asked.{item.key}"] = item.asked
        values[f"set.{item.key}"] = item.found
    return values


def settings_in_words(delivered: Format) -> str:
    """The settings in a sentence: those that were asked for, with what the device made of it where that differs."""
    said = [
        f"{it.key} {it.found}{f' (asked: {it.asked})' if it.differs else ''}" for it in delivered.settings if it.asked
    ]
    return ", ".join(said)
