"""Every edge within 20 us of what was asked, by the board's time, while the serial port is busy.

All 1,000 trains take minutes; DLSTREAM_TEST_TRAINS says how many are drawn.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from firmware_host import Host, begin_close_trains, framed
from simulated_board import wait_until

TRAINS = int(os.environ.get("DLSTREAM_TEST_TRAINS", "100"))
PINS = (4, 7, 8, 9, 10, 12, 13, 14)
TOLERANCE = 20.0
MOST_EDGES = 8000

Train = tuple[int, int, int, int, int, int]


def draw(dice: random.Random) -> Train:
    """Delay, width, period, count, burst and interval of a train of at most some tenths of a second."""
    width = int(10 ** dice.uniform(2.302, 4))
    period = max(1000, width + int(10 ** dice.uniform(2.302, 4)))
    count = dice.randint(1, max(1, min(40, 200_000 // period)))
    burst = dice.choice([0, 0, 0, 1, 2, 3])
    interval = burst and (burst - 1) * period + width + dice.randint(200, 30_000)
    return dice.choice([0, 0, dice.randint(1, 50_000)]), width, period, count, burst, interval


def edges_a_second(train: Train) -> int:
    """As the firmware counts them: at the rate of a burst; none of a single pulse, which is soon over."""
    _, _, period, count, burst, interval = train
    return 0 if count == 1 and burst <= 1 else 2_000_000 // (interval if burst == 1 else period)


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
        load = 0
        for pin in dice.sample(PINS, together):
            while load + edges_a_second(train := draw(dice)) > MOST_EDGES:
                pass
            load += edges_a_second(train)
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


def waits(host: Host) -> list[tuple[float, int]]:
    """What `waited` has noted: the simulator's time, and for how long a byte has waited at most, both in us."""
    lines = [line.split() for line in host.board.trace.read_text().splitlines()]
    return [(float(words[0]), int(words[3][2:])) for words in lines if len(words) == 4 and words[2] == "-1"]


def give_for(host: Host, pin: int, start: int, train: Train) -> int:
    """Gives a train again and again until it starts within 3 us of this moment of the board; when it starts.

    The line is sent to the cycle, so the guess of when it will be carried out is wrong only by where the main loop
    happens to be, some 200 us.
    """
    board = host.board

    def stamps() -> list[float]:
        return [
            float(words[0]) for words in map(str.split, board.trace.read_text().splitlines()) if words[2:3] == ["-1"]
        ]

    taken = 5000
    while True:
        known = len(waits(host))
        board.command("freeze")
        board.command("waited")  # for the time of its line in the trace
        wait_until(lambda known=known: len(waits(host)) > known, "the simulator's time")
        at = int(waits(host)[-1][0]) + 1
        delay = start - at - taken
        host.number += 1
        line = framed(f"{host.number} train {pin} {delay} {' '.join(map(str, train[1:]))}").decode().strip()
        board.command(f"at {at} {line}")
        board.command("go")
        answer = host.answer(host.number)
        assert answer[0] == "A", (line, answer)
        late = int(answer[2]) - start
        if abs(late) <= 3:
            return int(answer[2])
        taken += late // 8


