"""The lease before the roll-out: held still, or taken again.

It was left while a person decided, and it is gone after a redrive, for EventBridge gave it back
when the execution ended. A comparison with a champion that serves no longer decides nothing, so
the champion is read again, too.
"""

from __future__ import annotations

from functools import partial

from stacks.kit import asl
from stacks.kit.asl import States
from stacks.kit.steps import Step, step
from stacks.training.states.flow import Flow, acquire, champion, outcome

# First state of the part.
START = "AcquireAgain"
# Another retraining takes hours; each turn leaves nine events in a history that takes 25,000.
WAIT_SECONDS = 600


def step_of(flow: Flow) -> Step:
    """From the lease to what comes next, or to ``superseded``."""
    return step(
        START,
        partial(_states, flow),
        needs="champion",
        gives="lease champion_again",
    )


def _states(flow: Flow, then: str) -> States:
    return {
        START: acquire(flow, then="AcquiredAgain"),
        "AcquiredAgain": asl.choice(
            [
                asl.when("$.lease.value.acquired", BooleanEquals=True, then="ChampionAgain"),
                asl.when("$.lease.value.reason", StringEquals="held", then="WaitForLease"),
            ],
            # In cooldown: another retraining was decided meanwhile.
            default="Superseded",
        ),
        "WaitForLease": asl.wait(WAIT_SECONDS, then=START),
        "ChampionAgain": champion(flow, "$.champion_again", then="SameChampion"),
        "SameChampion": asl.choice(
            [
                asl.when(
                    "$.champion.value.package_arn",
                    StringEqualsPath="$.champion_again.value.package_arn",
                    then=then,
                )
            ],
            default="Superseded",
        ),
        "Superseded": outcome(
            "rejected", "superseded", "States.Array($.champion.value.package_arn)"
        ),
    }
