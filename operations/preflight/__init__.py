"""What CloudFormation would find out half-way through a deploy, asked of the account before it.

Each module asks about one subject. Every question is asked, whatever the others answered, so that
all that is to be requested of AWS, some of which takes days, is known at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rich.console import Console
from rich.table import Table

from operations.preflight import (
    account,
    concurrency,
    given,
    instances,
    linked_roles,
    names,
    region,
    shared_logs,
    trails,
)
from operations.preflight.answer import Answer, State, ask
from operations.preflight.inquiry import Inquiry
from operations.preflight.quotas import Quotas
from stacks import registry

__all__ = ["Answer", "Inquiry", "State", "answers", "show"]

_COLOURS = {
    State.OK: "green", State.TOO_LOW: "red", State.MISSING: "red", State.NOT_ALLOWED: "yellow",
    State.NO_ANSWER: "yellow",
}  # fmt: skip


def answers(inquiry: Inquiry) -> Iterator[Answer]:
    """Ask everything."""
    quotas = Quotas(inquiry.client("service-quotas"), inquiry.settings.region)
    questions: tuple[tuple[str, Callable[[], Iterable[Answer]]], ...] = (
        ("names", partial(names.lengths, inquiry)),
        (given.OWNER, partial(given.owner, inquiry)),
        (given.ZONES, partial(given.zones, inquiry)),
        (region.BOOTSTRAP, partial(region.bootstrap, inquiry)),
        (region.LOGGING_ROLE, partial(region.logging_role, inquiry)),
        ("API Gateway's throttle", partial(region.throttle, inquiry)),
        (region.PREFIX_LISTS, partial(region.prefix_lists, inquiry)),
        (region.LAKE_FORMATION, partial(region.lake_formation, inquiry)),
        (region.IMAGE, partial(region.image, inquiry)),
        ("SageMaker quotas", lambda: quotas.compare(instances.needs(inquiry))),
        (concurrency.SUBJECT, partial(concurrency.concurrency, inquiry)),
        ("network quotas", partial(account.network, inquiry, quotas)),
        ("IAM quotas", partial(account.identities, inquiry)),
        ("Firehose quotas", partial(account.firehose, inquiry, quotas)),
        ("service-linked roles", partial(linked_roles.linked_roles, inquiry)),
        (trails.SUBJECT, partial(trails.trails, inquiry)),
        (shared_logs.SUBJECT, partial(shared_logs.shared_logs, inquiry)),
        ("names in use", partial(names.taken, inquiry)),
        *((one.SUBJECT, partial(one.answers, inquiry)) for one in registry.parts("preflight")),
    )
    for subject, question in questions:
        yield from ask(subject, question)


def show(found: Iterable[Answer], console: Console) -> bool:
    """Print the answers, and then what to do; whether any stops the deploy."""
    table = Table("subject", "answer", "found", title="the account, before the deploy")
    remedies: dict[str, list[str]] = {}
    stops = False
    for answer in found:
        colour = _COLOURS[answer.state]
        table.add_row(answer.subject, f"[{colour}]{answer.state}[/{colour}]", answer.said)
        stops |= answer.stops
        if answer.remedy:
            remedies.setdefault(answer.remedy, []).append(answer.subject)
    console.print(table)
    for remedy, subjects in remedies.items():
        console.print(f"{', '.join(subjects)}:", highlight=False)
        # Unwrapped, so that a command can be copied.
        console.print(f"  {remedy}", highlight=False, soft_wrap=True, markup=False)
    if stops:
        console.print("Nothing was deployed: first mend what is red.", highlight=False)
    return stops
