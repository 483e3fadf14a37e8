"""The state machine: sham and yoked controls."""

from __future__ import annotations

import csv
from collections import Counter

import pytest
from experiment_poses import seconds
from protocol_script import LASER, Script, machine

from dlstream_experiment.model.protocols import Note, Off, On, ProtocolSettings

# Controls.

SWITCH = {
    "off": [{"when": "x", "go": "on"}],
    "on": {
        "enter": [{"count": "n"}],
        "stimuli": [LASER, {"output": "screen", "action": "show", "values": {"image": "a"}}],
        "transitions": [{"when": "x", "is": False, "go": "off"}],
    },
}


def run_switch(made: ProtocolSettings, seed: int = 0, rounds: int = 3) -> Script:
    script = Script(made, seed)
    for number in range(rounds):
        for time, value in [(4 * number + 1, True), (4 * number + 3, False)]:
            if script.ended is None:
                script.frame(time, x=value)
    return script


def test_sham_is_the_same_course_with_notes_in_the_place_of_stimuli():
    stop = [{"stimulated": "laser", "reaches": 5}]
    real = run_switch(machine(SWITCH, stop=stop))
    sham = run_switch(machine(SWITCH, stop=stop, control={"type": "sham", "outputs": ["laser"]}))
    assert sham.said == [
        word.replace("on laser on", "sham_started laser").replace("off laser", "sham_ended laser") for word in real.said
    ]
    assert sham.protocol.counts == real.protocol.counts
    everything = run_switch(machine(SWITCH, control={"type": "sham"}))
    assert not any(isinstance(step, On | Off) for _, step in everything.steps)


def test_a_share_of_stimuli_can_be_sham():
    script = run_switch(
        machine(SWITCH, control={"type": "sham", "outputs": ["laser"], "probability": 0.3}), rounds=1000
    )
    kinds = Counter(step.kind for _, step in script.steps if isinstance(step, Note))
    assert 240 < kinds["sham_started"] < 360
    assert kinds["sham_started"] == kinds["sham_ended"]
    assert (
        sum(isinstance(step, On) and step.stimulus.output == "laser" for _, step in script.steps)
        == 1000 - kinds["sham_started"]
    )


@pytest.mark.parametrize(("probability", "block", "wanted"), [(0.5, 4, 2), (0.25, 8, 2), (0.9, 10, 9)])
def test_sham_is_balanced_in_blocks(probability, block, wanted):
    control = {"type": "sham", "outputs": ["laser"], "probability": probability, "block": block}
    orders = set()
    for seed in range(5):
        script = run_switch(machine(SWITCH, control=control), seed, rounds=20 * block)
        given = [
            isinstance(step, Note)
            for _, step in script.steps
            if (isinstance(step, Note) and step.kind == "sham_started")
            or (isinstance(step, On) and step.stimulus.output == "laser")
        ]
        assert len(given) == 20 * block
        blocks = [tuple(given[start : start + block]) for start in range(0, len(given), block)]
        assert {sum(item) for item in blocks} == {wanted}
        orders.add(tuple(given))
        again = run_switch(machine(SWITCH, control=control), seed, rounds=20 * block)
        assert again.said == script.said, "the same seed gives the same order"
        assert len(set(blocks)) > 1, "the order differs from block to block"
    assert len(orders) == 5


@pytest.mark.parametrize(("probability", "share"), [(0.5, "50%"), (0.125, "12.5%"), (0.004, "0.4%"), (0.999, "99.9%")])
def test_the_share_of_sham_is_told_as_it_is(probability, share):
    made = machine(SWITCH, control={"type": "sham", "probability": probability})
    assert f"Sham control: {share} of the stimuli of every output are left out and only recorded." in made.in_words()


def test_shares_of_next_states_are_told_as_they_are():
    ways = [{"go": {"b": 1, "c": 999}}]
    made = machine({"a": ways, "b": [{"after": 1, "go": "end"}], "c": [{"after": 1, "go": "end"}]})
    assert "From 'a', at once: to 'b' (0.1%) or to 'c' (99.9%)." in made.in_words()


