"""Two parts of a rig that want the same pin, line or port are refused before the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_tools import refused

from dlstream.rig.check import checked_rig
from dlstream_common import Problem

HEAD = "rig: test\ncameras: {top: {source: synthetic}}\n"


@pytest.fixture(autouse=True)
def _pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pins of this computer can be had, also under Python 3.13, for which lgpio has no wheel."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "outputs:\n  laser: {type: arduino, pin: 9}\n  valve: {type: arduino, pin: 9}\n",
            "rig.yaml:5: outputs.valve.pin: found pin 9 of the board at the port auto, which outputs.laser.pin has "
            "already (line 4); expected a pin of its own",
        ),
        (
            "outputs:\n  laser: {type: arduino, pin: 9, port: /dev/a}\ninputs:\n"
            "  lever: {type: arduino, pin: 9, port: /dev/a}\n",
            "inputs.lever.pin: found pin 9 of the board at /dev/a, which outputs.laser.pin has already (line 4)",
        ),
        (
            "inputs:\n  left: {pin: 2}\n  right: {pin: 2}\n",
            "inputs.right.pin: found pin 2 of the board at the port auto, which inputs.left.pin has already",
        ),
        (
            "outputs:\n  a: {type: gpio, pin: 17}\n  b: {type: gpio, pin: 17}\n",
            "outputs.b.pin: found GPIO17 of the Raspberry Pi, which outputs.a.pin has already",
        ),
        (
            "outputs:\n  a: {type: serial, port: /dev/a}\n  b: {type: serial, port: /dev/a}\n",
            "outputs.b.port: found the port /dev/a, which outputs.a.port has already",
        ),
        (
            "outputs:\n  a: {type: nidaq, channel: Dev1/ao0}\n  b: {type: nidaq, channel: Dev1/ao0}\n",
            "outputs.b.channel: found Dev1/ao0 of this computer, which outputs.a.channel has already",
        ),
        (
            "outputs:\n  a: {type: harp, port: /dev/a, line: DO0}\n  b: {type: harp, port: /dev/a, line: DO0}\n",
            "outputs.b.line: found DO0 of the Harp board at /dev/a, which outputs.a.line has already",
        ),
        (
            "outputs:\n  a: {type: harp, port: /dev/a, line: DO0}\n  b: {type: serial, port: /dev/a}\n",
            "outputs.a.port: found /dev/a, which outputs.b.port has already (line 5); expected a port of its own",
        ),
        (
            "outputs:\n  a: {type: arduino, port: /dev/a, pin: 8}\n  b: {type: harp, port: /dev/a, line: DO0}\n",
            "outputs.b.port: found /dev/a, which outputs.a.port has already (line 4); expected a port of its own",
        ),
        (
            "outputs:\n  a: {type: arduino, pin: 8}\n  b: {type: harp, port: /dev/a, line: DO0}\n",
            "outputs.a.port: found 'auto' beside outputs.b.port, /dev/a (line 5); expected the board's port: auto",
        ),
        (
            "outputs:\n  a: {type: arduino, pin: 8}\n  b: {type: arduino, pin: 9, port: /dev/a}\n",
            "outputs.a.port: found 'auto' beside outputs.b.port, /dev/a (line 5); expected auto for all",
        ),
        (
            "outputs:\n  a: {type: frame_trigger, pin: 8, rate: 30}\n  b: {type: arduino, pin: 9, port: /dev/a}\n",
            "outputs.a.port: found 'auto' beside outputs.b.port, /dev/a (line 5); expected auto for all",
        ),
        (
            "outputs:\n  a: {type: serial, port: /dev/a}\ninputs:\n  lever: {pin: 9}\n",
            "inputs.lever.port: found 'auto' beside outputs.a.port, /dev/a (line 4); expected the board's port",
        ),
    ],
)
def test_what_two_parts_want_is_refused_with_both_keys(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, HEAD + text)


@pytest.mark.parametrize(
    "text",
    [
        "outputs:\n  a: {type: arduino, pin: 8}\n  b: {type: arduino, pin: 9}\ninputs:\n  c: {pin: 2}\n",
        "outputs:\n  a: {type: arduino, pin: 8, port: /dev/a}\n  b: {type: arduino, pin: 8, port: /dev/b}\n",
        "outputs:\n  a: {type: gpio, pin: 17}\n  b: {type: gpio, pin: 17, address: pi2}\n",
        "outputs:\n  a: {type: harp, port: /dev/a, line: DO0}\n  b: {type: harp, port: /dev/a, line: SupplyPort0}\n",
    ],
)
def test_pins_of_their_own_are_taken(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, HEAD + text) == ""


def test_of_two_pins_of_one_pigpiod_it_is_said_that_only_one_can_play(tmp_path: Path) -> None:
    pins = (
        "outputs:\n  reward: {type: gpio, pin: 17, address: pi}\n  removal: {type: gpio, pin: 27, address: pi}\n"
        "  lamp: {type: gpio, pin: 5, address: pi, port: 8889}\n  fan: {type: gpio, pin: 6, address: other}\n"
    )
    (tmp_path / "rig.yaml").write_text(HEAD + pins)
    warnings: list[Problem] = []
    checked_rig(tmp_path / "rig.yaml", warn=lambda _, problem: warnings.append(problem))
    [said] = [str(warning) for warning in warnings if "wave" in str(warning)]
    assert (
        "outputs.removal.address: found pigpiod at pi:8888, which plays one wave at a time, as outputs.reward" in said
    )
    assert "(line 4)" in said
    here = "outputs:\n  reward: {type: gpio, pin: 17, address: localhost}\n  removal: {type: gpio, pin: 27, address: "
    hosts = "hosts: {a: 10.0.0.1, b: 10.0.0.2}\n"
    for host, many in (("a", 1), ("b", 0)):
        (tmp_path / "rig.yaml").write_text(f"{HEAD}{hosts}{here}localhost, host: {host}}}\n")
        warnings.clear()
        checked_rig(tmp_path / "rig.yaml", warn=lambda _, problem: warnings.append(problem))
        assert sum("wave" in str(warning) for warning in warnings) == many, "each host is localhost to itself"
    assert "what 'removal' is told while 'reward' plays is refused, and lost" in said


def test_two_names_of_one_port_are_one_board(tmp_path: Path) -> None:
    (tmp_path / "board").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "board")
    port, link = tmp_path / "board", tmp_path / "by-id"
    text = f"outputs:\n  a: {{type: arduino, pin: 8, port: {port}}}\n  b: {{type: arduino, pin: 8, port: {link}}}\n"
    assert "which outputs.a.pin has already" in refused(tmp_path, HEAD + text)


@pytest.mark.parametrize("serial_first", [True, False])
@pytest.mark.parametrize(
    "part", ["{type: arduino, pin: 8, port: PORT}", "{type: frame_trigger, pin: 8, rate: 30, port: PORT}"]
)
def test_a_board_and_a_serial_output_can_not_have_one_port(tmp_path: Path, part: str, serial_first: bool) -> None:
    (tmp_path / "ttyACM0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM0")
    lines = [
        f"  a: {{type: serial, port: {tmp_path}/by-id}}\n",
        f"  b: {part}\n".replace("PORT", f"{tmp_path}/ttyACM0"),
    ]
    said = refused(tmp_path, HEAD + "outputs:\n" + "".join(lines if serial_first else reversed(lines)))
    line = 4 if serial_first else 5
    assert f"outputs.b.port: found {tmp_path}/ttyACM0, which outputs.a.port has already (line {line})" in said
    assert refused(tmp_path, HEAD + "outputs:\n" + "".join(lines).replace("ttyACM0", "ttyACM1")) == ""


def test_an_input_and_a_serial_output_can_not_have_one_port(tmp_path: Path) -> None:
    text = "outputs:\n  a: {type: serial, port: /dev/a}\ninputs:\n  lever: {type: arduino, pin: 2, port: /dev/a}\n"
    assert "inputs.lever.port: found /dev/a, which outputs.a.port has already (line 4)" in refused(
        tmp_path, HEAD + text
    )


def test_an_experiment_names_inputs_of_the_rig(tmp_path: Path) -> None:
    (tmp_path / "experiment.yaml").write_text(
        "experiment: test\ncamera: top\ntriggers: {pressed: {type: input, input: levre}}\n"
        "protocol:\n  type: region_trials\n"
        '  trials: {on: {trigger: pressed, stimulus: {output: laser, action: "on"}}}\n  max_hits: 1\n'
    )
    said = refused(
        tmp_path,
        HEAD + "experiment: experiment.yaml\noutputs: {laser: {type: log}}\ninputs: {lever: {type: arduino, pin: 2}}\n",
    )
    assert "triggers.pressed.input: found 'levre'; expected an input of the rig. Did you mean 'lever'?" in said
