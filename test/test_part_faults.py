"""Mistakes of a stranger's part: one message that names it, its package, its line, what was found and expected."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_parts import write_package

from dlstream_camera import SOURCES, Camera, source_settings
from dlstream_common.part_faults import PartFault
from dlstream_experiment.model.triggers import TRIGGERS
from dlstream_outputs import OUTPUTS, Pulse, output_settings
from dlstream_outputs.outputs import OutputKind
from dlstream_pose import ENGINES, FILTERS, Estimator, PoseSettings, PoseStream
from dlstream_pose.runtime.engines import settings_of_engine
from dlstream_pose.runtime.filters import filter_settings

EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "lab_parts"
NETWORK = EXAMPLE.parents[2] / "config" / "networks" / "demo_mouse.onnx"
WHO = "of faulty 0.1: "


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a package with mistakes, as `write_package`, for this process."""

    def install(*mistakes: tuple[str, str, str, str]) -> None:
        site = write_package(tmp_path / "site", *mistakes)
        for path in (EXAMPLE, site):
            monkeypatch.syspath_prepend(str(path))
        importlib.invalidate_caches()

    for parts in (SOURCES, OUTPUTS, ENGINES, FILTERS, TRIGGERS):
        monkeypatch.setattr(parts, "_loaded", {})
    for name in [name for name in sys.modules if name == "faulty"]:
        del sys.modules[name]
    yield install
    sys.modules.pop("faulty", None)


def images(folder: Path) -> Path:
    import cv2

    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images" / "0.png"), np.full((48, 64, 3), 9, np.uint8))
    return folder / "images"


IMAGE = "return replace(super().read(), image={})"
STAMP = "return replace(super().read(), stamp={})"
READS = [
    ("return 5", "read returned 5; expected a Capture, or None at the end"),
    ("return np.zeros((4, 4), np.uint8)", "read returned an array of uint8 and shape (4, 4); expected a Capture"),
    (IMAGE.format("np.zeros((48, 64, 3))"), "image an array of float64 and shape (48, 64, 3); expected uint8"),
    (IMAGE.format("np.zeros((48, 64, 2), np.uint8)"), "image an array of uint8 and shape (48, 64, 2)"),
    (IMAGE.format("np.zeros((1, 48, 64, 3), np.uint8)"), "image an array of uint8 and shape (1, 48, 64, 3)"),
    (IMAGE.format("np.zeros((0, 64, 3), np.uint8)"), "image an array of uint8 and shape (0, 64, 3)"),
    (IMAGE.format("None"), "a Capture with image None; expected uint8 of the shape"),
    (IMAGE.format("[[1, 2], [3, 4]]"), "a Capture with image [[1, 2], [3, 4]]; expected uint8"),
    (STAMP.format("1.5"), "a Capture with stamp 1.5; expected a whole number of nanoseconds since the epoch"),
    (STAMP.format("-1"), "a Capture with stamp -1; expected"),
    (STAMP.format("None"), "a Capture with stamp None; expected"),
    (STAMP.format("2**63"), "a Capture with stamp 9223372036854775808; expected"),
    ("return replace(super().read(), dropped=0.5)", "a Capture with dropped 0.5; expected a whole number from 0"),
    ("return replace(super().read(), frame_number='7')", "a Capture with frame_number '7'; expected"),
    ("return 1 / 0", "read raised ZeroDivisionError: division by zero ("),
    ("import no_such_vendor", "read raised ModuleNotFoundError: No module named 'no_such_vendor' ("),
    ("raise SystemExit('bye')", "read raised SystemExit: bye ("),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), READS, ids=range(len(READS)))
