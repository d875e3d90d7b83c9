"""A month: flights depart, the API predicts them, arrivals follow, the monitor judges."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from local.demo import corruption
from local.demo.flights import NAMES, in_other_units
from local.demo.ledger import Outgoing
from local.demo.phases import ingest, monitor, schedules
from local.demo.phases.faults import kill_variant
from local.demo.phases.seed import api_of
from local.demo.report.model import Fault
from local.demo.story import Story
from local.demo.traffic import Answer, Client, plan

KILL_IN = 5
"""May: the champion's server is ended during this month's traffic."""
REPLAY_IN = 6
"""June: one batch of this month's departures is sent twice."""
REPLAYED = 500
UNITS_IN = 7
"""July (or the last month told): the API's client sends other units; the stream stays right."""
VICTIM = "champion"
RECOVERY_SECONDS = 30.0


def tell(number: int, *, other_units: bool) -> Callable[[Story], None]:
    """The phase of one month; ``other_units``: the API's client changes its units in it."""

    def run(story: Story) -> None:
        ask_api(story, number, other_units=other_units)
        ingest.stream_month(story, number, faults=False)
        if number == REPLAY_IN:
            replay(story, number)
        ingest.wait_for_delivery(story)
        schedules.curate(story)
        ingest.compare_counts(story)
        if number == REPLAY_IN:
            _judge_replay(story)
        monitor.watch_month(story, number)
        if other_units:
            _judge_units(story)

    return run


def ask_api(story: Story, number: int, *, other_units: bool) -> None:
    """Ask for every sampled flight of the month: a stated few singly, the rest in batches."""
    events = story.flights.month(number).events
    if other_units:
        events = [in_other_units(event) for event in events]
        story.mark("fault", "The client changes its units", "kilometres, UTC, no aircraft register")
    asks = plan(events, singles=story.scale.singles, batch=story.scale.batch)
    client, killer = Client(api_of(story)), _Killer(story, len(asks) // 3)
    start = time.monotonic()
    on_progress = killer.maybe if number == KILL_IN else None
    unanswered = client.run(asks, on_progress=on_progress)
    month = NAMES[number - 1]
    story.findings.answers[month] = client.answers
    story.say(_summary(month, client.answers, len(events), time.monotonic() - start))
    if number == KILL_IN:
        fault = _judge_kill(story, client, killer.at)
        story.findings.faults.append(fault)
        story.say(fault.outcome)
    if unanswered:
        last = client.answers[-1]
        raise RuntimeError(
            f"{month}: {len(unanswered)} requests had no answer; last {last.status} {last.error}"
        )


def _summary(month: str, answers: list[Answer], flights: int, seconds: float) -> str:
    variants: dict[str, int] = {}
    for answer in answers:
        variants[answer.variant] = variants.get(answer.variant, 0) + 1
    return (
        f"{month}: {len(answers)} requests for {flights:,} flights, by variant {variants} "
        f"[dim]{seconds:.1f} s[/dim]"
    )


class _Killer:
    """Ends the victim's server once a third of the requests were answered."""

    def __init__(self, story: Story, after: int) -> None:
        self._story, self._after = story, after
        self._lock = threading.Lock()
        self.at: float | None = None

    def maybe(self, done: int) -> None:
        with self._lock:
            if self.at is None and done >= self._after:
                self.at = kill_variant(self._story, VICTIM)


def _judge_kill(story: Story, client: Client, at: float | None) -> Fault:
    """Errors after the kill, and when the variant answered again; asks on until it does."""
    if at is None:
        raise RuntimeError("the server was never killed: too few requests")
    after = [answer for answer in client.answers if answer.at > at]
    errors = [answer for answer in after if not answer.good]
    others = [answer for answer in after if answer.body.get("failed_over")]
    since = max([at, *(answer.at for answer in (*errors, *others))])
    back = _first_good(client.answers, since) or _ask_on(story, since)
    return _kill_fault(errors, len(others), None if back is None else back - at)


def _first_good(answers: list[Answer], after: float) -> float | None:
    return min(
        (a.at for a in answers if a.at > after and a.good and a.variant == VICTIM), default=None
    )


def _ask_on(story: Story, after: float) -> float | None:
    api, deadline = api_of(story), time.monotonic() + RECOVERY_SECONDS
    for event in islice(story.flights.month(KILL_IN).events, 200):
        answer = api.predict(event)
        if answer.good and answer.variant == VICTIM and answer.at > after:
            return answer.at
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return None


def _kill_fault(errors: list[Answer], failed_over: int, seconds: float | None) -> Fault:
    statuses = sorted({str(answer.status) if answer.status else "none" for answer in errors})
    lost = f"{len(errors)} requests failed (status {', '.join(statuses)})" if errors else "No error"
    after = (
        f"the variant answered again {seconds:.1f} s after the kill"
        if seconds is not None
        else f"the variant did not answer within {RECOVERY_SECONDS:.0f} s"
    )
    return Fault(
        name="A variant's server is killed",
        what=f"SIGKILL to the {VICTIM}'s server during {NAMES[KILL_IN - 1]}'s traffic",
        outcome=f"{lost}; {failed_over} requests were answered by the other variant, and their "
        f"answers say so; {after}.",
        recovered=seconds is not None and not errors,
        seconds=seconds,
    )


def replay(story: Story, number: int) -> None:
    """Send the month's first departures once more, as a producer that lost its position would."""
    events: list[dict[str, Any]] = story.flights.month(number).events[:REPLAYED]
    again = [Outgoing(corruption.encode(event), "replay", "replay") for event in events]
    delivery = ingest.producers(story)["events"].send(again)
    story.mark("fault", "A batch is sent twice", f"{delivery.records} departures replayed")


def _judge_replay(story: Story) -> None:
    found = story.findings.counts["events"]
    replayed = found.duplicates_by_origin["replay"]
    story.findings.faults.append(
        Fault(
            name="A batch is sent twice",
            what=f"{REPLAYED} departures of {NAMES[REPLAY_IN - 1]} were put again",
            outcome=f"{replayed} delivered copies count as replays; the curated table holds "
            f"{found.curated:,} distinct ids and repeats none.",
            recovered=bool(replayed) and found.agrees,
        )
    )  # fmt: skip


def _judge_units(story: Story) -> None:
    month = story.findings.months[-1]
    fired = any(one.kind == "alarm" and month.month in one.title for one in story.timeline)
    rang = "the alarm fired and a retraining started by itself" if fired else "no alarm fired"
    story.findings.faults.append(
        Fault(
            name="The API's client changes its units",
            what=f"All requests of {month.month} have kilometres for miles, times of day in UTC "
            "and no aircraft; each value is valid, and the stream stays as it was",
            outcome=f"{'; '.join(month.reasons) or 'nothing rang'}: {rang}.",
            recovered=month.breached and fired,
        )
    )
