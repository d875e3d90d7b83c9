"""A flow as a list of steps in order: one that is inserted edits no neighbour.

A step says which members of the state's input it needs and which it gives to the steps after it.
What none before it gives is refused when the flow is built; ``tests/stacks/test_steps.py`` compares
what steps say with the paths that their states read and write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stacks.kit.asl import States


@dataclass(frozen=True, slots=True)
class Step:
    """Part of a flow with one way in and one way on.

    Attributes:
        start: its first state.
        states: its states, given the name of the state that follows the step.
        needs: members of the input that it reads, such as ``request`` for ``$.request.run_id``.
        gives: members that are there after it, whichever way it was passed.
        only: whether nothing but what it gives is there after it.
    """

    start: str
    states: Callable[[str], States]
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    only: bool = False


def step(
    start: str,
    states: Callable[[str], States],
    *,
    needs: str = "",
    gives: str = "",
    only: bool = False,
) -> Step:
    """A step; ``needs`` and ``gives`` are members with spaces between."""
    return Step(start, states, frozenset(needs.split()), frozenset(gives.split()), only)


def chained(steps: Sequence[Step], *, end: str) -> States:
    """The states of all steps, each leading to the next one and the last to ``end``.

    Raises:
        ValueError: a step needs what none before it gives, or two steps have a state of one name.
    """
    there: frozenset[str] = frozenset()
    result: States = {}
    starts = [each.start for each in steps[1:]] + [end]
    for each, following in zip(steps, starts, strict=True):
        lacks = each.needs - there
        if lacks:
            raise ValueError(f"{each.start} needs {', '.join(sorted(lacks))}, which no step gives")
        states = each.states(following)
        twice = states.keys() & result.keys()
        if twice:
            raise ValueError(f"{each.start} and a step before it have {', '.join(sorted(twice))}")
        result |= states
        there = each.gives if each.only else there | each.gives
    return result
