"""What the outputs do in a run: stimuli of states, stimuli given for a time, limits and controls."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from dlstream_common import event_kinds
from dlstream_experiment.model.names import SECOND, nanoseconds
from dlstream_experiment.model.protocols import Note, Off, On, Step, Stimulus
from dlstream_experiment.model.protocols._control import Limit, Sham, Yoked


@dataclass(slots=True)
class _Gift:
    """What was given: until a time, or until None: until it is withdrawn.

    `over`: when its output has ended it by itself, if that is known. `under`: the stimulus of a state in the place of
    which it came.
    """

    stimulus: Stimulus
    until: int | None
    under: Stimulus | None = None
    over: int | None = None

    def is_over(self, stamp: int) -> bool:
        return self.until is None and self.over is not None and stamp >= self.over


@dataclass(slots=True)
class _Output:
    """One output in a run. `on` is what the protocol has on, sham or not."""

    on: Stimulus | None = None
    since: int = 0
    begun: int = 0  # when `on` came, perhaps in the place of another stimulus
    length: int | None = None  # nanoseconds after which the output has ended `on` by itself
    unbroken: int = 0  # nanoseconds that it was on without a pause until `begun`
    before: int = 0  # nanoseconds that it was on in earlier stimuli
    sham: bool = False
    cut: Stimulus | None = None  # what the limit of a stimulus has ended, while it is still wanted
    exhausted: bool = False  # by the limit of the session

    def lasted(self, stamp: int) -> int:
        """How long the protocol has had it on, whether it has ended that by itself or not."""
        return max(0, stamp - self.since) if self.on is not None else 0

    def counted(self, stamp: int) -> int:
        """How long it has been on without a pause: of a pulse its length at most."""
        if self.on is None:
            return 0
        lit = max(0, stamp - self.begun)
        return self.unbroken + (lit if self.length is None else min(lit, self.length))

    def total(self, stamp: int) -> int:
        return self.before + self.counted(stamp)

    def going_on(self, lit: int) -> int:
        """As `counted`, but 0 where the output has ended it by itself, or where that is not known, as of a volume."""
        if self.length is not None:
            return self.counted(lit) if lit - self.begun < self.length else 0
        return 0 if _ends_by_itself(self.on) else self.counted(lit)

    def cut_short(self, lit: int) -> None:
        """What the output ends by itself does not go on after `lit`: nobody sends it again."""
        if _ends_by_itself(self.on):
            lasted = max(0, lit - self.begun)
            self.length = lasted if self.length is None else min(self.length, lasted)

    def put(self, stimulus: Stimulus | None, stamp: int, lit: int) -> None:
        """Another stimulus, or none, from `stamp` on; the time in which it can have been on ends with `lit`."""
        counted = self.counted(lit)
        has_ended = self.length is not None and lit - self.begun >= self.length
        if self.on is None:
            self.since = stamp
        if stimulus is None or has_ended:
            self.before, counted = self.before + counted, 0
        self.on, self.begun, self.unbroken = stimulus, stamp, counted
        seconds = stimulus.length if stimulus is not None else None
        self.length = None if seconds is None else nanoseconds(seconds)


class Stimulation:
    """Turns what the protocol wants on into steps, once for each of its evaluations."""

    def __init__(
        self,
        outputs: Collection[str],
        limits: Mapping[str, Limit],
        control: Sham | Yoked | None,
        draws: random.Random,
    ) -> None:
        self._outputs = {name: _Output() for name in outputs}
        self._limits = limits
        self._control = control
        self._draws = draws
        self._given: dict[str, _Gift] = {}
        self._anew: set[str] = set()
        self._yoked_to: dict[str, int] = {}  # how far each output has come in what the other animal's did
        self._yoked_left_out: dict[str, int] = {}  # what came due while outputs could not be on
        self._yoked_until: dict[str, int] = {}  # the end of one that is given late: what follows waits for it
        self._blocks: dict[str, list[bool]] = {}
        self._start = 0
        self._paused: int | None = None

    def start(self, stamp: int) -> None:
        """The run begins."""
        self._start = stamp

    def give(self, stimulus: Stimulus, until: int | None) -> None:
        """Puts a stimulus over those of the states; until None: until it is withdrawn.

        What its output ends by itself, such as a pulse, begins again each time, since nobody else ends it. Once it has
        ended, a state's stimulus has the output again.
        """
        before = self._given.get(stimulus.output)
        under = before.under if before is not None else self._outputs[stimulus.output].on
        self._given[stimulus.output] = _Gift(stimulus, until, under)
        if stimulus.ends_by_itself:
            self.begin_again(stimulus.output)

    def begin_again(self, output: str) -> None:
        """What is wanted of an output begins once more, even if it is the same as before."""
        self._anew.add(output)

    def withdraw(self, output: str) -> None:
        """Ends what was given."""
        self._given.pop(output, None)

    def pause(self, stamp: int) -> None:
        """Outputs are off from now, whatever is on here: this time does not count."""
        self._paused = stamp

    def resume(self, stamp: int) -> None:
        """Outputs can be on again."""
        if self._paused is not None:
            if isinstance(self._control, Yoked):  # what was due meanwhile is not given late
                for name in self._control.outputs:
                    index = self._yoked_at(self._control, name, stamp)
                    if index != self._yoked_to.get(name, 0):
                        self._yoked_to[name] = self._yoked_left_out[name] = index
            for output in self._outputs.values():
                output.cut_short(self._paused)
                output.since += stamp - max(self._paused, output.since)
                output.begun += stamp - max(self._paused, output.begun)
            for gift in self._given.values():
                if gift.stimulus.ends_by_itself:  # it was cut short, or is not given late
                    gift.over = stamp
            self._paused = None

    def total(self, output: str, stamp: int) -> int:
        """How long an output has been on in this run, in nanoseconds."""
        item = self._outputs.get(output)
        return item.total(self._lit(stamp)) if item is not None else 0

    def _lit(self, stamp: int) -> int:
        return stamp if self._paused is None else self._paused

    def update(self, stamp: int, held: Collection[Stimulus], trigger: str | Mapping[str, str]) -> list[Step]:
        """The steps that lead to what is wanted now.

        Args:
            held: the stimuli of the current state.
            trigger: what caused the change, if a trigger did; or what did it for each output.
        """
        over = {name for name, gift in self._given.items() if gift.until is not None and stamp >= gift.until}
        for name in over:
            del self._given[name]
        wanted = {stimulus.output: stimulus for stimulus in held}
        self._drop_what_has_ended(stamp, wanted)
        wanted |= {name: gift.stimulus for name, gift in self._given.items()}
        steps: list[Step] = []
        for name, output in self._outputs.items():
            cause = trigger if isinstance(trigger, str) else trigger.get(name, "")
            stimulus, cause = self._yoked(name, stamp, wanted.get(name)), "" if name in over else cause
            if name in self._anew:
                output.cut = None  # another one, which its own limit ends
            stimulus, notes = self._limited(name, output, stamp, stimulus)
            steps += notes
            if name in self._anew and stimulus is not None and output.on is not None:
                steps += self._begin_again(name, output, stamp, stimulus, cause)
            elif stimulus != output.on:
                steps += self._change(name, output, stamp, stimulus, "" if notes else cause)
        self._anew.clear()
        return steps

    def _drop_what_has_ended(self, stamp: int, held: Mapping[str, Stimulus]) -> None:
        """A pulse that is over no longer keeps a state's stimulus from its output; without one it stays.

        It stays also over a state's own pulse in the place of which it came: that one was given, and is over as well.
        """
        for name in self._anew & self._given.keys():
            gift = self._given[name]
            length = gift.stimulus.length
            gift.over = None if length is None else stamp + nanoseconds(length)
        for name in [name for name, gift in self._given.items() if name in held and gift.is_over(stamp)]:
            wanted, gift = held[name], self._given[name]
            if wanted == gift.under and wanted.ends_by_itself:
                continue
            del self._given[name]
            if wanted == gift.stimulus and wanted.ends_by_itself:
                self._anew.add(name)  # the state's own, which came to be wanted since

    def _yoked(self, name: str, stamp: int, wanted: Stimulus | None) -> Stimulus | None:
        if not isinstance(self._control, Yoked) or name not in self._control.outputs:
            return wanted
        changes, before = self._control.changes[name], self._yoked_to.get(name, 0)
        index = newest = self._yoked_at(self._control, name, stamp)
        if stamp < self._yoked_until.get(name, 0):
            index = before
        elif self._paused is None:  # a pulse may begin and end between two frames
            due = (number for number in range(before + 1, newest) if _ends_by_itself(changes[number - 1][1]))
            index = next(due, newest)
        stimulus = changes[index - 1][1] if index else None
        if index < newest and index != before and stimulus is not None:
            self._yoked_until[name] = stamp + nanoseconds(stimulus.length or 0.0)
        self._anew.discard(name)  # whatever this animal does
        if index != self._yoked_to.get(name) and stimulus is not None and stimulus.ends_by_itself:
            self._anew.add(name)
        self._yoked_to[name] = index
        return None if index == self._yoked_left_out.get(name) and _ends_by_itself(stimulus) else stimulus

    def _yoked_at(self, control: Yoked, name: str, stamp: int) -> int:
        return bisect_right(control.changes[name], stamp - self._start, key=lambda change: change[0])

    def _limited(
        self, name: str, output: _Output, stamp: int, wanted: Stimulus | None
    ) -> tuple[Stimulus | None, list[Step]]:
        limit = self._limits.get(name)
        if wanted != output.cut:
            output.cut = None
        if wanted is None:
            return None, []
        is_off = output.cut is not None or output.exhausted
        if limit is None or is_off:
            return (None if is_off else wanted), []
        if limit.session is not None and output.total(self._lit(stamp)) >= nanoseconds(limit.session):
            output.exhausted = True
            return None, [_reached(name, "session", limit.session)]
        if limit.stimulus is not None and output.counted(self._lit(stamp)) >= nanoseconds(limit.stimulus):
            output.cut = output.on  # not what is wanted on this very frame: that comes after a pause
            return None, [_reached(name, "stimulus", limit.stimulus)]
        return wanted, []

    def _change(self, name: str, output: _Output, stamp: int, stimulus: Stimulus | None, trigger: str) -> list[Step]:
        lit = self._lit(stamp)
        lasted, was_on = output.lasted(lit), output.on
        if was_on is None:
            output.sham = self._is_sham(name)
        output.put(stimulus, stamp, lit)
        if not output.sham:
            return [On(stimulus, trigger) if stimulus is not None else Off(name, trigger)]
        if stimulus is None:
            return [Note(event_kinds.SHAM_ENDED, name, {"duration": f"{lasted / SECOND:.6f}"})]
        values = {"action": stimulus.action, **stimulus.texts()} | ({"trigger": trigger} if trigger else {})
        return [Note(event_kinds.SHAM_STARTED if was_on is None else event_kinds.SHAM_CHANGED, name, values)]

    def _begin_again(self, name: str, output: _Output, stamp: int, stimulus: Stimulus, trigger: str) -> list[Step]:
        """The next of what its output ends by itself: a command that replaces another one needs no off before it."""
        kept, was_sham = output.going_on(self._lit(stamp)), output.sham
        ended = self._change(name, output, stamp, None, "")
        begun = self._change(name, output, stamp, stimulus, trigger)
        if output.sham == was_sham:  # the output was not off in between
            output.before, output.unbroken = output.before - kept, kept
        begun = [replace(step, again=True) if isinstance(step, On) else step for step in begun]
        return begun if isinstance(begun[0], On) and isinstance(ended[0], Off) else [*ended, *begun]

    def _is_sham(self, name: str) -> bool:
        control = self._control
        if control is None or control.probability <= 0 or (control.outputs is not None and name not in control.outputs):
            return False
        if control.block is not None:
            return self._from_block(name, control)
        return control.probability >= 1 or self._draws.random() < control.probability

    def _from_block(self, name: str, control: Sham | Yoked) -> bool:
        """The next of a block of stimuli of which a fixed number is sham; each output has blocks of its own."""
        left = self._blocks.setdefault(name, [])
        if not left:
            left += [number < control.left_out for number in range(control.block or 0)]
            self._draws.shuffle(left)
        return left.pop()


def _ends_by_itself(stimulus: Stimulus | None) -> bool:
    return stimulus is not None and stimulus.ends_by_itself


def _reached(output: str, which: str, seconds: float) -> Note:
    return Note(event_kinds.LIMIT_REACHED, output, {"limit": which, "seconds": f"{seconds:g}"})
