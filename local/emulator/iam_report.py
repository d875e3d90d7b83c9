"""What the run proved about permissions: calls, denials, and grants nobody used.

Joins the recorded decisions with the policies that were deployed. A grant is one action pattern on
one resource of an Allow statement of one role; it counts as used when an allowed call of that role
matches its action, its resource and, for the use of a key, the service it went through. Other
conditions are not matched again. A grant that no call used is either listed in
``docs/aws-required-grants.yaml``, with its principal, resource form and condition, or unused.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from local.emulator.iam_recorder import FILE_NAME, VIA_SERVICE
from operations.required_grants import GrantTable, HeldGrant, held_grants, table

_OUTSIDE = ("cdk-hnb659fds-",)
Calls = Counter[tuple[str, str, str]]
"""Allowed calls of one role by action, resource and the service they went through ("": none)."""
Policies = dict[str, dict[str, dict[str, Any]]]
"""Role name → policy name → document."""


@dataclass(frozen=True, slots=True)
class Denial:
    """A call that was refused, and how often."""

    principal: str
    action: str
    resource: str
    decision: str
    via: str
    count: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a role is, beside its generated name."""

    services: tuple[str, ...] = ()
    """The service principals that its trust policy names."""
    place: str = ""
    """``<stack>/<logical id>``, where known."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One action pattern a role is allowed on a resource, and how many allowed calls matched."""

    role: str
    policy: str
    held: HeldGrant
    calls: int

    def as_row(self) -> dict[str, Any]:
        """The grant as the report holds it."""
        return {
            "role": self.role, "policy": self.policy, "action": self.held.action,
            "resource": self.held.resource,
            "conditions": [list(condition) for condition in self.held.conditions],
            "calls": self.calls,
        }  # fmt: skip


def read_decisions(state_dir: Path) -> Iterator[dict[str, Any]]:
    """The recorded decisions in order; a torn last line is skipped."""
    path = state_dir / FILE_NAME
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def principal_name(principal: str) -> str:
    """The role of an assumed-role ARN, the user or service otherwise."""
    if ":assumed-role/" in principal:
        return principal.split(":assumed-role/", 1)[1].split("/", maxsplit=1)[0]
    return principal.rsplit(":", 1)[-1] if principal.startswith("arn:") else principal


def _pages(client: Any, operation: str, member: str, **request: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**request):
        yield from page[member]


def _document(iam: Any, policy_arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    answer = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)
    document = answer["PolicyVersion"]["Document"]
    return json.loads(document) if isinstance(document, str) else dict(document)


def deployed_policies(iam: Any, path_prefix: str = "/") -> Policies:
    """Role name → policy name → document, for roles below an IAM path."""
    found: Policies = {}
    for role in _pages(iam, "list_roles", "Roles", PathPrefix=path_prefix):
        name = role["RoleName"]
        if name.startswith(_OUTSIDE):
            continue
        policies: dict[str, dict[str, Any]] = {}
        attached = _pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
        for policy in attached:
            policies[policy["PolicyName"]] = _document(iam, policy["PolicyArn"])
        for inline in _pages(iam, "list_role_policies", "PolicyNames", RoleName=name):
            document = iam.get_role_policy(RoleName=name, PolicyName=inline)["PolicyDocument"]
            policies[inline] = json.loads(document) if isinstance(document, str) else document
        found[name] = policies
    return found


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _matches(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _used(calls: Calls, grant: HeldGrant) -> int:
    return sum(
        count
        for (called, resource, service), count in calls.items()
        if _matches(grant.action.lower(), called.lower())
        and _matches(grant.resource, resource)
        and _through(grant, service)
    )


def _through(grant: HeldGrant, service: str) -> bool:
    """Whether the statement admits a call that went through a service, as far as recorded."""
    return not service or all(
        service in values for _, key, values in grant.conditions if key == VIA_SERVICE
    )


def grants_of(
    policies: Policies, allowed: Mapping[str, Calls], holders: Mapping[str, Holder] | None = None
) -> list[Grant]:
    """Every granted action of every role with the number of calls it served."""
    grants = []
    for role, documents in policies.items():
        holder = (holders or {}).get(role, Holder())
        for policy, document in documents.items():
            for held in held_grants(holder.place, holder.services, [document]):
                grants.append(Grant(role, policy, held, _used(allowed.get(role, Counter()), held)))
    return grants


def build_report(
    decisions: Iterable[dict[str, Any]],
    policies: Policies,
    holders: Mapping[str, Holder] | None = None,
    required: GrantTable | None = None,
) -> dict[str, Any]:
    """The coverage report; ``unused_grants`` and ``denied`` name each entry.

    ``holders`` says who the roles are: an unused grant that fits an entry of ``required`` (this
    repository's table unless given) is under ``listed_grants`` with what the entry says.
    """
    allowed: dict[str, Calls] = defaultdict(Counter)
    denied: Counter[tuple[str, str, str, str, str]] = Counter()
    enforced: dict[str, set[str]] = defaultdict(set)
    total = 0
    for decision in decisions:
        total += 1
        name = principal_name(decision["principal"])
        enforced[name].add(decision["via"])
        action, resource = decision["action"], decision["resource"]
        if decision["decision"] == "Allow":
            allowed[name][action, resource, decision.get(VIA_SERVICE, "")] += 1
        else:
            denied[name, action, resource, decision["decision"], decision["via"]] += 1
    grants = grants_of(policies, allowed, holders)
    return {
        "calls": total,
        "denied": [asdict(Denial(*key, count)) for key, count in denied.most_common()],
        "principals_enforced": {name: sorted(via) for name, via in sorted(enforced.items())},
        "grants": len(grants),
        "used_grants": [grant.as_row() for grant in grants if grant.calls],
        **_not_used([grant for grant in grants if not grant.calls], required or table()),
    }


def _not_used(grants: list[Grant], required: GrantTable) -> dict[str, list[dict[str, Any]]]:
    listed, unused = [], []
    for grant in grants:
        entry = required.find(grant.held)
        if entry is None:
            unused.append(grant.as_row())
        else:
            said = {"page": entry.page, "why": entry.why, "proven_by": entry.proven_by}
            listed.append(grant.as_row() | said)
    return {"unused_grants": unused, "listed_grants": listed}


def who_holds(
    services: Mapping[str, Iterable[str]], places: Mapping[str, str] | None = None
) -> dict[str, Holder]:
    """Holders by role name, from what their trust names and where their stacks define them."""
    return {
        role: Holder(tuple(trusted), (places or {}).get(role, ""))
        for role, trusted in services.items()
    }


def trusted_services(iam: Any, path_prefix: str = "/") -> dict[str, list[str]]:
    """Role name → the service principals its trust policy names."""
    found: dict[str, list[str]] = {}
    for role in _pages(iam, "list_roles", "Roles", PathPrefix=path_prefix):
        trust = role["AssumeRolePolicyDocument"]
        document = json.loads(trust) if isinstance(trust, str) else trust
        principals = [s.get("Principal") for s in document["Statement"]]
        found[role["RoleName"]] = [
            service
            for principal in principals
            if isinstance(principal, dict)
            for service in _as_list(principal.get("Service"))
        ]
    return found


def report(
    platform: Any, path_prefix: str = "/", places: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The coverage report of a running ``Platform``; ``places`` by role name, where known."""
    iam = platform.client("iam")
    holders = who_holds(trusted_services(iam, path_prefix), places)
    policies = deployed_policies(iam, path_prefix)
    return build_report(read_decisions(platform.state_dir), policies, holders)