def test_blocks_in_words():
    made = machine(SWITCH, control={"type": "sham", "outputs": ["laser"], "probability": 0.25, "block": 8})
    words = "Sham control: 2 of every 8 stimuli, in an order that is drawn, of laser are left out and only recorded."
    assert words in list(made.in_words())


@pytest.mark.parametrize(("probability", "block"), [(0.5, 3), (1.0, 4), (0.1, 4)])
def test_a_block_that_can_not_be_balanced_is_refused(probability, block):
    with pytest.raises(ValueError, match="a number of stimuli of which"):
        machine(SWITCH, control={"type": "sham", "probability": probability, "block": block})


def test_yoked_to_a_schedule_the_animal_does_not_matter():
    plan = [
        {"at": 2, "seconds": 1.5, "stimulus": LASER},
        {"at": 10, "seconds": 1, "stimulus": {"output": "laser", "action": "pulse"}},
    ]
    made = machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "schedule": plan})
    script = Script(made)
    for number in range(1, 26):
        script.frame(number / 2, x=number % 4 == 0)
    laser = [word for word in script.said if "laser" in word]
    assert laser == ["2: on laser on", "3.5: off laser", "10: on laser pulse", "11: off laser"]
    assert any("screen" in word for word in script.said), "the other output follows this animal"
    assert script.protocol.counts == {"n": 6}


def test_a_recording_of_short_pulses_is_within_a_limit_that_they_never_reach(tmp_path):
    rows = [(0, "experiment_started", "", ""), *((10 * n, "command", "laser", "pulse") for n in range(1, 9))]
    fields = ("stamp_ns", "frame_stamp_ns", "decided_ns", "kind", "name", "action", "values")
    lines = [
        (10**18 + at * 10**9, "", 10**18 + at * 10**9, kind, name, action, '{"width": "20 ms"}' if action else "")
        for at, kind, name, action in rows
    ]
    with (tmp_path / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([fields, *lines])
    control = {"type": "yoked", "outputs": ["laser"], "recording": str(tmp_path)}
    made = machine(SWITCH, control=control, limits={"laser": {"stimulus": 5}})
    assert not [item for item in made.problems() if item.place[0] == "control"]
    script = Script(made)
    script.each_second(1, 85)
    assert [line for line in script.said if "laser" in line] == [
        f"{10 * n}: on laser pulse width=20 ms" for n in range(1, 9)
    ]


def planned(count: int) -> list[dict]:
    return [{"at": 4 * number + 1, "seconds": 2, "stimulus": LASER} for number in range(count)]


@pytest.mark.parametrize(("probability", "block", "wanted"), [(0.5, 4, 2), (0.25, 8, 2), (0.9, 10, 9)])
def test_yoked_stimuli_are_left_out_in_balanced_blocks(probability, block, wanted):
    share = {"probability": probability, "block": block}
    control = {"type": "yoked", "outputs": ["laser"], "schedule": planned(10 * block), **share}
    made = machine(SWITCH, control=control)
    orders = set()
    for seed in range(5):
        script = Script(made, seed)
        for time in range(40 * block):
            script.frame(time, x=False)
        begun = [
            (time, isinstance(step, Note))
            for time, step in script.steps
            if (isinstance(step, Note) and step.kind == "sham_started")
            or (isinstance(step, On) and step.stimulus.output == "laser")
        ]
        assert [time for time, _ in begun] == [4 * number + 1 for number in range(10 * block)]
        left_out = [sham for _, sham in begun]
        assert {sum(left_out[start : start + block]) for start in range(0, len(left_out), block)} == {wanted}
        orders.add(tuple(left_out))
    assert len(orders) == 5
    words = list(made.in_words())
    assert f"Of these, {wanted} of every {block} stimuli, in an order that is drawn, of laser are left out" in str(
        words
    )


@pytest.mark.parametrize(
    "share", [{"probability": 1}, {"probability": -0.1}, {"block": 4}, {"probability": 0.3, "block": 4}]
)
def test_a_share_of_yoked_stimuli_that_can_not_be_is_refused(share):
    with pytest.raises(ValueError, match=r"probability|a number of stimuli of which"):
        machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "schedule": planned(2), **share})


