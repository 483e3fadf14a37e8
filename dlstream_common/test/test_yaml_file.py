from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from dlstream_common import ExistingFile, InputError, Name, Settings, load_settings, misfit
from dlstream_common.settings import Unit


class Circle(Settings):
    shape: Literal["circle"]
    radius: Annotated[float, Field(gt=0)]


class Square(Settings):
    shape: Literal["square"]
    side: Annotated[float, Field(gt=0)]


class Arena(Settings):
    name: str
    lockout: Annotated[float, Field(ge=0), Unit("seconds")] = 0.0
    match: Literal["any", "all"] | Annotated[int, Field(ge=1)] = "any"
    mice: dict[Name, int] = {}
    fps: Annotated[float, Field(gt=0)] = 30.0
    count: int = 1
    regions: dict[str, Annotated[Circle | Square, Field(discriminator="shape")]] = {}
    points: list[tuple[float, float]] = []
    picture: ExistingFile | None = None

    @model_validator(mode="after")
    def _fits(self) -> Arena:
        if self.count > 100:
            raise misfit("count", "count not larger than 100, with this match")
        return self


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "arena.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_settings(path, Arena)
    return [line.replace(str(path), "arena.yaml") for line in str(error.value).splitlines()]


def test_reads_what_is_right(tmp_path: Path):
    (tmp_path / "floor.png").touch()
    path = tmp_path / "arena.yaml"
    path.write_text(
        "name: box\nfps: 25\nregions:\n  a: {shape: circle, radius: 3}\npoints: [[1, 2]]\npicture: floor.png\n"
    )
    arena = load_settings(path, Arena)
    assert arena.fps == 25.0
    assert arena.points == [(1.0, 2.0)]
    assert arena.picture == tmp_path / "floor.png", "relative to the file's own folder"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: box\nfsp: 3\n",
            "arena.yaml:2: fsp: found the unknown key 'fsp'; expected a known key. Did you mean 'fps'?",
        ),
        ("name: box\n\nfps: fast\n", "arena.yaml:3: fps: found 'fast'; expected a number"),
        ("name: box\nfps: '30'\n", "arena.yaml:2: fps: found '30'; expected a number"),
        ("name: box\nfps: -1\n", "arena.yaml:2: fps: found -1; expected a number greater than 0"),
        ("name: box\nfps: .nan\n", "arena.yaml:2: fps: found nan; expected a finite number"),
        ("name: box\ncount: true\n", "arena.yaml:2: count: found true; expected a whole number"),
        ("fps: 3\n", "arena.yaml:1: name: found nothing; expected this key, which is required"),
        (
            "name: box\nregions:\n  a: {shape: circle, radius: 3}\n  b:\n    shape: circle\n    radios: 3\n",
            "arena.yaml:6: regions.b.radios: found the unknown key 'radios'; expected a known key. Did you mean 'rad",
        ),
        (
            "name: box\nregions:\n  b:\n    shape: circel\n",
            "arena.yaml:4: regions.b.shape: found 'circel'; expected one of circle, square. Did you mean 'circle'?",
        ),
        ("name: box\npoints:\n- [1, 2]\n- [1, x]\n", "arena.yaml:4: points[1][1]: found 'x'; expected a number"),
        ("name: [box\n", "arena.yaml:2: found the end of the file instead of ',' or ']'; expected valid YAML"),
        (
            "name: box\nname: box\n",
            "arena.yaml:2: found the key 'name' for the second time; expected each key only once",
        ),
        ("", "arena.yaml:1: found an empty file; expected keys and values, such as 'rig: openfield'"),
        ("name: box\n? [a, b]\n: 1\n", "arena.yaml:2: found the key ['a', 'b']; expected a plain word as a key"),
        ("name: box\npoints: 3\n", "arena.yaml:2: points: found 3; expected a list, such as [a, b]"),
        ("name: box\nregions: {a: 3}\n", "arena.yaml:2: regions.a: found 3; expected keys and values (key: value)"),
        ("name: box\npoints: [[1]]\n", "arena.yaml:2: points[0][1]: found nothing; expected this key"),
        ("name: box\n\tfps: 3\n", "arena.yaml:2: found a tab; expected spaces"),
        ("name: box\n  fps: 3\n", "arena.yaml:2: found a ': ' where it is not allowed"),
        ("name: 'box\nfps: 3\n", "arena.yaml:3: found a quote that is never closed"),
        ("name: box\nfps: *f\n", "arena.yaml:2: found an alias (*name) without its anchor"),
        ("name: box\n---\nname: box\n", "arena.yaml:2: found a second document"),
        ("name: box\nregions: &a\n  <<: *a\n", "arena.yaml:3: found an anchor that contains itself; expected an alias"),
        ("name: box\npoints: &p\n- [1, 2]\n- *p\n", "arena.yaml:4: found an anchor that contains itself"),
        ("name: box\npoints: " + "[" * 5000 + "\n", "arena.yaml:2: found too many nested levels; expected closed"),
        ("name:\n" + "- " * 5000 + "a\n", "arena.yaml:2: found too many nested levels"),
        ("# one\n|\n # two\n a: 1\n", "arena.yaml:"),
        ("- a\n", "arena.yaml:1: found a list; expected keys and values"),
    ],
)
def test_says_where_what_and_what_was_expected(tmp_path: Path, text: str, expected: str):
    found = problems(tmp_path, text)
    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "lockout: 1,5",
            "2: lockout: found '1,5'; expected a number, in seconds. Write the decimal number with a point: 1.5.",
        ),
        ("lockout: 200ms", "2: lockout: found '200ms'; expected a number, in seconds. Write the number only: 0.2."),
        ("lockout: 2 s", "2: lockout: found '2 s'; expected a number, in seconds. Write the number only: 2."),
        (
            "lockout: 2 min",
            "2: lockout: found '2 min'; expected a number, in seconds. Write the number only, without 'min'.",
        ),
        ("lockout: 10:30", "2: lockout: found '10:30'; expected a number, in seconds. Write seconds: 630."),
        (
            "lockout: \u22121",
            "2: lockout: found '\u22121'; expected a number, in seconds. Write the minus sign of the keyboard: -1.",
        ),
        (
            "points: [[80,5, 120,25]]",
            "2: points[0]: found [80, 5, 120, 25]; expected at most 2 entries. "
            "Write decimal numbers with a point, such as 80.5.",
        ),
        ("fps: 30 Hz", "2: fps: found '30 Hz'; expected a number. Write the number only: 30."),
        ("match: 0", "2: match: found 0; expected one of any, all or a number at least 1"),
        ("count: 200", "2: count: found 200; expected count not larger than 100, with this match"),
        ("regions: {a: {radius: 3}}", "2: regions.a.shape: found nothing; expected this key: one of circle, square"),
        (
            "mice: {1 top-mouse: 3}",
            "2: mice.1 top-mouse: found '1 top-mouse'; expected a name of letters, digits and _ that "
            "begins with a letter: it becomes part of ROS topics",
        ),
        (
            "points: [[550\uff0c 163]]",
            "2: points[0][0]: found '550\uff0c 163'; expected a number. "
            "Separate the entries of a list by a plain comma (,).",
        ),
    ],
)
def test_one_mistake_is_told_once_with_what_to_write(tmp_path: Path, text: str, told: str):
    assert problems(tmp_path, f"name: box\n{text}\n") == [f"arena.yaml:{told}"]


