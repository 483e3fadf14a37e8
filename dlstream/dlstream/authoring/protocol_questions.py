"""The questions about the protocol: its values, and more states, stops and a control."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.text import Text

from dlstream.authoring.draft import Draft
from dlstream.authoring.helps import working_command
from dlstream.authoring.prompter import NONE, Prompter
from dlstream_common import DlstreamError, Place, key_of

_STATE = (
    "A state is what the experiment does for a time: which outputs are on, and what leads to the next state. "
    "`end` is the state in which the experiment ends."
)


class ProtocolQuestions:
    """Asks for what must change, then for what may.

    Args:
        value: asks for one value of the draft.
    """

    def __init__(self, prompter: Prompter, value: Callable[[Draft, Place], None]) -> None:
        self._prompter, self._value = prompter, value

    def ask(self, draft: Draft) -> None:
        """All of them."""
        kind = draft.get(("protocol", "type"))
        self._prompter.say(f"\n[bold]Protocol[/]  [dim]{kind}[/]")
        self._outputs(draft)
        self._actions(draft)
        leaves = draft.leaves(("protocol",))
        urgent = [place for place in leaves if draft.problems_at(place)]
        for place in leaves:
            if place not in urgent:
                self._prompter.say(Text(f"  {key_of(place[1:])} = {draft.show(draft.get(place))}", "dim"))
        for place in urgent:
            self._value(draft, place)
        if self._prompter.confirm("Change any of these?", about="y asks for each of the values above."):
            for place in leaves:
                if place not in urgent:
                    self._value(draft, place)
        if kind == "states":
            self._states(draft)
            self._stops(draft)
            self._control(draft)

    def _outputs(self, draft: Draft) -> None:
        """The rig's outputs in place of the template's, which it may not have."""
        known = draft.choices(("protocol", "output"))
        for name in draft.outputs() if known else ():
            if name not in known:
                about = "It is renamed wherever the protocol names it: stimuli, limits, stops."
                new = self._choice(
                    f"The template commands '{name}'; which output of the rig is it", known, known[0], about
                )
                draft.rename_output(name, new)

    def _actions(self, draft: Draft) -> None:
        """Actions that the rig's outputs do not know, each with its values, which only fit together."""
        for place in [place[:-1] for place in draft.leaves(("protocol",)) if place[-1] == "action"]:
            while wrong := [*draft.problems_at((*place, "action")), *draft.problems_at((*place, "values"))]:
                self._prompter.say(Text(f"  {'; '.join(wrong[:2])}", "yellow"))
                since = self._prompter.place
                try:
                    proposed = working_command(draft.known_output(str(draft.get((*place, "output")))))
                    action, values = self._action(draft, key_of(place), *proposed)
                    draft.set_all({(*place, "action"): action, (*place, "values"): values})
                except DlstreamError as error:
                    self._prompter.refuse(str(error), since)

    def _action(
        self, draft: Draft, whose: str, default: str, values: Mapping[str, str] | None = None
    ) -> tuple[str, Any]:
        about = "The command that the output gets, such as on or show."
        action = self._prompter.ask(f"{whose}: its action", default, about)
        shown = ", ".join(f"{key}={value}" for key, value in (values or {}).items()) or NONE
        about = "Such as power=5 or image=left; none: it has none."
        text = self._prompter.ask(f"{whose}: values of the action (key=value, ...)", shown, about)
        return action, draft.read("{" + text.replace("=", ": ") + "}", {}) if text not in ("", NONE) else {}

    def _states(self, draft: Draft) -> None:
        while True:
            since = self._prompter.place
            known = list(draft.get(("protocol", "states")))
            self._prompter.say(Text(f"  states: {', '.join(known)}", "dim"))
            name = self._prompter.ask("Add a state? Its name", NONE, _STATE)
            if name in ("", NONE):
                return
            try:
                if name in known or name == "end":
                    raise DlstreamError(f"'{name}' exists already")
                self._add_state(draft, name, known)
            except DlstreamError as error:
                self._prompter.refuse(str(error), since)

    def _add_state(self, draft: Draft, name: str, known: list[str]) -> None:
        outputs = draft.choices(("protocol", "output")) or draft.outputs()
        state: dict[str, Any] = {}
        output = self._choice("Output that is on in it", [NONE, *outputs], NONE)
        if output != NONE:
            action, values = self._action(draft, f"'{output}' in '{name}'", _action_of(draft, output))
            stimulus: dict[str, Any] = {"output": output, "action": action}
            state["stimuli"] = [stimulus | {"values": values} if values else stimulus]
        state["transitions"] = [self._way(draft, f"'{name}' ends", [*known, "end"], known[0])]
        source = self._choice(f"State that leads to '{name}'", known, str(draft.get(("protocol", "start"))))
        way = self._way(draft, f"'{source}' leads to '{name}'", [name], name)
        place: Place = ("protocol", "states", source, "transitions")
        before = [dict(item) for item in draft.get(place) or ()]
        draft.set_all({("protocol", "states", name): state, place: [way, *before]})

    def _way(self, draft: Draft, what: str, targets: list[str], default: str) -> dict[str, Any]:
        """A transition: after seconds, when a trigger is true, or when both."""
        triggers = [str(name) for name in draft.get(("triggers",)) or ()]
        while True:
            since = self._prompter.place
            way: dict[str, Any] = {}
            trigger = self._choice(f"{what} when this trigger is true", [NONE, *triggers], NONE)
            seconds = self._prompter.ask(
                f"{what} after seconds",
                NONE,
                "Of the state. With a trigger: not before, and when the trigger is true then. How long a trigger must "
                "have been true is its own key `dwell`, such as triggers.NAME.dwell=5 at the last question.",
            )
            if trigger != NONE:
                way["when"] = trigger
            if seconds not in ("", NONE):
                way["after"] = draft.read(seconds, None)
            if way:
                break
            self._prompter.refuse("Expected a trigger, seconds, or both.", since)
        way["go"] = targets[0] if len(targets) == 1 else self._choice("Then go to", targets, default)
        return way

    def _stops(self, draft: Draft) -> None:
        seconds = "End the experiment after seconds", "From its start; none: nothing changes."
        counter = (
            "End it when a counter reaches a number",
            "Such as hits >= 10; states count with `enter: [{count: hits}]`. What else the stop needs, stays.",
        )
        self._each_stop(draft, *seconds, [{"longer_than"}, {"after"}], "longer_than")
        self._each_stop(draft, *counter, [], "if")

    def _each_stop(self, draft: Draft, question: str, about: str, alone: list[set[str]], new: str) -> None:
        """Asks for a value of each stop that has it, or for a new stop.

        Args:
            alone: the keys of the stops that are meant, of which each has nothing else; empty: all that have `new`.
        """
        stops = draft.get(("protocol", "stop")) or ()
        meant = [number for number, item in enumerate(stops) if (set(item) in alone if alone else new in item)]
        for place in [("protocol", "stop", number) for number in meant] or [("protocol", "stop", len(stops))]:
            self._stop(draft, question, about, (*place, next(iter(draft.get(place) or [new])) if alone else new))

    def _stop(self, draft: Draft, question: str, about: str, place: Place) -> None:
        now = draft.get(place)
        default = NONE if now is None else draft.show(now)
        while True:
            answer = self._prompter.ask(question, default, about)
            if answer in ("", NONE, default):
                return
            try:
                value = draft.read(answer, now if isinstance(now, list) else "" if place[-1] == "if" else None)
                if now is None:
                    before = [dict(item) for item in draft.get(("protocol", "stop")) or ()]
                    draft.set(("protocol", "stop"), [*before, {place[-1]: value}])
                else:
                    draft.set(place, value)
                return
            except DlstreamError as error:
                self._prompter.refuse(str(error))

    def _control(self, draft: Draft) -> None:
        about = "sham: stimuli are left out and recorded as sham; yoked: another animal's stimuli are repeated."
        while True:
            since = self._prompter.place
            before = draft.get(("protocol", "control", "type")) or NONE
            kind = self._choice("Control", [NONE, "sham", "yoked"], str(before), about)
            if kind == before:
                return
            try:
                if kind == NONE:
                    draft.remove(("protocol", "control"))
                elif kind == "sham":
                    draft.set(
                        ("protocol", "control"), {"type": kind, **self._left_out(draft, "0.5", "1: all of them.")}
                    )
                else:
                    folder = self._prompter.ask("The other animal's session folder", None, "Or its events.csv.")
                    control = {"type": kind, "outputs": draft.outputs(), "recording": folder}
                    draft.set(("protocol", "control"), control | self._left_out(draft, "0", "0: none of them."))
                return
            except DlstreamError as error:
                self._prompter.refuse(str(error), since)

    def _left_out(self, draft: Draft, default: str, about: str) -> dict[str, Any]:
        """Which share of a control's stimuli is left out."""
        share = draft.read(self._prompter.ask("Share of the stimuli that is left out", default, about), None)
        if share in (0, 1):
            return {"probability": share}
        about = "Such as 4: of every four stimuli exactly that share is left out; none: each is drawn."
        block = self._prompter.ask("Balanced in blocks of how many stimuli", NONE, about)
        return {"probability": share} | ({} if block in ("", NONE) else {"block": draft.read(block, None)})

    def _choice(self, question: str, choices: list[str], default: str, about: str = "") -> str:
        while True:
            answer = self._prompter.ask(question, default, f"One of {', '.join(choices)}. {about}")
            found = [name for name in choices if name == answer] or [
                name for name in choices if name.lower().startswith(answer.lower())
            ]
            if len(found) == 1:
                return found[0]
            self._prompter.refuse(f"'{answer}': expected one of {', '.join(choices)}.")


def _action_of(draft: Draft, output: str) -> str:
    """The commands that this output gets from the protocol so far."""
    for place in draft.leaves(("protocol",)):
        if place[-1] == "output" and draft.get(place) == output and (action := draft.get((*place[:-1], "action"))):
            return str(action)
    return "on"
