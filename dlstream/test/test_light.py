"""Where the light is in the pictures, and what the flashes say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream.latency.flashes import CHAINS, Flash, distribution, save, table
from dlstream.latency.light import LightError, find_light
from dlstream_camera.arena import Arena

ARENA = Arena(320, 240, seed=3)


def pairs(x: int, y: int, radius: int, brightness: int, count: int = 5):
    """Dark and lit pictures of an arena in which the animal walks on between any two."""
    for number in range(count):
        dark, _ = ARENA.render(20 * number)
        lit, _ = ARENA.render(20 * number + 9)
        rows, columns = np.ogrid[:240, :320]
        inside = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
        lit[inside] = np.maximum(lit[inside], brightness)
        yield dark, lit


@settings(max_examples=25, deadline=None)
@given(st.integers(15, 300), st.integers(15, 220), st.integers(4, 12))
def test_the_light_is_found_wherever_it_is_beside_a_walking_animal(x, y, radius):
    found = list(pairs(x, y, radius, 255))
    light = find_light(found)
    assert x - radius - 3 <= light.x < light.x + light.width <= x + radius + 4
    assert y - radius - 3 <= light.y < light.y + light.height <= y + radius + 4
    assert all(light.is_on(lit) and not light.is_on(dark) for dark, lit in found)


def test_without_a_light_the_walking_animal_is_not_taken_for_one():
    with pytest.raises(LightError, match=r"found no (reliable )?light"):
        find_light(list(pairs(0, 0, 0, 0)))


def test_the_light_is_looked_for_only_in_the_region():
    found = list(pairs(60, 60, 8, 255))
    assert find_light(found, [40, 40, 50, 50]).x > 40
    with pytest.raises(LightError, match=r"in the region \[200, 100, 50, 50\]"):
        find_light(found, [200, 100, 50, 50])
    with pytest.raises(LightError, match="within 320x240"):
        find_light(found, [400, 0, 50, 50])


def test_grey_pictures_do_as_well():
    grey = [(dark[..., 0].copy(), lit[..., 0].copy()) for dark, lit in pairs(100, 80, 8, 255)]
    assert find_light(grey).is_on(grey[0][1])


def flash(start: int, light: int) -> Flash:
    ms = 1_000_000
    return Flash(
        sent=start,
        applied=start + ms,
        dark=start - 5 * ms,
        lit=start + light * ms,
        pose=start + (light + 10) * ms,
        off_sent=start + (light + 10) * ms,
        off_applied=start + (light + 11) * ms,
        still_lit=start + (light + 5) * ms,
        dark_again=start + (light + 20) * ms,
    )


def test_the_table_has_the_times_in_milliseconds_and_nothing_for_what_was_not_seen(tmp_path):
    start = 1_700_000_000_000_000_000
    rows = save([flash(start, 4), flash(start, 8), Flash(sent=start)], tmp_path / "latency.csv")
    assert rows["decision_to_light_ms"].tolist()[:2] == [4.0, 8.0]
    assert rows["light_to_light_ms"].tolist()[:2] == [20.0, 20.0]
    assert rows["decision_to_output_ms"].tolist()[:2] == [1.0, 1.0]
    assert rows[[chain.name for chain in CHAINS]].iloc[2].isna().all()
    assert [item.complete for item in (flash(start, 4), Flash(sent=start))] == [True, False]
    text = (tmp_path / "latency.csv").read_text().splitlines()
    assert text[0].startswith("flash,sent,applied")
    assert len(text) == 4


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=50))
def test_the_distribution_is_over_what_was_seen(lights):
    rows = table([*(flash(10**18, light) for light in lights), Flash(sent=10**18)])
    found = distribution(rows["decision_to_light_ms"])
    assert found is not None
    assert found.n == len(lights)
    assert (found.least, found.worst) == (min(lights), max(lights))
    assert found.least <= found.p50 <= found.p95 <= found.p99 <= found.worst
    assert distribution(table([Flash(sent=10**18)])["decision_to_light_ms"]) is None