def test_an_alias_may_stand_for_much_but_not_for_all(tmp_path: Path):
    """Nine lines of nine aliases each are a thousand million values: told, instead of filling the memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (found,) = problems(tmp_path, "name: box\n" + "\n".join(lines) + "\n")
    assert found.startswith("arena.yaml:7: found aliases (*name) that stand for 5"), "the first that is too many"
    path = tmp_path / "few.yaml"
    path.write_text("name: box\npoints: [&p [1, 2], *p, *p]\nregions: {a: &c {shape: circle, radius: 3}, b: *c}\n")
    arena = load_settings(path, Arena)
    assert arena.points == [(1, 2)] * 3
    assert arena.regions["a"] == arena.regions["b"]


def test_a_file_of_settings_is_not_that_large(tmp_path: Path):
    (found,) = problems(tmp_path, "name: box\n" + "# no end of words\n" * 200_000)
    assert found == "arena.yaml: found a file of 3.6 MB; expected at most 2 MB of settings"


def test_names_every_problem_at_once(tmp_path: Path):
    found = problems(tmp_path, "fps: x\ncount: y\nregions: {a: {shape: square}}\n")
    assert len(found) == 4


def test_missing_files(tmp_path: Path):
    [line] = problems(tmp_path, "name: box\npicture: no.png\n")
    assert line.startswith("arena.yaml:2: picture: found 'no.png'; expected a path to an existing file")
    with pytest.raises(InputError, match="no readable file"):
        load_settings(tmp_path / "nothing.yaml", Arena)
    with pytest.raises(InputError, match="no readable file"):
        load_settings(tmp_path, Arena)


def test_binary_file(tmp_path: Path):
    path = tmp_path / "binary.yaml"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="not UTF-8"):
        load_settings(path, Arena)


@given(text=st.text(alphabet=st.sampled_from(list("abfnsx:[]{}-#&*!|>'\"%@ \n\t01.,?")), max_size=60))
def test_any_text_is_read_or_refused_with_an_input_error(tmp_path_factory: pytest.TempPathFactory, text: str):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text)
    try:
        load_settings(path, Arena)
    except InputError as error:
        assert str(error).startswith(str(path))


@pytest.mark.parametrize("path", ["C:\\Users\\lab", "C:\\mice", "D:\\x1g"])
def test_a_path_of_windows_in_double_quotes_is_told(tmp_path: Path, path: str):
    [line] = problems(tmp_path, f'name: box\npicture: "{path}"\n')
    assert line.startswith("arena.yaml:2: found an unknown \\ in double quotes; expected single quotes, or two \\\\")


@pytest.mark.parametrize(
    "text", ["name: box\npicture: floor #3.png\n", "picture: floor #3.png # the new one\nname: a\n"]
)
def test_a_comment_that_cuts_off_a_path_is_named(text, tmp_path):
    (tmp_path / "floor #3.png").touch()
    [found] = problems(tmp_path, text)
    assert found.endswith("Behind a blank, # begins a comment: put a text with # in quotes.")
    assert "found 'floor'; expected a path to an existing file" in found


@pytest.mark.parametrize(
    "text", ["regions: {a: {shape: circle #3, radius: 3}}\nname: box\n", "name: box\npoints: [[1, 2 #3]]\n"]
)
def test_a_comment_that_leaves_a_bracket_open_is_named(text, tmp_path):
    [found] = problems(tmp_path, text)
    assert found.endswith("Behind a blank, # begins a comment: put a text with # in quotes.")


@pytest.mark.parametrize(
    "text", ["picture: floor # 3\nname: a\n", "picture: 'floor #3'\nname: a\n", "points: [\nname: a\n"]
)
def test_other_mistakes_name_no_comment(text, tmp_path):
    [found] = problems(tmp_path, text)
    assert "comment" not in found
