"""Steps say what they read and leave, so that one can be inserted where what it needs is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from stacks.kit import asl
from stacks.kit.asl import States
from stacks.kit.steps import Step, chained, step
from stacks.monitoring import states as monitor
from stacks.training.states import retraining
from tests.support.flows import MONITOR, RETRAINING

FLOWS = {
    "monitor": monitor.steps(MONITOR),
    "retraining": retraining.steps(RETRAINING),
    "manual approval": retraining.steps(replace(RETRAINING, manual_approval=True)),
    "no experiment": retraining.steps(replace(RETRAINING, experiment=None)),
}
STEPS = [(flow, each) for flow, steps in FLOWS.items() for each in steps]
# What a Catch leaves is not there on the way to the next step.
ASIDE = {"failure", "unsettled", "release_failure", "outcome"}
# The last step leads to Release, and there the outcome is.
LAST = "RollOut"


def _read(state: dict[str, Any]) -> set[str]:
    """Members of the input that a state reads; what it selects from its result is no input."""
    seen = {key: value for key, value in state.items() if key not in ("ResultSelector", "Catch")}
    seen.pop("ResultPath", None)
    return set(re.findall(r"(?<!\$)\$\.([A-Za-z_]+)", json.dumps(seen)))


def _left(state: dict[str, Any]) -> set[str]:
    """Members that a state leaves for the next."""
    if "ResultPath" in state:
        return set(re.findall(r"^\$\.([A-Za-z_]+)$", state["ResultPath"]))
    whole = state.get("Output") or (state.get("Parameters") if state["Type"] == "Pass" else None)
    return {key.removesuffix(".$") for key in whole or {}}


def _paths(each: Step) -> Iterator[list[dict[str, Any]]]:
    """Every way through a step that leads to the next, each state once; no Catch is one."""
    states = each.states("next")

    def walk(name: str, before: list[str]) -> Iterator[list[str]]:
        if name == "next":
            yield before
        elif name in states and name not in before:
            state = states[name]
            follow = [state.get("Next"), state.get("Default")]
            follow += [rule["Next"] for rule in state.get("Choices", [])]
            for one in filter(None, follow):
                yield from walk(one, [*before, name])

    for names in walk(each.start, []):
        yield [states[name] for name in names]


@pytest.mark.parametrize(("flow", "each"), STEPS, ids=lambda v: getattr(v, "start", v))
def test_a_step_needs_what_its_states_read(flow: str, each: Step) -> None:
    states = each.states("next").values()
    inside = set().union(*map(_left, states)) - each.needs
    read = set().union(*map(_read, states))
    assert read - inside - ASIDE == each.needs, flow


@pytest.mark.parametrize(("flow", "each"), STEPS, ids=lambda v: getattr(v, "start", v))
def test_a_step_gives_what_every_way_through_it_leaves(flow: str, each: Step) -> None:
    ways = [set().union(*map(_left, way)) for way in _paths(each)]
    assert ways, "no way leads on"
    aside = ASIDE - ({"outcome"} if each.start == LAST else set())
    if each.only:
        assert all(each.gives <= way for way in ways), flow
    elif each.start == LAST:
        # A rejection leaves by itself, with an outcome and without a second update.
        assert set.intersection(*ways) >= {"outcome"}
        assert set().union(*ways) - ASIDE | {"outcome"} >= each.gives
    else:
        assert set.intersection(*ways) - aside == each.gives, flow


def _pass(name: str) -> Step:
    def states(then: str) -> States:
        return {name: asl.shape({}, then=then, result_path=f"$.{name.lower()}")}

    return step(name, states, gives=name.lower())


def test_an_inserted_step_edits_no_neighbour() -> None:
    first, last = _pass("First"), _pass("Last")
    before = chained([first, last], end="Done")
    after = chained([first, _pass("Between"), last], end="Done")
    assert [before["First"]["Next"], after["First"]["Next"]] == ["Last", "Between"]
    assert after["Between"]["Next"] == "Last"
    assert before["Last"] == after["Last"]


def test_a_step_that_lacks_what_it_needs_is_refused() -> None:
    needy = step("Needy", lambda then: {"Needy": asl.wait(1, then=then)}, needs="first other")
    with pytest.raises(ValueError, match="Needy needs other, which no step gives"):
        chained([_pass("First"), needy], end="Done")


def test_what_a_step_takes_away_is_not_there_any_more() -> None:
    alone = replace(_pass("Alone"), only=True)
    needy = step("Needy", lambda then: {"Needy": asl.wait(1, then=then)}, needs="first")
    with pytest.raises(ValueError, match="Needy needs first"):
        chained([_pass("First"), alone, needy], end="Done")


def test_two_states_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="First and a step before it have First"):
        chained([_pass("First"), _pass("First")], end="Done")
