"""`type: sound` at a sound card without hardware: what is heard, when, and for how long."""

from __future__ import annotations

import os
import shutil
import time
import wave
from contextlib import suppress
from importlib.util import find_spec

import numpy as np
import pytest
from sound_card import RATE, Heard, null_sink

from dlstream_outputs import OUTPUTS, OutputError, output_settings

# sounddevice looks for cards when it is imported: only once the card below is there.
pytestmark = [
    pytest.mark.skipif(find_spec("sounddevice") is None, reason="sounddevice is not installed (make devices)"),
    pytest.mark.skipif(shutil.which("pulseaudio") is None, reason="PulseAudio is not installed (make simulators)"),
]


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """A sound card, and what is heard at it."""
    with null_sink(tmp_path_factory.mktemp("pulse")) as sink, pytest.MonkeyPatch.context() as patch:
        for name, value in sink.environment.items():
            patch.setenv(name, value)
        heard = Heard(dict(os.environ))
        yield heard
        heard.close()


@pytest.fixture
def sound(card, wait_for):
    """Opens the output with some settings."""
    outputs = []

    def make(**values):
        settings = output_settings("sound").model_validate({"device": "pulse", "latency": 0.1, **values})
        outputs.append(OUTPUTS["sound"](settings, lambda line: None))
        outputs[-1].open()
        wait_for(lambda: card.listening, "the monitor of the sound card")
        return outputs[-1]

    yield make
    for output in outputs:
        output.close()


def play(output, **values):
    """When the sound is due, by its acknowledgement."""
    return output.apply(output.settings.read("play", values))


def played(output, **values):
    """Whether the card takes it already: on a busy machine a sound server needs seconds to begin."""
    with suppress(OutputError):
        return play(output, **values)


CAPTURED = 0.02
"""Seconds by which what is heard may be off: a busy machine's recorder drops some milliseconds of its own."""


def loud(samples, level=0.02):
    """The part between the first and the last sample above a level."""
    found = np.flatnonzero(np.abs(samples) > level)
    return samples[found[0] : found[-1] + 1] if len(found) else samples[:0]


def heard_for(seconds, output, card, wait_for, **values):
    """What is heard of something; it is played until a busy machine has not interrupted it."""
    found = np.zeros(0)

    def right() -> bool:
        nonlocal found
        begin = time.time_ns()
        due = play(output, **values)
        assert due > begin
        wait_for(lambda: len(card.since(due)) > (seconds + 0.6) * RATE, "the sound, and silence after it")
        found = loud(card.since(begin))
        return len(found) / RATE == pytest.approx(seconds, abs=CAPTURED)

    wait_for(right, f"{seconds} s of sound")
    return found


def test_a_tone_is_heard_for_its_duration_with_its_frequency(card, sound, wait_for):
    output = sound(volume=0.5)
    found = heard_for(0.2, output, card, wait_for, tone="5 kHz", duration="200 ms")
    peak = np.argmax(np.abs(np.fft.rfft(found))) * RATE / len(found)
    assert peak == pytest.approx(5000, abs=6)
    assert np.abs(found).max() == pytest.approx(0.5, abs=0.02)


