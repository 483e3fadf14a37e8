"""A sound card that is always running: silence until a sound is asked for, so that none starts late."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._sound_waves import Samples, Wave

_ANSWER = 1.0
"""Seconds in which the card must ask for samples."""
_SILENCE = 0.5
"""Seconds without a question for samples, beyond those for which the card has some, after which it is gone."""


@dataclass
class _Voice:
    """A sound that is being played, or silence."""

    wave: Wave | None
    volume: float
    position: int = 0
    due: int = 0
    begun: threading.Event = field(default_factory=threading.Event)

    def next(self, count: int) -> Samples:
        """The next samples: (count,) float32; zeros after the end."""
        result = np.zeros(count, np.float32)
        if self.wave is not None:
            left = count if self.wave.length is None else min(count, self.wave.length - self.position)
            if left > 0:
                result[:left] = self.volume * self.wave.samples(self.position, left)
                self.position += left
        return result


class SoundPlayer:
    """Plays one sound at a time.

    Args:
        device: part of the card's name; empty: the default one.
        rate: samples a second.
        block: samples that the card asks for at a time.
        latency: seconds of sound that may wait in the card's buffer; less is earlier, and easier to run dry.
    """

    def __init__(self, device: str, rate: int, block: int, latency: float) -> None:
        self._device, self._rate, self._block, self._latency = device, rate, block, latency
        self._stream: Any = None
        self._voice = self._current = _Voice(None, 0.0)
        self._underflows = 0
        self._reported = 0
        self._asked, self._lost = 0.0, False

    @property
    def description(self) -> str:
        """The card and its latency, in words; empty before it is open."""
        if self._stream is None:
            return ""
        import sounddevice

        name = sounddevice.query_devices(self._stream.device)["name"]
        return f"{name}, {self._rate} Hz, {1000 * self._stream.latency:.0f} ms from the command to the loudspeaker"

    def open(self) -> None:
        """Starts the card, silent.

        Raises:
            OutputError: there is no such card, or it can't play at this rate.
        """
        try:
            import sounddevice
        except OSError as error:  # the wheel has no PortAudio in it on Linux
            raise OutputError(f"found no PortAudio ({error}); install it: apt install libportaudio2") from error
        known = [f"'{item['name']}'" for item in sounddevice.query_devices() if item["max_output_channels"] > 0]
        listed = f"found {', '.join(known)}" if known else "found no sound card"
        try:
            # The raw stream: the other one makes its arrays in a way of which NumPy 2.5 and later warn at each block.
            self._stream = sounddevice.RawOutputStream(
                samplerate=self._rate,
                channels=1,
                dtype="float32",
                device=self._device or None,
                blocksize=self._block,
                latency=self._latency,
                callback=self._fill,
            )
            self._asked, self._lost = 0.0, False
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self._stream = None
            which = f"device: '{self._device}'" if self._device else "the default sound card"
            raise OutputError(f"{which} can't play at {self._rate} Hz ({error}); {listed}") from error

    def play(self, wave: Wave, volume: float) -> int:
        """Plays a sound from now on; returns when its first sample leaves the card, in nanoseconds since the epoch.

        Raises:
            OutputError: the card does not answer.
        """
        return self._take(_Voice(wave, volume))

    def silence(self) -> int:
        """Fades what is being played within a block; returns when the first quieter sample leaves the card."""
        if self._stream is None:
            return time.time_ns()
        return self._take(_Voice(None, 0.0))

    def new_underflows(self) -> int:
        """How often the card's buffer ran dry since the last call: each time the sound had a gap."""
        count = self._underflows
        new, self._reported = count - self._reported, count
        return new

    def lost(self) -> str:
        """Why the card has stopped playing, in a sentence, once; empty: it plays."""
        stream = self._stream
        if stream is None:
            return ""
        # A sound server may take long to begin: only the next sound finds out whether it ever does.
        silent, active = time.monotonic() - self._asked if self._asked else 0.0, bool(stream.active)
        if active and silent <= _SILENCE + 2 * self._block / self._rate + stream.latency:
            self._lost = False
            return ""
        if self._lost:
            return ""
        self._lost = True
        what = f"has asked for no sample for {silent:.1f} s" if active else "has ended its stream"
        return f"the sound card {what}: nothing is heard any more. Was it unplugged?"

    def close(self) -> None:
        """Ends the sound and gives the card back."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    def _take(self, voice: _Voice) -> int:
        if self._stream is None:
            raise OutputError("the sound card is not open")
        self._voice = voice
        if not voice.begun.wait(_ANSWER):
            raise OutputError(f"the sound card has asked for no sample for {_ANSWER:g} s; was it unplugged?")
        return voice.due

    def _fill(self, block: Any, count: int, clock: Any, status: Any) -> None:
        """Called by the card's own thread for the next samples: a buffer of `count` float32."""
        arrived, voice, before = time.time_ns(), self._voice, self._current
        self._asked = time.monotonic()
        self._underflows += bool(status.output_underflow)
        if not voice.begun.is_set():
            voice.due = arrived + round(1e9 * max(0.0, clock.outputBufferDacTime - clock.currentTime))
            voice.begun.set()
        out = np.frombuffer(block, np.float32)
        out[:] = voice.next(count)
        if before is not voice:  # what was being played falls within this block, without a click
            self._current = voice
            out += before.next(count) * np.linspace(1, 0, count, dtype=np.float32)
            np.clip(out, -1, 1, out=out)
