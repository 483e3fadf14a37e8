"""A value of a YAML text is changed, and every other byte stays."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dlstream_common.yaml.splice import REMOVED, SpliceError, spliced

BLOCK = """\
experiment: x   # the name
regions: # all of them
  a: # the first
    type: polygon
    points: # here
    - [1, 2]  # one
    # between
    -  [3, 4]
    - [5, 6]

    # after
  b:
    type: circle
    center: [1, 2]
    radius: 3   # r
# what triggers
triggers: {t: {point: [7, 8.50]}}"""
FLOW = (
    "regions:\n  a: {type: circle, center: [ 1,2 ],  radius: 3.0} # a\n  b: {type: circle, center: [5, 6], radius: 1}\n"
)


def changed(old: str, new: str) -> list[str]:
    """The lines that are gone and those that are new, with - and + before them."""
    lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    return [line[0] + line[2:] for line in lines if line[0] in "-+"]


@pytest.mark.parametrize(
    ("text", "place", "value", "lines"),
    [
        (
            FLOW,
            ("regions", "a"),
            {"type": "circle", "center": [1, 2.5], "radius": 3},
            [
                "-  a: {type: circle, center: [ 1,2 ],  radius: 3.0} # a",
                "+  a: {type: circle, center: [ 1,2.5 ],  radius: 3.0} # a",
            ],
        ),
        (
            FLOW,
            ("regions", "b", "beyond_image"),
            True,
            [
                "-  b: {type: circle, center: [5, 6], radius: 1}",
                "+  b: {type: circle, center: [5, 6], radius: 1, beyond_image: true}",
            ],
        ),
        (FLOW, ("regions", "c"), {"type": "circle", "radius": 4.0}, ["+  c: {type: circle, radius: 4}"]),
        (FLOW, ("regions", "the one"), {"type": "x"}, ['+  "the one": {type: x}']),
        (FLOW, ("regions", "a"), REMOVED, ["-  a: {type: circle, center: [ 1,2 ],  radius: 3.0} # a"]),
        (BLOCK, ("regions", "a", "points"), [[1, 2], [9, 9], [3, 4], [5, 6]], ["+    - [9, 9]"]),
        (BLOCK, ("regions", "a", "points"), [[1, 2], [5, 6]], ["-    -  [3, 4]"]),
        (BLOCK, ("regions", "a", "points"), [[1, 2], [3, 4], [5, 6], [7, 7]], ["+    - [7, 7]"]),
        (BLOCK, ("regions", "b", "radius"), 4.5, ["-    radius: 3   # r", "+    radius: 4.5   # r"]),
        (BLOCK, ("regions", "b", "beyond_image"), True, ["+    beyond_image: true"]),
        (BLOCK, ("regions", "c"), {"type": "circle", "radius": 4}, ["+  c:", "+    type: circle", "+    radius: 4"]),
        (
            BLOCK,
            ("triggers", "t", "point"),
            [7, 9],
            ["-triggers: {t: {point: [7, 8.50]}}", "+triggers: {t: {point: [7, 9]}}"],
        ),
        (BLOCK, ("calibration", "top"), 12.5, ["+calibration: {top: 12.5}", "+"]),
    ],
)
def test_only_the_lines_of_what_differs_change(text: str, place: Any, value: Any, lines: list[str]) -> None:
    assert changed(text, spliced(text, place, value, above="triggers")) == lines


def test_a_new_key_of_the_file_stands_above_the_comment_of_the_next_one() -> None:
    new = spliced(BLOCK, ("calibration", "top"), 2, above="triggers").splitlines()
    assert new[new.index("# what triggers") - 2 :][:2] == ["calibration: {top: 2}", ""]
    assert spliced("a: 1", ("b",), {"c": 1}) == "a: 1\nb: {c: 1}"


def test_the_last_entry_leaves_an_empty_mapping_that_takes_a_new_one() -> None:
    text = "regions: # all\n  a: {r: 1}\n\ntriggers: 1\n"
    empty = spliced(text, ("regions", "a"), REMOVED)
    assert empty == "regions: # all\n  {}\n\ntriggers: 1\n"
    assert spliced(empty, ("regions", "b"), {"r": 2}) == "regions: # all\n  {b: {r: 2}}\n\ntriggers: 1\n"
    assert spliced("regions:\nx: 1\n", ("regions", "b"), {"r": 2}) == "regions: {b: {r: 2}}\nx: 1\n"


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("a: &q [1, 2]\nb: *q\n", ("a", 0), 5),
        ("a: &q [1, 2]\nb: *q\n", ("b",), [1, 3]),
        ("d: &q {x: 1}\na: {<<: *q, y: 2}\n", ("a", "x"), 3),
        ("c: &z 4\n", ("c",), 3),
        ("c: !!int 4\n", ("c",), 3),
        ("c: |\n  long\n", ("c",), "short"),
        ("c: 4\n", ("c", "x"), 3),
        ("c: [4]\n", ("c", 1), 3),
    ],
)
def test_what_would_change_another_place_or_its_style_is_refused(text: str, place: Any, value: Any) -> None:
    with pytest.raises(SpliceError):
        spliced(text, place, value)


_NUMBERS = st.integers(-1000, 1000) | st.floats(-1000, 1000).map(lambda value: round(value, 1))
_POINTS = st.lists(st.lists(_NUMBERS, min_size=2, max_size=2), min_size=1, max_size=5)
_REGIONS = st.dictionaries(
    st.text("abc_ é#:{}-", min_size=1, max_size=4),
    st.fixed_dictionaries({"type": st.just("polygon"), "points": _POINTS}, optional={"rotation": _NUMBERS}),
    min_size=1,
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(
    old=_REGIONS,
    new=_REGIONS,
    flow=st.booleans(),
    eol=st.sampled_from(["\n", "\r\n"]),
    indents=st.sampled_from([(2, 4, 2), (4, 6, 4), (2, 2, 0)]),
)
def test_any_regions_become_any_others_and_the_rest_stays(old, new, flow, eol, indents) -> None:
    import io

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow or None
    yaml.map_indent, yaml.sequence_indent, yaml.sequence_dash_offset = indents
    stream = io.StringIO()
    yaml.dump({"regions": old}, stream)
    if flow:  # within a block mapping, as people write it
        stream = io.StringIO("regions:" + eol + "".join(f"  {line}" for line in _flow_lines(old)))
    head, tail = f"# the head{eol}name: x   # é{eol}", f"# the tail{eol}last: [ 1 ]  {eol}{eol}"
    body = stream.getvalue().replace("\r\n", "\n").replace("\n", eol)
    text = head + body + tail
    result = text
    for name, region in new.items():
        result = spliced(result, ("regions", name), region)
    for name in old:
        if name not in new:
            result = spliced(result, ("regions", name), REMOVED)
    assert result.startswith(head)
    assert result.endswith(tail)
    assert YAML(typ="safe", pure=True).load(result)["regions"] == new
    if flow:
        kept = [name for name in old if new.get(name) == old[name]]
        for line in _flow_lines({name: old[name] for name in kept}):
            assert line.strip() in result, "what is the same is not written anew"
    assert ("\r\n" in result) == (eol == "\r\n")
    assert result.count("\n") == result.count(eol)


def _flow_lines(regions: Any) -> list[str]:
    import json

    return [f"{json.dumps(name)}: {json.dumps(region)}  # kept\n" for name, region in regions.items()]


LINES = """\
regions: {
  a: {x: 1, y: 2, z: 3},  # left
  # of b
  b: {x: 2},  # right
}
corners: [
  [1, 2],  # one
  [3, 4],  # two
  [5, 6]   # three
  ]