def worst_of(host: Host, trains: dict[int, tuple[int, Train]]) -> tuple[int, float]:
    """How many edges these pins' trains made, and by how much the worst one differs from the median, in us."""
    late = []
    for pin, (start, train) in trains.items():
        made = [change.us for change in host.board.changes(pin)][2:]
        late += [m - w for m, w in zip(made, edges(start, train), strict=True)]
    middle = sorted(late)[len(late) // 2]
    return len(late), max(abs(value - middle) for value in late)


def test_eight_trains_at_the_same_moment_are_in_time(begin: Callable[..., Host]) -> None:
    host = begin(free=True)
    for pin in PINS:
        host.line(pin)
    start, train = host.done("time") + 30_000_000, (0, 200, 2000, 50, 0, 0)
    trains = {pin: (give_for(host, pin, start, train), train) for pin in PINS}
    ends = [int(host.event("end")[2]) for _ in PINS]
    assert len(ends) == len(PINS)
    number, worst = worst_of(host, trains)
    print(f"eight at the same moment, {number} edges, worst {worst:.1f} us")
    assert worst <= TOLERANCE


def test_edges_of_eight_pins_are_in_time_however_they_meet(begin: Callable[..., Host]) -> None:
    """Periods that differ by 1 us: two edges meet at each distance, and often three or more within some us."""
    host = begin(free=True)
    for pin in PINS:
        host.line(pin)
    trains = {}
    for place, pin in enumerate(PINS):
        train = (1_000_000, 200 + 200 * place, 2000 + place, 2000, 0, 0)
        trains[pin] = host.done(f"train {pin} {' '.join(map(str, train))}"), train
    while sum(event[3] == "end" for event in host.events) < len(PINS):
        host.done(f"alive {' '.join(map(str, PINS))}")
    number, worst = worst_of(host, trains)
    print(f"eight periods, {number} edges, worst {worst:.1f} us")
    assert worst <= TOLERANCE


def test_inputs_that_change_together_delay_no_edge_and_no_byte(begin: Callable[..., Host]) -> None:
    host = begin(free=True)
    for pin in PINS:
        host.line(pin)
    inputs = (2, 3, 5, 6, 11, 15, 16, 17)
    for pin in inputs:
        host.done(f"input {pin} 0 0")
    trains = {}
    for place, pin in enumerate(PINS):
        train = (1_000_000, 200 + 200 * place, 2000 + place, 500, 0, 0)
        trains[pin] = host.done(f"train {pin} {' '.join(map(str, train))}"), train
    level = 0
    while sum(event[3] == "end" for event in host.events) < len(PINS):
        level = 1 - level
        host.board.command("\n".join(f"pin {pin} {level}" for pin in inputs))
        host.done(f"alive {' '.join(map(str, PINS))}")
    host.board.command("waited")
    wait_until(lambda: waits(host), "how long bytes have waited")
    waited = waits(host)[0][1]
    number, worst = worst_of(host, trains)
    print(f"inputs change together, {number} edges, worst {worst:.1f} us, bytes waited {waited} us")
    assert worst <= TOLERANCE
    assert waited < 150


def test_trains_together_have_as_many_edges_as_the_chip_can_make(begin: Callable[..., Host]) -> None:
    host = begin()
    for pin in PINS:
        host.line(pin)
    for pin in PINS[:4]:
        host.done(f"train {pin} 0 500 1000 100000 0 0")
    assert host.refused("train 10 0 500 1000 100 0 0") == "load"
    assert host.refused("train 10 0 500 100000 100 2 500000") == "load"
    host.done("train 10 0 500 0 1 0 0")  # a pulse is soon over
    host.done(f"train {PINS[0]} 0 500 2000 100000 0 0")  # in place of its own
    host.done("train 10 0 500 2000 100000 0 0")
    assert host.refused("train 12 0 500 2000 100000 0 0") == "load"
    host.done("off 10")
    host.done("train 12 0 500 2000 100000 10 1000000")


def test_edges_that_follow_one_another_closely_leave_the_port_and_the_firmware_their_turn(
    begin: Callable[..., Host],
) -> None:
    """Four trains of 1 kHz, 62 us apart: the interrupt waits from edge to edge for a good part of each millisecond."""
    host = begin(free=True)
    pins, count = PINS[:4], 6000
    starts = begin_close_trains(host, pins, count)
    host.board.command("waited")
    while host.done("time") < max(starts) + 1_000_000:
        numbers = [host.send(f"alive {' '.join(map(str, pins))}") for _ in range(4)]
        assert all(host.answer(number)[0] == "A" for number in numbers)
    host.board.command("waited")

    wait_until(lambda: len(waits(host)) == 2, "how long bytes have waited")
    waited = waits(host)[1][1]
    assert waited < 150, "us; a byte is lost after 170"
    assert {event[3] for event in host.events} <= {"end"}, "neither a boot nor damaged lines"
    late_us = []
    for pin, start in zip(pins, starts, strict=True):
        made = [change.us for change in host.board.changes(pin)][2:]
        wanted = edges(start, (0, 500, 1000, count, 0, 0))
        late_us += [m - w for m, w in zip(made, wanted, strict=False)]
    middle = sorted(late_us)[len(late_us) // 2]
    worst = max(abs(value - middle) for value in late_us)
    print(f"{len(late_us)} edges, worst {worst:.1f} us, bytes waited {waited} us")
    assert worst <= TOLERANCE
