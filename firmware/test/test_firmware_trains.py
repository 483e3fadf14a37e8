"""Every edge of drawn trains within 20 us of what was asked, by the board's time, while the serial port is busy.

All 1,000 trains take minutes; DLSTREAM_TEST_TRAINS says how many are drawn.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from firmware_host import Host

TRAINS = int(os.environ.get("DLSTREAM_TEST_TRAINS", "100"))
PINS = (4, 7, 8, 9, 10, 12, 13, 14)
TOLERANCE = 20.0
AT_ONCE = 25.0
"""For edges of eight pins that are due in the same instant: one interrupt makes them, one after the other."""

Train = tuple[int, int, int, int, int, int]


def draw(dice: random.Random) -> Train:
    """Delay, width, period, count, burst and interval of a train of at most some tenths of a second."""
    width = int(10 ** dice.uniform(2.302, 4))
    period = max(1000, width + int(10 ** dice.uniform(2.302, 4)))
    count = dice.randint(1, max(1, min(40, 200_000 // period)))
    burst = dice.choice([0, 0, 0, 1, 2, 3])
    interval = burst and (burst - 1) * period + width + dice.randint(200, 30_000)
    return dice.choice([0, 0, dice.randint(1, 50_000)]), width, period, count, burst, interval


def edges(start: float, train: Train) -> list[float]:
    """When the pin should change, from the first edge on."""
    _, width, period, count, burst, interval = train
    rises = [start + (i // burst * interval + i % burst * period if burst else i * period) for i in range(count)]
    return [at for rise in rises for at in (rise, rise + width)]


def test_every_edge_of_drawn_trains_is_in_time(begin: Callable[..., Host]) -> None:
    dice = random.Random(20)
    host = begin(free=True)
    for pin in PINS:
        host.line(pin)
    asked: list[tuple[int, int, Train]] = []
    while len(asked) < TRAINS:
        together = dice.choice([1, 2, 4, 8])  # as many trains at once, each begun when it comes
        for pin in dice.sample(PINS, together):
            train = draw(dice)
            asked.append((pin, host.done(f"train {pin} {' '.join(map(str, train))}"), train))
            for _ in range(dice.randint(0, 3)):
                host.send("time")
        ended = 0
        while ended < together:  # questions and answers all the while
            host.done(f"alive {' '.join(map(str, PINS))}")
            ended += sum(event[3] == "end" for event in host.events)
            host.events.clear()
    changes = {pin: [c.us for c in host.board.changes(pin)][2:] for pin in PINS}
    # The board's clock starts a little after the simulator's: one constant for all edges, of which none is left out.
    at = dict.fromkeys(PINS, 0)
    late: list[float] = []
    for pin, start, train in asked:
        wanted = edges(start, train)
        made = changes[pin][at[pin] : at[pin] + len(wanted)]
        at[pin] += len(wanted)
        assert len(made) == len(wanted), (pin, train)
        late += [m - w for m, w in zip(made, wanted, strict=True)]
    assert all(at[pin] == len(changes[pin]) for pin in PINS)
    middle = sorted(late)[len(late) // 2]
    worst = max(abs(value - middle) for value in late)
    print(f"{len(asked)} trains, {len(late)} edges, {min(late) - middle:.1f} to {max(late) - middle:.1f} us")
    assert worst <= TOLERANCE


def test_eight_trains_at_the_same_moment_are_in_time(begin: Callable[..., Host]) -> None:
    host = begin(free=True)
    for pin in PINS:
        host.line(pin)
    numbers = [host.send(f"train {pin} 200000 200 1000 50 0 0") for pin in PINS]
    starts = [int(host.answer(number)[2]) for number in numbers]
    ends = [int(host.event("end")[2]) for _ in PINS]
    assert len(ends) == len(PINS)
    late = []
    for pin, start in zip(PINS, starts, strict=True):
        made = [change.us for change in host.board.changes(pin)][2:]
        wanted = edges(start, (0, 200, 1000, 50, 0, 0))
        late += [m - w for m, w in zip(made, wanted, strict=True)]
    middle = sorted(late)[len(late) // 2]
    worst = max(abs(value - middle) for value in late)
    print(f"eight at once, worst {worst:.1f} us")
    assert worst <= AT_ONCE
