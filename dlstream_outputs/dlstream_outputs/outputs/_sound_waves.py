"""Sounds as samples: tones, noise, and files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from dlstream_outputs.outputs._base import OutputError

Samples = NDArray[np.float32]

_RAMP = 0.005
"""Seconds over which a sound rises and falls: a sudden edge is heard as a click of all frequencies."""


class Wave(ABC):
    """A sound at a sampling rate.

    Attributes:
        length: in samples; None: endless.
    """

    length: int | None

    @abstractmethod
    def samples(self, start: int, count: int) -> Samples:
        """`count` samples from number `start` on: (count,) float32, -1 to 1."""


class Tone(Wave):
    """A sine.

    Args:
        frequency: in hertz.
        seconds: how long it lasts, ramps included; None: until it is stopped.
        rate: samples a second.
    """

    def __init__(self, frequency: float, seconds: float | None, rate: int) -> None:
        self.length = None if seconds is None else max(1, round(seconds * rate))
        self._step, self._ramp = 2 * np.pi * frequency / rate, max(1, round(_RAMP * rate))

    def samples(self, start: int, count: int) -> Samples:
        number = np.arange(start, start + count)
        return (np.sin(self._step * number) * envelope(number, self.length, self._ramp)).astype(np.float32)


class Noise(Wave):
    """White noise between -1 and 1: all frequencies up to half the rate.

    Args:
        seconds, rate: as of a tone.
        seed: the same seed gives the same noise.
    """

    def __init__(self, seconds: float | None, rate: int, seed: int) -> None:
        self.length = None if seconds is None else max(1, round(seconds * rate))
        self._ramp = max(1, round(_RAMP * rate))
        # Several seconds, again and again: computed each time, it would cost time in the sound card's own thread.
        self._noise = np.random.default_rng(seed).uniform(-1, 1, 4 * rate)

    def samples(self, start: int, count: int) -> Samples:
        number = np.arange(start, start + count)
        noise = self._noise[number % len(self._noise)]
        return (noise * envelope(number, self.length, self._ramp)).astype(np.float32)


class Recording(Wave):
    """Samples that were read from a file: unchanged, or cut, and then they fall before the cut.

    Args:
        samples: (length,) float32.
        rate: samples a second.
    """

    length: int

    def __init__(self, samples: Samples, rate: int) -> None:
        self._samples, self._rate, self.length = samples, rate, len(samples)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.length / self._rate

    def cut(self, seconds: float | None) -> Recording:
        """Its first seconds; itself if that is all of it, as with None."""
        length = self.length if seconds is None else max(1, round(seconds * self._rate))
        if length >= self.length:
            return self
        found = Recording(self._samples, self._rate)
        found.length = length
        return found

    def samples(self, start: int, count: int) -> Samples:
        found = self._samples[start : min(start + count, self.length)]
        if self.length < len(self._samples):
            ramp = max(1, round(_RAMP * self._rate))
            fall = (self.length - 1 - np.arange(start, start + len(found))) / ramp
            found = (found * raised_cosine(fall)).astype(np.float32)
        return np.pad(found, (0, count - len(found)))


def envelope(number: NDArray[np.int64], length: int | None, ramp: int) -> NDArray[np.float64]:
    """How loud the samples with these numbers are, 0 to 1: a raised cosine at both ends of a sound."""
    rise = number / ramp
    fall = np.inf if length is None else (length - 1 - number) / ramp
    return raised_cosine(np.minimum(rise, fall))


def raised_cosine(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 where the share is 0 or less, to 1 where it is 1 or more."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0, 1)))


def read_sound(name: str, path: Path, rate: int) -> Recording:
    """A sound file of any format that FFmpeg reads, mixed to one channel, at a sampling rate.

    Raises:
        OutputError: it can't be read, or holds no sound.
    """
    parts: list[NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                raise OutputError(f"sound '{name}': {path} has no audio track; expected a sound file, such as a .wav")
            resampler = av.AudioResampler("flt", "mono", rate)
            for frame in file.decode(audio=0):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"sound '{name}': {path} can't be read as a sound file ({error})") from error
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not len(samples):
        raise OutputError(f"sound '{name}': {path} is empty; expected a sound")
    if not np.isfinite(samples).all():
        raise OutputError(f"sound '{name}': {path} holds samples that are no numbers; expected -1 to 1")
    return Recording(np.clip(samples, -1, 1).astype(np.float32), rate)
