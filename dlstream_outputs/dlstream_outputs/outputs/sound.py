"""A loudspeaker at a sound card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo

from dlstream_common import Problem, suggest
from dlstream_outputs.actions import Action, Play
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings
from dlstream_outputs.outputs._named_files import AsPairs, by_name, existing_files
from dlstream_outputs.outputs._sound_player import SoundPlayer
from dlstream_outputs.outputs._sound_waves import Noise, Recording, Tone, Wave, read_sound


def _existing_sounds(pairs: list[str], info: ValidationInfo) -> list[str]:
    found, wrong = existing_files("sound", pairs, info)
    if wrong:
        raise ValueError("; ".join(wrong))
    return [f"{name}={path}" for name, path in found.items()]


@lru_cache(maxsize=256)
def _length(name: str, path: Path, rate: int, changed: int) -> float:
    """The length of a sound in seconds. Args changed: when the file was."""
    return read_sound(name, path, rate).seconds


class SoundSettings(OutputSettings):
    """Plays tones, noise and sound files (action play)."""

    type: Literal["sound"] = "sound"
    """Type of the output."""
    device: str = ""
    """Part of the sound card's name, such as USB; left out: the default card."""
    sounds: Annotated[list[str], AsPairs, AfterValidator(_existing_sounds)] = []
    """The sound files, each as name=path; in a rig file as a mapping, name: path."""
    volume: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Loudness of all sounds, 0 to 1 of what the card can."""
    rate: Annotated[int, Field(ge=8000, le=192_000)] = 48_000
    """Samples a second. A tone above half of it can't be played."""
    block: Annotated[int, Field(ge=32, le=8192)] = 256
    """Samples that the card asks for at a time: 256 at 48000 Hz are 5 ms."""
    latency: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Seconds of sound that wait in the card's buffer. Less is earlier, and runs dry more easily, which is a fault."""

    actions = (Play,)
    _loaded: dict[str, float] = PrivateAttr(default_factory=dict)
    """Seconds of the files that are in memory: what happens to their files makes no difference then."""

    @property
    def paths(self) -> dict[str, Path]:
        """The sound files, by name."""
        return by_name(self.sounds)

    def check(self) -> None:
        for name, path in self.paths.items():
            read_sound(name, path, self.rate)

    def read(self, action: str, values: Mapping[str, str]) -> Action | Problem:
        found = super().read(action, values)
        if not isinstance(found, Play) or found.sound is None:
            return found
        try:
            length = self._seconds(found.sound)
        except (OSError, OutputError) as error:
            return Problem(("values", "sound"), f"'{found.sound}'", f"a sound file that can be read ({error})")
        if found.duration is not None and found.duration <= length:
            return found
        whole = super().read(action, {**values, "duration": f"{length:.6f} s"})
        return replace(whole, place=("values", "sound")) if isinstance(whole, Problem) else whole

    def loaded(self, lengths: Mapping[str, float]) -> None:
        """Notes the lengths of sounds, in seconds, that are played from memory from now on."""
        self._loaded.clear()
        self._loaded.update(lengths)

    def _seconds(self, sound: str) -> float:
        if sound in self._loaded:
            return self._loaded[sound]
        path = self.paths[sound]
        return _length(sound, path, self.rate, path.stat().st_mtime_ns)

    def check_action(self, action: Action) -> Problem | None:
        if not isinstance(action, Play):
            return None
        if action.video is not None:
            return Problem(
                ("values", "video"), f"'{action.video}'", "a tone, noise or sound: this output is a loudspeaker"
            )
        if action.sound is not None and action.sound not in self.paths:
            hint = suggest(action.sound, list(self.paths)) or "It has no sound files."
            return Problem(("values", "sound"), f"'{action.sound}'", "a sound of this output", hint)
        if action.tone is not None and action.tone >= self.rate / 2:
            place = ("values", "tone")
            return Problem(place, f"{action.tone:g} Hz", f"less than half the rate of {self.rate} samples a second")
        return None

    def without_computer(self) -> Fate:
        return Fate("a dead computer is silent; a frozen one may repeat the last block of its sound card", ends=True)


class Sound(Output[SoundSettings]):
    """See SoundSettings."""

    requires: ClassVar[Mapping[str, str]] = {"sounddevice": "sounddevice"}
    arming = "start"
    ends_actions = True
    acknowledges = "sound due at the loudspeaker"

    def __init__(self, settings: SoundSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        s = settings
        self._player = SoundPlayer(s.device, s.rate, s.block, s.latency)
        self._files: dict[str, Recording] = {}

    def open(self) -> None:
        s = self.settings
        self._files = {name: read_sound(name, path, s.rate) for name, path in s.paths.items()}
        s.loaded({name: file.seconds for name, file in self._files.items()})
        self._player.open()
        self.log(self._player.description)

    def apply(self, action: Action) -> int:
        if not isinstance(action, Play):
            raise TypeError(f"found {action!r}; expected Play")
        return self._player.play(self._wave(action), self.settings.volume * action.volume)

    def _wave(self, action: Play) -> Wave:
        rate = self.settings.rate
        if action.tone is not None:
            return Tone(action.tone, action.duration, rate)
        if action.noise:
            return Noise(action.duration, rate, seed=0)
        if action.sound not in self._files:
            raise OutputError(f"found the sound '{action.sound}'; expected one of {', '.join(self._files)}")
        return self._files[action.sound].cut(action.duration)

    def off(self) -> int:
        return self._player.silence()

    def fault(self) -> str:
        lost, gaps = self._player.lost(), self._player.new_underflows()
        if lost or not gaps:
            return lost
        return f"the sound card ran dry {gaps} times: the sound had gaps. Raise latency ({self.settings.latency:g} s)"

    def close(self) -> None:
        self._player.close()

    @property
    def hardware_id(self) -> str:
        return self._player.description
