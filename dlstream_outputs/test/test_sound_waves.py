"""Sounds as samples."""

from __future__ import annotations

import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_outputs.outputs import OutputError
from dlstream_outputs.outputs._sound_waves import Noise, Recording, Tone, read_sound

RATE = 48000


def write_wav(path, samples, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


@settings(max_examples=40, deadline=None)
@given(st.floats(50, 20_000), st.floats(0.03, 0.5), st.integers(1, 3000))
def test_a_tone_has_its_frequency_and_length_in_whatever_blocks_it_is_taken(frequency, seconds, block):
    tone = Tone(frequency, seconds, RATE)
    assert tone.length == round(seconds * RATE)
    whole = tone.samples(0, tone.length)
    blocks = [tone.samples(start, min(block, tone.length - start)) for start in range(0, tone.length, block)]
    assert np.array_equal(np.concatenate(blocks), whole)
    peak = np.argmax(np.abs(np.fft.rfft(whole * np.hanning(len(whole))))) * RATE / len(whole)
    assert abs(peak - frequency) <= 1.5 * RATE / len(whole)
    assert np.abs(whole).max() <= 1
    assert max(abs(whole[0]), abs(whole[-1])) < 1e-6, "it starts and ends without a click"


@given(st.integers(0, 10**9), st.integers(1, 2000))
def test_noise_is_the_same_for_the_same_seed_and_within_the_limits(start, count):
    first, again, other = Noise(None, RATE, 1), Noise(None, RATE, 1), Noise(None, RATE, 2)
    samples = first.samples(start, count)
    assert np.array_equal(samples, again.samples(start, count))
    assert np.abs(samples).max() <= 1
    assert start < 10 or count < 10 or not np.array_equal(samples, other.samples(start, count))


def test_a_file_is_read_at_the_rate_of_the_card(tmp_path):
    path = tmp_path / "call.wav"
    write_wav(path, 0.5 * np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050), 22050)
    found = read_sound("call", path, RATE)
    assert isinstance(found, Recording)
    assert abs(found.length - RATE) <= 64
    samples = found.samples(0, found.length)
    assert np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples) == pytest.approx(1000, abs=2)
    assert np.array_equal(found.samples(found.length, 10), np.zeros(10))


def test_a_recording_that_is_cut_falls_without_a_click(tmp_path):
    whole = Recording(np.ones(RATE, np.float32), RATE)
    assert whole.cut(None) is whole
    assert whole.cut(1.5) is whole
    part = whole.cut(0.2)
    assert (part.length, part.seconds) == (round(0.2 * RATE), 0.2)
    found = np.concatenate([part.samples(start, 500) for start in range(0, 2 * part.length, 500)])
    assert not found[part.length :].any()
    ramp = RATE // 200
    assert (found[: part.length - ramp] == 1).all()
    assert (np.diff(found[part.length - ramp : part.length]) < 0).all()
    assert found[part.length - 1] == 0


@pytest.mark.parametrize(
    ("content", "expected"), [(b"no sound", "can't be read"), (None, "can't be read"), ("empty", "is empty")]
)
def test_a_file_without_a_sound_is_refused(tmp_path, content, expected):
    path = tmp_path / "call.wav"
    if content == "empty":
        write_wav(path, np.zeros(0), RATE)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(OutputError, match=rf"sound 'call': .*call\.wav {expected}"):
        read_sound("call", path, RATE)