COLUMNS = ("kind", "name", "frame_stamp_ns", "stamp_ns", "decided_ns", "action", "values")


def recording(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("absent", [0, ""])
def test_yoked_to_a_recording_gets_what_the_other_animal_got(tmp_path, absent):
    """`absent`: how a frame that there was none of is written, before and now."""
    start = 5_000_000_000
    rows = [
        ("command", "laser", 0, start - 5, start - 5, "off", "{}"),
        ("experiment_started", "other", 0, start, 0, "", "{}"),
        ("command", "laser", start + 2_000_000_000, 9, start + 2_100_000_000, "on", '{"power": "3"}'),
        ("command", "screen", start + 2_000_000_000, 9, start + 2_100_000_000, "show", '{"image": "a"}'),
        ("command", "laser", absent, 9, start + 4_000_000_000, "off", "{}"),
        ("experiment_ended", "other", absent, start + 8_000_000_000, 0, "", "{}"),
        ("command", "laser", 0, 9, start + 9_000_000_000, "on", "{}"),
    ]
    recording(tmp_path / "events.csv", rows)
    for path in (tmp_path, tmp_path / "events.csv"):
        made = machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "recording": str(path)})
        script = Script(made)
        for time in range(1, 13):
            script.frame(time, x=False)
        assert script.said == ["2: on laser on power=3", "4: off laser"]
        assert made.control.recording == tmp_path / "events.csv"


def test_what_the_first_frame_began_is_repeated_though_it_was_acquired_before_the_start(tmp_path):
    start, ms, on = 5_000_000_000, 1_000_000, '{"power": "3"}'
    rows = [
        ("command", "laser", start - 900 * ms, 9, start - 890 * ms, "on", "{}"),  # of the run before
        ("command", "laser", 0, 9, start - 800 * ms, "off", "{}"),
        ("command", "laser", 0, 9, start + 2 * ms, "off", "{}"),
        ("experiment_started", "other", 0, start, 0, "", "{}"),
        ("command", "laser", start - 20 * ms, 9, start + 10 * ms, "on", on),
        ("command", "laser", start + 1980 * ms, 9, start + 2010 * ms, "off", "{}"),
        ("command", "laser", 0, 9, start + 4000 * ms, "on", on),  # by the clock, and then by a frame of before
        ("command", "laser", start + 3990 * ms, 9, start + 4020 * ms, "off", "{}"),
        ("command", "laser", start + 6000 * ms, 9, start + 6020 * ms, "on", on),
        ("command", "laser", start + 7990 * ms, 9, start + 8010 * ms, "off", "{}"),
        ("experiment_ended", "other", start + 7990 * ms, start + 8000 * ms, 0, "", "{}"),
    ]
    made = machine(
        SWITCH,
        control={"type": "yoked", "outputs": ["laser"], "recording": str(recording(tmp_path / "events.csv", rows))},
    )
    changes = [(at // ms, stimulus and stimulus.action) for at, stimulus in made.control.changes["laser"]]
    assert changes == [
        (2, None),
        (2, "on"),
        (1980, None),
        (4000, "on"),
        (4000, None),
        (6000, "on"),
        (7990, None),
    ]
    script = Script(made)
    for time in (0.01, 1, 2, 3, 4, 5, 6, 7, 8, 9):
        script.frame(time, x=False)
    on_and_off = ["0.01: on laser on power=3", "2: off laser", "6: on laser on power=3", "8: off laser"]
    assert script.said == on_and_off


def test_yoked_to_a_recording_leaves_out_what_its_output_did_not_do(tmp_path):
    second = 1_000_000_000
    columns = "kind,name,frame_stamp_ns,stamp_ns,decided_ns,recorded_ns,source,id,action,success,values"

    def row(kind: str, at: int, number: object = "", action: str = "", success: str = "", values: str = "") -> str:
        stamp = (5 + at) * second
        decided = stamp if kind == "command" else ""
        values = '"' + values.replace('"', '""') + '"'
        return f"{kind},laser,,{stamp},{decided},{stamp},experiment,{number},{action},{success},{values}"

    off = '{"reason": "disarmed by hand", "state": "off"}'
    lines = [
        columns,
        row("command", -3, 2, "on"),  # of a node that was started again since
        row("acknowledgement", -3, 2, "on", "false"),
        row("experiment_started", 0),
        row("command", 1, 1, "on"),
        row("acknowledgement", 1, 1, "on", "true"),
        row("fault", 2, values='{"reason": "it is hot"}'),
        row("fault", 3, values=off),
        row("command", 4, 2, "on"),
        row("acknowledgement", 4, 2, "on", "true"),
        row("command", 5, 3, "off"),
        row("command", 6, 4, "on"),
        row("acknowledgement", 6, 4, "on", "false"),
        row("command", 7, 5, "off"),
        row("command", 8, 6, "on"),
        row("recovered", 9, values='{"text": "its node was restarted"}'),
        row("command", 10, 7, "on"),
        row("output_report", 11, values=off),
        row("experiment_ended", 12),
    ]
    path = tmp_path / "events.csv"
    path.write_text("\n".join(lines) + "\n")
    made = machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "recording": str(path)})
    found = [(at / second, stimulus is not None) for at, stimulus in made.control.changes["laser"]]
    times = [(1, True), (3, False), (4, True), (5, False), (7, False), (8, True), (9, False), (10, True), (11, False)]
    assert found == times


