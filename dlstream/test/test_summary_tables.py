"""The tables that a session's figures are printed in."""

from __future__ import annotations

from rich.table import Table

from dlstream.cli.summary import tracking_errors
from dlstream_recorder import CameraSummary
from dlstream_recorder.report.tracking import Errors, TrackingError


def camera(median: float) -> CameraSummary:
    error = Errors(n=9, mean=median, median=median, p95=median)
    found = TrackingError(**dict(error), min_confidence=0.5, left_out=0, per_keypoint={"neck": error})
    return CameraSummary.model_construct(tracking_error=found)


def first_column(table: Table) -> list[str]:
    return [str(cell) for cell in table.columns[0].cells]


def test_the_tracking_error_names_the_camera_where_there_are_several():
    assert first_column(tracking_errors({"top": camera(1.0)})) == ["neck", "all"]
    two = tracking_errors({"top": camera(1.0), "side": camera(2.0)})
    assert first_column(two) == ["top neck", "top all", "side neck", "side all"]
