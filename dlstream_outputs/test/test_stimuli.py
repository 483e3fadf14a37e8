"""What a screen draws in each refresh: flashes, gratings and videos, without a display and without a clock."""

from __future__ import annotations

import math
import threading
from itertools import pairwise

import cv2
import numpy as np
import pytest

from dlstream_outputs import Level, On, Pulse, Show, Train
from dlstream_outputs.outputs._clips import Clip, Video
from dlstream_outputs.outputs._stimuli import Flashes, Grating, flash_problem
from dlstream_outputs.outputs._window import pygame_module

GREY, WHITE = (128, 128, 128), (255, 255, 255)


def surface(size=(64, 48)):
    made = pygame_module().Surface(size)
    made.fill(GREY)
    return made


def seen(stimulus, refresh, size=(64, 48)):
    """What a refresh shows: (height, width, 3)."""
    window = surface(size)
    stimulus.draw(window, refresh)
    return pygame_module().surfarray.array3d(window).swapaxes(0, 1)


def flashes(action, rate):
    return Flashes(action, rate, WHITE, surface())


def changes(stimulus, last):
    """The refreshes at which it says that it changes, up to a last one."""
    found, refresh = [], 0
    while (refresh := stimulus.next_change(refresh)) <= last:
        found.append(refresh)
    return found


def test_a_pulse_lasts_whole_refreshes():
    pulse = flashes(Pulse(width=50), 60.0)
    assert pulse.length == 3
    assert [pulse.lit(refresh) for refresh in range(3)] == [True] * 3
    assert changes(pulse, 100) == [3]
    delayed = flashes(Pulse(width=50, delay=100), 60.0)
    assert [delayed.lit(refresh) for refresh in range(9)] == [False] * 6 + [True] * 3
    assert delayed.length == 9


@pytest.mark.parametrize(
    ("action", "length"),
    [(On(), math.inf), (On(duration=0.5), 30), (Level(level=0.3), math.inf), (Train(frequency=2, width=100), math.inf)],
)
def test_what_has_an_end_has_a_length(action, length):
    assert flashes(action, 60.0).length == length


@pytest.mark.parametrize(
    ("rate", "frequency", "width"), [(60.0, 24.0, 25.0), (60.0, 23.0, 26.0), (100.0, 40.0, 15.0), (60.0, 29.5, 17.3)]
)
def test_flashes_of_a_train_do_not_run_into_each_other(rate, frequency, width):
    train = Train(frequency=frequency, width=width, count=20)
    assert flash_problem(train, rate) is None
    shown = flashes(train, rate)
    lit = [False, *(shown.lit(refresh) for refresh in range(int(shown.length))), False]
    assert sum(now and not before for before, now in pairwise(lit)) == 20


def test_trains_at_random_have_every_edge_on_its_nearest_refresh():
    rng = np.random.default_rng(10)
    shown = 0
    while shown < 100:
        rate = float(rng.choice([50, 59.94, 60, 120, 144]))
        frequency, width = rng.uniform(0.5, rate / 2.5), rng.uniform(1000 / rate, 300)
        burst = int(rng.integers(1, 4))
        values = {"frequency": frequency, "width": width, "count": int(rng.integers(1, 6)), "delay": rng.uniform(0, 90)}
        if burst > 1:
            values |= {"burst": burst, "burst_frequency": frequency / burst / rng.uniform(1, 2)}
        try:
            train = Train(**values)
        except ValueError:
            continue
        if flash_problem(train, rate) is not None:
            continue
        shown += 1
        lit: set[int] = set()
        for number in range(train.pulses or 0):
            turn, within = divmod(number, burst)
            start = train.delay / 1000 + turn * train.burst_period + within / frequency
            begin, end = (math.floor(edge * rate + 0.5) for edge in (start, start + width / 1000))
            lit |= set(range(begin, max(begin + 1, end)))
        stimulus = flashes(train, rate)
        assert stimulus.length == max(lit) + 1
        found = [stimulus.lit(refresh) for refresh in range(max(lit) + 1)]
        assert found == [refresh in lit for refresh in range(max(lit) + 1)]
        edges = [refresh for refresh in range(1, max(lit) + 2) if (refresh in lit) != (refresh - 1 in lit)]
        assert set(edges) <= set(changes(flashes(train, rate), max(lit) + 1))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Pulse(width=5), "values.width: found 5 ms; expected 16.67 ms at least, one refresh at 60 Hz"),
        (Train(frequency=30, width=20), "found 13.33 ms between two flashes; expected 16.67 ms at least"),
        (Train(frequency=30, width=16), ""),
        (On(), ""),
    ],
)
def test_flashes_that_a_display_can_not_show(action, message):
    problem = flash_problem(action, 60.0)
    assert message in str(problem) if message else problem is None


