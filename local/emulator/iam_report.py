"""What the run proved about permissions: calls, denials, and grants nobody used.

Joins the recorded decisions with the policies that were deployed. A grant is one action pattern of
one Allow statement of one role; it counts as used when an allowed call of that role matches both
its action and one of its resources. Conditions are not matched again, so a grant whose condition
never held may be shown as used by a call that another statement allowed. What AWS needs and nothing
here asks for stands in ``aws_only_permissions.yaml``.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.emulator.iam_recorder import FILE_NAME

AWS_ONLY = Path(__file__).with_name("aws_only_permissions.yaml")
_OUTSIDE = ("cdk-hnb659fds-",)


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
class Grant:
    """One action pattern a role is allowed, and how many allowed calls matched it."""

    role: str
    policy: str
    sid: str
    action: str
    resources: tuple[str, ...]
    calls: int


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


def deployed_policies(iam: Any, path_prefix: str = "/") -> dict[str, dict[str, dict[str, Any]]]:
    """Role name → policy name → document, for roles below an IAM path."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
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


def _used(calls: Counter[tuple[str, str]], action: str, resources: tuple[str, ...]) -> int:
    return sum(
        count
        for (called, resource), count in calls.items()
        if _matches(action.lower(), called.lower())
        and any(_matches(pattern, resource) for pattern in resources)
    )


@cache
def aws_only_permissions() -> dict[tuple[str, str], str]:
    """(service that assumes the role, action) → the page that says why AWS needs it."""
    entries = yaml.safe_load(AWS_ONLY.read_text(encoding="utf-8"))
    return {
        (service, action): entry["page"]
        for entry in entries
        for service in entry["roles"]
        for action in entry["actions"]
    }


def _page(services: Iterable[str], action: str) -> str | None:
    table = aws_only_permissions()
    return next((table[key] for key in ((s, action) for s in services) if key in table), None)


def grants_of(
    policies: dict[str, dict[str, dict[str, Any]]], allowed: dict[str, Counter[tuple[str, str]]]
) -> list[Grant]:
    """Every granted action of every role with the number of calls it served."""
    grants = []
    for role, documents in policies.items():
        for policy, document in documents.items():
            statements = document.get("Statement", [])
            for statement in [statements] if isinstance(statements, dict) else statements:
                if statement.get("Effect") != "Allow":
                    continue
                resources = tuple(_as_list(statement.get("Resource")) or ["*"])
                sid = statement.get("Sid", "")
                for action in _as_list(statement.get("Action")):
                    calls = _used(allowed.get(role, Counter()), action, resources)
                    grants.append(Grant(role, policy, sid, action, resources, calls))
    return grants


def build_report(
    decisions: Iterable[dict[str, Any]],
    policies: dict[str, dict[str, dict[str, Any]]],
    services: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, Any]:
    """The coverage report; ``unused_grants`` and ``denied`` name each entry.

    ``services`` says which service principals assume a role: an unused grant that AWS needs and
    nothing here asks for is listed under ``aws_only_grants`` with its documentation page instead.
    """
    allowed: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    denied: Counter[tuple[str, str, str, str, str]] = Counter()
    enforced: dict[str, set[str]] = defaultdict(set)
    total = 0
    for decision in decisions:
        total += 1
        name = principal_name(decision["principal"])
        enforced[name].add(decision["via"])
        key = (decision["action"], decision["resource"])
        if decision["decision"] == "Allow":
            allowed[name][key] += 1
        else:
            denied[name, *key, decision["decision"], decision["via"]] += 1
    grants = grants_of(policies, allowed)
    unused: list[dict[str, Any]] = []
    explained: list[dict[str, Any]] = []
    for grant in (entry for entry in grants if not entry.calls):
        page = _page((services or {}).get(grant.role, ()), grant.action)
        (explained if page else unused).append(asdict(grant) | ({"page": page} if page else {}))
    return {
        "calls": total,
        "denied": [asdict(Denial(*key, count)) for key, count in denied.most_common()],
        "principals_enforced": {name: sorted(via) for name, via in sorted(enforced.items())},
        "grants": len(grants),
        "used_grants": [asdict(grant) for grant in grants if grant.calls],
        "unused_grants": unused,
        "aws_only_grants": explained,
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


def report(platform: Any, path_prefix: str = "/") -> dict[str, Any]:
    """The coverage report of a running ``Platform``."""
    iam = platform.client("iam")
    policies, services = deployed_policies(iam, path_prefix), trusted_services(iam, path_prefix)
    return build_report(read_decisions(platform.state_dir), policies, services)