def test_off_ends_what_has_no_end_and_a_new_sound_replaces_the_one_before(card, sound, wait_for):
    output = sound()
    begin = time.time_ns()
    play(output, noise="true")
    wait_for(lambda: len(loud(card.since(begin))) > 0.1 * RATE, "noise")
    play(output, tone="1 kHz")
    off = output.off()
    wait_for(lambda: len(card.since(off)) > 0.5 * RATE, "0.5 s after off")
    assert np.abs(card.since(off)[-RATE // 10 :]).max() == 0


def test_a_file_is_played(card, sound, wait_for, tmp_path):
    output = sound(sounds={"call": str(write_call(tmp_path / "call.wav", 0.25))}, volume=1.0)
    output.settings.check()
    heard_for(0.25, output, card, wait_for, sound="call")


@pytest.fixture
def call(tmp_path):
    """A sound file of a second."""
    return write_call(tmp_path / "call.wav", 1.0)


def write_call(path, seconds):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        samples = 20000 * np.sin(2 * np.pi * 800 * np.arange(round(seconds * RATE)) / RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_a_file_lasts_as_long_as_it_is_or_is_cut(card, sound, wait_for, call):
    output = sound(sounds={"call": str(call)}, volume=1.0)
    for values, seconds in ({"duration": "0.2 s"}, 0.2), ({}, 1.0), ({"duration": "7 s"}, 1.0):
        assert output.settings.read("play", {"sound": "call", **values}).seconds == pytest.approx(seconds, abs=1e-6)
    heard_for(0.2, output, card, wait_for, sound="call", duration="0.2 s")


def test_what_happens_to_the_file_of_a_sound_that_is_in_memory_changes_nothing(card, sound, wait_for, call):
    output = sound(sounds={"call": str(call)}, volume=1.0)
    call.unlink()
    assert output.settings.read("play", {"sound": "call"}).seconds == pytest.approx(1.0, abs=1e-6)
    due = play(output, sound="call")
    wait_for(lambda: len(loud(card.since(due))) > 0.5 * RATE, "the sound")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"max_on": 0.5}, "values.sound: found 1 s without a break; expected at most max_on of the output, 0.5 s"),
        ({"max_duty_cycle": 0.01}, "values.sound: found 1 s on; expected at most 0.6 s of a minute, by max_duty_cycle"),
    ],
)
def test_a_file_that_is_longer_than_a_limit_is_refused_before_the_run(call, limit, message):
    settings = output_settings("sound").model_validate({"sounds": {"call": str(call)}, **limit})
    assert message in str(settings.check_command("play", {"sound": "call"}))
    assert settings.check_command("play", {"sound": "call", "duration": "0.4 s"}) is None


def test_a_file_that_was_replaced_has_its_new_length_and_one_that_is_gone_is_told(call):
    settings = output_settings("sound").model_validate({"sounds": {"call": str(call)}})
    assert settings.read("play", {"sound": "call"}).seconds == pytest.approx(1)
    write_call(call, 0.5)
    os.utime(call, ns=(1, 1))
    assert settings.read("play", {"sound": "call"}).seconds == pytest.approx(0.5)
    call.unlink()
    assert "values.sound: found 'call'; expected a sound file that can be read" in str(
        settings.check_command("play", {"sound": "call"})
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sound": "call"}, "values.sound: found 'call'; expected a sound of this output. It has no sound files."),
        ({"tone": "30 kHz"}, "values.tone: found 30000 Hz; expected less than half the rate"),
    ],
)
def test_what_it_can_not_play_is_refused(values, message):
    settings = output_settings("sound").model_validate({})
    assert message in str(settings.check_command("play", values))


def test_a_card_that_is_not_there_is_named_with_those_that_are(card):
    settings = output_settings("sound").model_validate({"device": "no such card"})
    with pytest.raises(OutputError, match=r"device: 'no such card' can't play .*found .*'pulse'"):
        OUTPUTS["sound"](settings, lambda line: None).open()


def test_a_card_that_is_gone_while_it_plays_is_told_once(card, sound, wait_for, monkeypatch, tmp_path):
    with null_sink(tmp_path / "pulse") as sink:
        for name, value in sink.environment.items():
            monkeypatch.setenv(name, value)
        output = sound()
        wait_for(lambda: played(output, noise="true"), "a card that has begun")
        wait_for(lambda: "nothing is heard" not in output.fault(), "a card that plays")
        sink.unplug()
        said = []
        wait_for(lambda: said.append(output.fault()) or "nothing is heard any more" in said[-1], "the fault")
        assert said[-1].startswith("the sound card has ")
        assert output.fault() == ""
        with pytest.raises(OutputError, match="was it unplugged"):
            output.off()