def grating(rate=60.0, size=(640, 480), gamma=1.0, **values):
    action = Show(grating=values.pop("grating", "sine"), **values)
    return Grating(action, action.cycle, rate, size, GREY, gamma)


def test_a_grating_has_its_cycle_and_its_contrast():
    picture = seen(grating(cycle=80, contrast=0.5), 0, (640, 480))
    assert np.array_equal(picture[0], picture[-1])
    row = picture[240, :, 0].astype(float)
    assert np.argmax(np.abs(np.fft.rfft(row - row.mean()))) == 640 / 80
    assert (row.min(), row.max()) == pytest.approx((255 * 0.25, 255 * 0.75), abs=1)
    square = seen(grating(grating="square", cycle=80), 0, (640, 480))
    assert set(np.unique(square)) == {0, 255}


@pytest.mark.parametrize(("direction", "shift"), [(0, (0, 8)), (90, (-8, 0)), (180, (0, -8)), (270, (8, 0))])
def test_a_grating_drifts_where_it_is_told(direction, shift):
    drifting = grating(cycle=80, temporal_frequency=2, direction=direction, rate=20.0)
    first, next_one = (seen(drifting, refresh, (640, 480))[..., 0].astype(int) for refresh in (0, 1))
    assert np.abs(np.roll(first, shift, axis=(0, 1)) - next_one).max() <= 6  # a 255th of a cycle
    assert np.abs(first - next_one).max() > 70
    assert changes(drifting, 3) == [1, 2, 3]
    assert changes(grating(cycle=80, duration=1.0, rate=20.0), 100) == [20]


def test_a_disc_and_gamma():
    picture = seen(grating(cycle=40, diameter=200), 0, (640, 480))
    assert np.all(picture[:, :200] == GREY)
    assert picture[240, 230:410].std() > 50
    corrected = seen(grating(cycle=640, gamma=2.0), 0, (640, 480))[240, :, 0]
    plain = seen(grating(cycle=640), 0, (640, 480))[240, :, 0]
    assert np.allclose(255 * (corrected / 255.0) ** 2, plain, atol=2)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A video of 40 frames at 20 fps; each is as bright as its number, times six."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (64, 48))
    for number in range(40):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    return path


def frames_shown(clip, window, refreshes, wait_for):
    """The number of the frame that each refresh shows, with a decoder that is never late."""
    found = []
    for refresh in range(refreshes):
        ended = [False]

        def ready(refresh=refresh, ended=ended):
            ended[0] = clip.next_change(refresh - 1) > refresh or clip._ended
            return ended[0] or clip._following is not None

        if refresh:
            wait_for(ready, "a decoded frame")
        clip.draw(window, refresh)
        found.append(round(window.get_at((32, 24))[0] / 6))
    return found


@pytest.mark.parametrize("rate", [60.0, 20.0, 50.0])
def test_a_video_shows_each_frame_on_the_refresh_nearest_to_its_time(film, wait_for, rate):
    video = Video("film", film, lambda frame: frame)
    assert video.seconds == pytest.approx(2.0)
    clip = Clip(video, (64, 48), rate, 2 * rate, loop=False)
    shown = frames_shown(clip, surface(), round(2 * rate), wait_for)
    at = [round(number / 20 * rate) for number in range(40)]
    expected = [max(number for number in range(40) if at[number] <= refresh) for refresh in range(round(2 * rate))]
    assert shown == expected
    assert clip.late == 0
    clip.close()


def test_a_video_in_a_loop_begins_again(film, wait_for):
    clip = Clip(Video("film", film, lambda frame: frame), (64, 48), 20.0, math.inf, loop=True)
    assert frames_shown(clip, surface(), 100, wait_for) == [refresh % 40 for refresh in range(100)]
    clip.close()


def test_a_closed_video_leaves_no_thread(film, wait_for):
    clips = [Clip(Video("film", film, lambda frame: frame), (64, 48), 20.0, math.inf, loop=True) for _ in range(3)]
    for clip in clips:
        clip.close()
    wait_for(lambda: not any(thread.name == "video" for thread in threading.enumerate()), "the threads' end")