def test_a_source_that_reads_wrongly(tmp_path: Path, stranger: Callable[..., None], body: str, expected: str):
    stranger(("bad", "ImageFolder", "read", body))
    camera = Camera("top", source_settings("bad")(folder=images(tmp_path), fps=1000.0))
    camera.open()
    with pytest.raises(PartFault) as caught:
        camera.read()
    text = str(caught.value)
    assert text.startswith(f"source 'bad' {WHO}"), text
    assert expected in text
    if "raised" in expected:
        assert f"({tmp_path / 'site' / 'faulty.py'}, line " in text, "the line of their code"
    camera.close()


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("np.zeros((48, 64, 3), np.uint8)", "an array of uint8 and shape (48, 64, 3)"),
        ("np.zeros((48, 64), np.uint8)", "an array of uint8 and shape (48, 64)"),
        ("np.zeros((48, 64), np.float32)", "an array of float32 and shape (48, 64)"),
        ("np.zeros((48, 64, 1), np.uint16)", "an array of uint16 and shape (48, 64, 1)"),
        ("np.zeros((0, 64), np.uint16)", "an array of uint16 and shape (0, 64)"),
        ("None", "None"),
        ("np.full((48, 64), 65535, np.uint16)", ""),
    ],
)
def test_a_depth_camera_gives_depths(tmp_path: Path, stranger: Callable[..., None], image: str, found: str):
    stranger(("bad", "ImageFolder", "read", IMAGE.format(image)))
    settings = source_settings("bad")

    class Depth(settings):  # type: ignore[misc, valid-type]
        def is_depth(self) -> bool:
            return True

    camera = Camera("top", Depth(folder=images(tmp_path), fps=1000.0))
    camera.open()
    if found:
        with pytest.raises(PartFault) as caught:
            camera.read()
        wanted = (
            f"read returned a Capture with image {found}; expected uint16 of the shape (height, width), millimetres"
        )
        assert f"{WHO}{wanted}" in str(caught.value)
    else:
        shot = camera.read()
        assert shot is not None
        assert (shot.frame.encoding, int(shot.frame.image.min())) == ("16UC1", 65535)
    camera.close()


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("open", "import no_such_vendor", "open raised ModuleNotFoundError: No module named 'no_such_vendor' ("),
        ("open", "return None", "open returned None; expected a Format"),
        ("open", "return replace(super().open(), width=64.0)", "open returned Format(width=64.0"),
        ("open", "return replace(super().open(), fps=float('nan'))", "open returned Format(width=64"),
        ("__init__", "raise KeyError('lens')", "__init__ raised KeyError: 'lens' ("),
    ],
)
def test_a_source_that_opens_wrongly(
    tmp_path: Path, stranger: Callable[..., None], method: str, body: str, expected: str
):
    stranger(("bad", "ImageFolder", method, body))
    with pytest.raises(PartFault) as caught:
        Camera("top", source_settings("bad")(folder=images(tmp_path))).open()
    assert f"source 'bad' {WHO}{expected}" in str(caught.value)
    if "no_such_vendor" in body:
        assert "pip install no_such_vendor. Its authors should name it in `requires`." in str(caught.value)


@pytest.mark.parametrize("method", ["apply", "off"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return None", "returned None; expected when it took effect, a whole number of nanoseconds"),
        ("return 1.5e18", "returned 1.5e+18; expected when it took effect"),
        ("return True", "returned True; expected"),
        ("return -5", "returned -5; expected"),
        ("return self.no_port", "raised AttributeError: 'Bad' object has no attribute 'no_port' ("),
    ],
)
def test_an_output_that_works_wrongly(
    tmp_path: Path, stranger: Callable[..., None], method: str, body: str, expected: str
):
    stranger(("bad", "Valve", method, body))
    (tmp_path / "port").touch()
    kind = OutputKind.registered("bad")
    output = kind.make(kind.settings(port=str(tmp_path / "port")), print)
    with pytest.raises(PartFault) as caught:
        output.off() if method == "off" else output.apply(Pulse(width=5.0))
    assert f"output 'bad' {WHO}{method} {expected}" in str(caught.value)
    output.off()
    output.close()


VALUES = ["0", "1", "-1", "2.5", "float('nan')", "True", "None", "'1'", "b'1'", "()", "(1,)", "(1, 2)", "[3, 4]", "{}"]
VALUES += ["[]", "object()", "10**30", "float('inf')", "np.int64(4)", "(np.int32(4), 5)", "(0, 1)", "'ab'", "np.eye(2)"]


def are_sides(value: Any) -> bool:
    """Whether it can be width and height."""
    return value is None or all(int(side) == side > 0 for side in value)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_settings_return_is_a_fault_or_what_was_expected(
    tmp_path: Path, stranger: Callable[..., None], seed: int
):
    """Random values of methods that checks ask: never anything but a PartFault, and never a wrong value."""
    draw = random.Random(seed)
    methods = {
        "image_size": are_sides,
        "asked_size": are_sides,
        "frame_rate": lambda value: value is None or 0 <= float(value) < float("inf"),
        "check": lambda value: value == [],
        "is_depth": lambda value: value in (True, False),
        "shared_device": lambda value: isinstance(value, str),
        "beside": lambda value: value == {},
        "shows_depth_of": lambda value: value in (True, False),
        "check_beside": lambda value: value == [],
    }
    others = {"beside": [[]], "check_beside": [[]], "shows_depth_of": [None]}
    cases = [(f"bad{n}", draw.choice(sorted(methods)), draw.choice(VALUES)) for n in range(80)]
    stranger(*((name, "ImageFolder", f"settings.{method}", f"return {value}") for name, method, value in cases))
    folder = images(tmp_path)
    for name, method, value in cases:
        settings = source_settings(name)(folder=folder)
        try:
            found = getattr(settings, method)(*others.get(method, []))
        except PartFault as fault:
            assert f"source '{name}' {WHO}{method} returned " in str(fault)
        else:
            assert methods[method](found), (method, value)


