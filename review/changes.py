"""What changed since the last review, and what each change can do.

The classes, worst first, follow the semantic baselines of AWS's modern-data-architecture
accelerator: a diff of templates says that something differs, a review needs to know what it costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from review import variants
from review.facts import Facts
from review.grants import Grant
from review.stateful import Stateful

KINDS = {
    "data loss": "A stateful resource leaves its stack, is replaced, or loses its retention.",
    "moved logical id": "CloudFormation makes a new, empty resource and lets go of the old one.",
    "name taken": "A new resource needs a name that still exists: the deploy stops.",
    "refused update": "SageMaker refuses the endpoint's update, or the way back from it.",
    "breaking": "Something that callers build on is gone or has changed.",
    "widened privilege": "A request that was refused is allowed.",
    "opened network": "Traffic passes that did not.",
    "new acknowledgement": "A finding is newly excused.",
    "resource count": "The number of resources of a type differs.",
    "narrowed": "A privilege, an opening or an acknowledgement is gone.",
    "added": "A stateful resource or a promise to callers is new.",
}
BLOCKING = (
    "data loss", "moved logical id", "name taken", "refused update", "widened privilege",
    "opened network", "resource count",
)  # fmt: skip
"""What fails CI as long as the baseline does not name it."""

WHAT_TO_DO = {
    "data loss": "keep the property's old value; or deploy the new resource beside the old one, "
    "copy what it holds, and remove the old one with a later deploy; ACCEPT=yes if it is meant",
    "moved logical id": "keep the logical id (overrideLogicalId, or `cdk refactor`); or copy what "
    "the resource holds as for data loss; ACCEPT=yes if nothing is deployed yet",
    "name taken": "change the name together with it, or let CloudFormation make the name up, or "
    "remove the resource with one deploy and add it with the next",
    "refused update": "deploy three times: serving.update unguarded alone, the variants alone, "
    "then serving.update as it was (docs/rollout.md)",
}

HARMLESS = ("narrowed", "added")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the reviewed facts and those of now."""

    kind: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.detail}"


def compare(before: Facts, now: Facts) -> list[Change]:
    """Every difference, worst class first."""
    found = [
        *_state(before.stateful, now.stateful),
        *(Change(*found) for found in variants.differences(before.endpoints, now.endpoints)),
        *_promises(before.interface, now.interface),
        *_boundaries(before.boundaries, now.boundaries),
        *_privileges(before.grants, now.grants),
        *_network(before, now),
        *_acknowledged(before, now),
        *_counts(before.resources, now.resources),
    ]
    order = list(KINDS)
    return sorted(set(found), key=lambda c: (order.index(c.kind), c.subject, c.detail))


def blocking(changes: Iterable[Change]) -> list[Change]:
    """Those that must not pass unreviewed."""
    return [change for change in changes if change.kind in BLOCKING]


def _state(before: Iterable[Stateful], now: Iterable[Stateful]) -> Iterator[Change]:
    old = {(item.stack, item.logical_id): item for item in before}
    new = {(item.stack, item.logical_id): item for item in now}
    arrived = [item for key, item in new.items() if key not in old]
    for key, item in old.items():
        if key in new:
            yield from _kept(item, new[key])
            continue
        yield from _name_taken(item, arrived)
        if not item.holds_state:
            continue
        successor = _successor(item, arrived)
        if successor is None:
            yield Change("data loss", item.name, f"{item.type} is gone (was {item.retention})")
            continue
        arrived.remove(successor)
        detail = f"{item.type}: {item.stack}.{item.logical_id} → {_key(successor)}"
        yield Change("moved logical id", item.name, detail)
    for item in arrived:
        if item.holds_state:
            yield Change("added", item.name, f"{item.type}, {item.retention}")


def _name_taken(gone: Stateful, arrived: list[Stateful]) -> Iterator[Change]:
    """New resources are made before old ones go, so the name is still there."""
    for item in arrived:
        if item.type == gone.type and item.physical_name == gone.physical_name != "":
            detail = f"{item.type} {item.physical_name}: {_key(gone)} → {_key(item)}"
            yield Change("name taken", item.name, detail)


def _key(item: Stateful) -> str:
    return f"{item.stack}.{item.logical_id}"


def _successor(gone: Stateful, arrived: list[Stateful]) -> Stateful | None:
    """The new resource that stands for one that is gone: same type, best the same construct."""
    alike = [item for item in arrived if item.type == gone.type]
    named = [item for item in alike if item.name.split("/")[-2:] == gone.name.split("/")[-2:]]
    for candidates in ([i for i in alike if i.name == gone.name], named):
        if candidates:
            return candidates[0]
    same_stack = [item for item in alike if item.stack == gone.stack]
    return same_stack[0] if len(same_stack) == 1 else None