"""


@pytest.mark.parametrize(
    ("place", "value", "old", "new"),
    [
        (("regions", "b"), REMOVED, "  b: {x: 2},  # right\n", ""),
        (("regions", "a"), REMOVED, "  a: {x: 1, y: 2, z: 3},  # left\n", ""),
        (("regions", "a"), {"x": 1}, "x: 1, y: 2, z: 3", "x: 1"),
        (("regions", "a"), {"x": 2}, "x: 1, y: 2, z: 3", "x: 2"),
        (("corners",), [[1, 2], [3, 4]], "  [5, 6]   # three\n", ""),
        (("corners",), [[1, 2]], "  [3, 4],  # two\n  [5, 6]   # three\n", ""),
        (("corners",), [[3, 4], [5, 6]], "  [1, 2],  # one\n", ""),
        (("corners",), [[1, 2], [5, 6]], "  [3, 4],  # two\n", ""),
        (
            ("corners",),
            [[1, 9], [3, 9]],
            "2],  # one\n  [3, 4],  # two\n  [5, 6]   # three",
            "9],  # one\n  [3, 9],  # two",
        ),
    ],
)
def test_an_item_on_a_line_of_its_own_goes_with_its_comment_and_no_other(place, value, old, new):
    assert spliced(LINES, place, value) == LINES.replace(old, new, 1)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), mapping=st.booleans(), first=st.sampled_from(["", "\n  "]), eol=st.sampled_from(["\n", "\r\n"]))
def test_each_comment_stays_with_the_item_that_it_follows(data, mapping, first, eol) -> None:
    """Items of a flow over several lines, some with a comment: each comment has the number of the item before it."""
    number = data.draw(st.integers(1, 6))
    ends = data.draw(st.lists(st.sampled_from([", ", ",\n  ", "note"]), min_size=number, max_size=number))
    last = data.draw(st.sampled_from(["", ",", "  # note {0}\n  ", ",  # note {0}\n  ", "\n"]))
    items = [f"k{n}: {{v: {n}}}" if mapping else f"[{n}, {n}]" for n in range(number)]
    text = "".join(
        item + end.replace("note", f",  # note {n}\n  ")
        for n, (item, end) in enumerate(zip(items[:-1], ends[1:], strict=True))
    )
    text += items[-1] + last.format(number - 1)
    text = f"all: {'{' if mapping else '['}{first}{text}{'}' if mapping else ']'}  # end\nnext: 1\n".replace("\n", eol)
    if mapping:
        kept = [n for n in range(number) if data.draw(st.booleans())]
    else:  # in a list, what an item was before is known by its neighbours only
        start = data.draw(st.integers(0, number - 1))
        gone = range(start, data.draw(st.integers(start + 1, number)))
        kept = [n for n in range(number) if n not in gone]
    value: Any = {f"k{n}": {"v": n} for n in kept} if mapping else [[n, n] for n in kept]
    if mapping and data.draw(st.booleans()):
        value["other"] = {"w": 1}
    try:
        result = spliced(text, ("all",), value)
    except SpliceError:
        return
    assert YAML(typ="safe", pure=True).load(result)["all"] == value
    assert result.endswith(f"# end{eol}next: 1{eol}")
    for line in result.split(eol):
        before, _, note = line.partition("# note ")
        if note:
            assert items[int(note)] in before, "its own item"
            assert not any(item in before.partition(items[int(note)])[2] for item in items), "the last one of its line"
    for n in kept:
        assert result.count(f"# note {n}{eol}") == text.count(f"# note {n}{eol}"), "none of an item that stays is lost"


SHAPE = """\
a: {
  type: circle,
  radius: 5  # px
}
b: {type: circle, radius: 5}
"""


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("a", "  radius: 5  # px\n", "  radii: [5, 6]\n"),
        ("b", "circle, radius: 5}", "ellipse, radii: [5, 6]}"),
    ],
)
def test_a_last_entry_gives_way_to_another_in_its_place(place, old, new):
    shape = {"type": "ellipse" if place == "b" else "circle", "radii": [5, 6]}
    assert spliced(SHAPE, (place,), shape) == SHAPE.replace(old, new)
    assert spliced("all: {x: 1, y: 2}\n", ("all",), {"z": 3}) == "all: {z: 3}\n"


TABLE = """\
outputs:
  laser:   # at the fibre
    calibration:
      power: {0: 0, 0.20: 1.50,  1: 9.7}   # of 3 May
  water:
    calibration:
      volume:
        20: 1.9   # twice
        # between
        100: 10.8