@pytest.mark.parametrize("method", ["without_computer", "check_command", "check"])
@pytest.mark.parametrize("body", ["return 7", "raise ValueError('no')", "return ''"])
def test_an_outputs_settings(tmp_path: Path, stranger: Callable[..., None], method: str, body: str):
    stranger(("bad", "Valve", f"settings.{method}", body))
    settings = output_settings("bad")(port="port")
    with pytest.raises(PartFault) as caught:
        getattr(settings, method)(*(("open", {}) if method == "check_command" else ()))
    what = "raised ValueError: no (" if "raise" in body else "returned "
    assert f"output 'bad' {WHO}{method} {what}" in str(caught.value)


POSES = [
    ("return [np.zeros((1, 2, 3), np.float32)]", "run returned an array of float32 and shape (1, 2, 3); "),
    ("return [np.zeros((1, 1, 2), np.float32)]", "run returned an array of float32 and shape (1, 1, 2)"),
    ("return [np.zeros((3,), np.float32)]", "run returned an array of float32 and shape (3,)"),
    ("return [np.zeros((1, 1, 3), int)]", "run returned an array of int64 and shape (1, 1, 3)"),
    ("return [np.array([[['a', None, 1]]], object)]", "run returned an array of object and shape (1, 1, 3)"),
    ("return np.zeros((1, 1, 3), np.float32)", "run returned an array of float32 and shape (1, 1, 3); expected a list"),
    ("return []", "run returned []; expected a list of one float32 array of the shape (animals, 1, 3)"),
    ("return None", "run returned None; expected"),
    ("return 1 / 0", "run raised ZeroDivisionError: division by zero ("),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), POSES, ids=range(len(POSES)))
def test_an_engine_that_computes_wrongly(stranger: Callable[..., None], body: str, expected: str):
    stranger(("bad", "Brightest", "run", body))
    estimator = Estimator(EXAMPLE / "lamp.json", engine=settings_of_engine("bad"))
    with pytest.raises(PartFault) as caught:
        estimator.detect(np.zeros((48, 64, 3), np.uint8))
    assert f"engine 'bad' {WHO}{expected}" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", "__init__ returned an engine with sha256 None; expected the file's SHA-256"),
        (
            "super().__init__(*args)\nself.inputs = ['image']",
            "an engine with inputs ['image']; expected",
        ),
        ("raise RuntimeError('no card')", "__init__ raised RuntimeError: no card ("),
    ],
)
def test_an_engine_that_loads_wrongly(stranger: Callable[..., None], body: str, expected: str):
    stranger(("bad", "Brightest", "__init__", body))
    with pytest.raises(PartFault) as caught:
        Estimator(EXAMPLE / "lamp.json", engine=settings_of_engine("bad"))
    assert str(caught.value).startswith(f"engine 'bad' {WHO}__init__ ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("step", "self.state = np.zeros(3)", "step r"),
        ("step", "self.state = self.state[:, :0]", "step raised ValueError"),
        ("step", "return self.nothing", "step raised AttributeError"),
        ("update", "return None", "step returned None; expected a Filtered"),
        ("update", "return replace(super().update(*args), position=np.zeros((2, 1)))", "position an array of float64"),
        ("update", "return replace(super().update(*args), velocity=None)", "a Filtered with velocity None; expected"),
        ("__init__", "raise OSError('gone')", "__init__ raised OSError: gone ("),
    ],
)
def test_a_filter_that_filters_wrongly(stranger: Callable[..., None], method: str, body: str, expected: str):
    stranger(("bad", "Mean", method, body))
    estimator = Estimator(NETWORK)
    settings = PoseSettings(network=NETWORK).model_copy(update={"filter": filter_settings("bad")()})
    with pytest.raises(PartFault) as caught:
        PoseStream(estimator, settings).estimate(np.zeros((96, 128, 3), np.uint8), "bgr8", 5)
    assert str(caught.value).startswith(f"filter 'bad' {WHO}")
    assert expected in str(caught.value)