def _kept(old: Stateful, new: Stateful) -> Iterator[Change]:
    if old.type != new.type:
        if old.holds_state:
            yield Change("data loss", old.name, f"{old.type} becomes {new.type}")
        return
    # "Delete/Retain": one of the two policies retains.
    if new.holds_state and old.retention != new.retention and "Delete" in new.retention:
        yield Change("data loss", old.name, f"retention: {old.retention} → {new.retention}")
    for member in sorted({*old.fixed, *new.fixed}):
        was, becomes = old.fixed.get(member), new.fixed.get(member)
        if was == becomes:
            continue
        detail = f"{member} {was or 'unset'} → {becomes or 'unset'}"
        if old.physical_name and old.physical_name == new.physical_name:
            yield Change("name taken", old.name, f"{old.physical_name} is replaced: {detail}")
        elif new.holds_state:
            yield Change("data loss", old.name, f"replaced: {detail}")


def _promises(before: dict[str, str], now: dict[str, str]) -> Iterator[Change]:
    for name, promise in before.items():
        if name not in now:
            yield Change("breaking", name, f"gone (was {promise})")
        elif now[name] != promise:
            yield Change("breaking", name, f"{promise} → {now[name]}")
    for name, promise in now.items():
        if name in before:
            continue
        # Senders that do not know a required field are refused from the day it is deployed.
        required = name.startswith("field ") and ", required" in promise
        yield Change("breaking" if required else "added", name, f"new: {promise}")


def _boundaries(before: dict[str, str], now: dict[str, str]) -> Iterator[Change]:
    for role, boundary in now.items():
        if not boundary:
            if before.get(role, "new") != "":
                yield Change("widened privilege", role, "has no permissions boundary")
        elif role in before and before[role] != boundary:
            detail = f"boundary {before[role] or 'none'} → {boundary}"
            yield Change("widened privilege" if before[role] else "narrowed", role, detail)


def _privileges(before: Iterable[Grant], now: Iterable[Grant]) -> Iterator[Change]:
    """New allowances and lost denials widen; the reverse narrows."""
    old, new = _by_holder(before), _by_holder(now)
    for key in sorted({*old, *new}):
        mine, theirs = old.get(key, []), new.get(key, [])
        allowed, denied = _split(mine)
        allowed_now, denied_now = _split(theirs)
        # A boundary is the ceiling: what it allows more is a privilege that policies may use.
        yield from _uncovered("widened privilege", "allows", allowed_now, allowed)
        if theirs:
            yield from _uncovered("widened privilege", "no longer denies", denied, denied_now)
        yield from _uncovered("narrowed", "no longer allows", allowed, allowed_now)
        yield from _uncovered("narrowed", "denies", denied_now, denied)


def _by_holder(grants: Iterable[Grant]) -> dict[tuple[str, str], list[Grant]]:
    found: dict[tuple[str, str], list[Grant]] = {}
    for grant in grants:
        found.setdefault((grant.holder, grant.kind), []).append(grant)
    return found


def _split(grants: list[Grant]) -> tuple[list[Grant], list[Grant]]:
    return (
        [grant for grant in grants if grant.effect == "Allow"],
        [grant for grant in grants if grant.effect != "Allow"],
    )


def _uncovered(kind: str, verb: str, these: list[Grant], those: list[Grant]) -> Iterator[Change]:
    for grant in these:
        left = [atom for atom in grant.atoms() if not any(other.covers(atom) for other in those)]
        if left:
            yield Change(kind, f"{grant.holder} ({grant.kind})", f"{verb} {_told(left)}")


def _told(atoms: list[Grant]) -> str:
    """One line for the parts of one statement."""
    actions = sorted({action for atom in atoms for action in atom.actions})
    resources = sorted({resource for atom in atoms for resource in atom.resources})
    principals = sorted({principal for atom in atoms for principal in atom.principals})
    line = ", ".join(actions)
    line += f" on {', '.join(resources)}" if resources else ""
    line += f" to {', '.join(principals)}" if principals else ""
    conditions = "; ".join(map(str, atoms[0].conditions))
    return f"{line} when {conditions}" if conditions else line


def _network(before: Facts, now: Facts) -> Iterator[Change]:
    for opening in now.openings:
        if not any(known.covers(opening) for known in before.openings):
            yield Change("opened network", opening.subject, _opening(opening))
    for opening in before.openings:
        if not any(known.covers(opening) for known in now.openings):
            yield Change("narrowed", opening.subject, f"no longer: {_opening(opening)}")


def _opening(opening: object) -> str:
    kind, peer, ports = (getattr(opening, name) for name in ("kind", "peer", "ports"))
    return f"{kind}: {peer}{f' {ports}' if ports else ''}"


def _acknowledged(before: Facts, now: Facts) -> Iterator[Change]:
    known, found = set(before.acknowledgements), set(now.acknowledgements)
    for rule, path in sorted(found - known):
        yield Change("new acknowledgement", path, rule)
    for rule, path in sorted(known - found):
        yield Change("narrowed", path, f"no longer acknowledged: {rule}")


def _counts(before: dict[str, int], now: dict[str, int]) -> Iterator[Change]:
    for kind in sorted({*before, *now}):
        was, becomes = before.get(kind, 0), now.get(kind, 0)
        if was != becomes:
            yield Change("resource count", kind, f"{was} → {becomes}")