def test_yoked_to_the_analysis_of_a_video_whose_rows_have_no_time_of_a_decision(tmp_path):
    start = 5_000_000_000
    rows = [
        ("command", "laser", "", start, "", "off", "{}"),
        ("experiment_started", "other", "", start, "", "", "{}"),
        ("command", "laser", start, start, "", "on", "{}"),
        ("command", "laser", start + 2_000_000_000, start + 2_000_000_000, "", "off", "{}"),
    ]
    path = recording(tmp_path / "events.csv", rows)
    made = machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "recording": str(path)})
    assert [(at, stimulus is not None) for at, stimulus in made.control.changes["laser"]] == [
        (0, False),
        (0, True),
        (2_000_000_000, False),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "can't be read"),
        ([], "has no experiment_started"),
        ([("experiment_started", "other", 0, 5, 0, "", "{}")], "has none"),
        ([("experiment_started", "other", 0, "soon", 0, "", "{}")], "can't be understood"),
    ],
)
def test_a_recording_that_is_none_is_refused(tmp_path, rows, message):
    path = tmp_path / "events.csv"
    if rows is not None:
        recording(path, rows)
    with pytest.raises(ValueError, match=message):
        machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "recording": str(path)})


@pytest.mark.parametrize(
    ("action", "values", "given"),
    [
        ("pulse", {"width": "20 ms"}, ["9: on laser pulse width=20 ms"]),
        ("on", {}, ["5.5: on laser on", "9: on laser on"]),
    ],
)
def test_a_yoked_pulse_that_was_due_in_a_gap_of_the_poses_is_left_out(action, values, given):
    """What would still be on after it comes on then."""
    stimulus = {"output": "laser", "action": action, "values": values}
    plan = [{"at": at, "seconds": 2, "stimulus": stimulus} for at in (5, 9)]
    script = Script(machine(SWITCH, control={"type": "yoked", "outputs": ["laser"], "schedule": plan}))
    for number in range(1, 110):
        time = number / 10
        if time == 4.8:
            script.protocol.tracking_lost(seconds(time))
        elif time == 5.5:
            script.protocol.tracking_restored(seconds(time))
        if not 4.6 < time < 5.5:
            script.frame(time)
    assert [line for line in script.said if "on laser" in line] == given