"""
POWER, VOLUME = ("outputs", "laser", "calibration", "power"), ("outputs", "water", "calibration", "volume")


@pytest.mark.parametrize(
    ("place", "value", "old", "new"),
    [
        ((*POWER, 0.2), 1.6, "1.50,", "1.6,"),
        ((*POWER, 0.5), 4.1, "1.50,  1", "1.50,  0.5: 4.1, 1"),
        ((*POWER, 2.0), 20.5, "9.7}", "9.7, 2: 20.5}"),
        ((*POWER, 0.0), REMOVED, "{0: 0, ", "{"),
        ((*POWER, 1), REMOVED, ",  1: 9.7}", "}"),
        ((*VOLUME, 20.0), 2, "20: 1.9 ", "20: 2 "),
        ((*VOLUME, 50.0), 5.2, "twice\n", "twice\n        50: 5.2\n"),
        ((*VOLUME, 5.0), 0.5, "volume:\n", "volume:\n        5: 0.5\n"),
        ((*VOLUME, 200.0), 21, "10.8\n", "10.8\n        200: 21\n"),
        ((*VOLUME, 100), REMOVED, "        100: 10.8\n", ""),
    ],
)
def test_rows_of_a_table_by_number_are_changed_removed_and_put_in_order(place, value, old, new):
    assert spliced(TABLE, place, value) == TABLE.replace(old, new, 1)
