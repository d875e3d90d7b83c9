"""The denial matrix: every act performed as every caller, held against ``denied_table.yaml``."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.names import Scope
from local.platform import Platform
from operations.deployed import Deployed
from tests.support import denied_decisions, denied_principals
from tests.support.denied_acts import Act
from tests.support.denied_control_acts import acts
from tests.support.denied_decisions import ALLOW, Policies
from tests.support.denied_outcomes import SESSION, Outcome, with_decisions
from tests.support.denied_principals import CONSUMER, Call, Caller
from tests.support.denied_target import PLACES, PROBE, Target
from tests.support.deployments import LocalSession
from tests.support.rooms import expected
from tests.support.yaml_files import parsed

TABLE: dict[str, Any] = parsed((Path(__file__).parent / "denied_table.yaml").read_text())
OF_CAPABILITIES = {label: acts for rows in expected("denied") for label, acts in rows.items()}
TABLE["allowed"] |= OF_CAPABILITIES
# Optional capabilities are what prod deploys and the demo does not.
PROD_ONLY = frozenset(OF_CAPABILITIES)
# An object that is locked once it is written cannot be taken away again.
NOT_SEEDED = ("audit",)
KEY_USE = {"kms:Decrypt", "kms:GenerateDataKey"}
Key = tuple[str, str]
Wrong = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """What every caller's every act came to."""

    target: Target
    callers: list[Caller]
    acts: dict[Key, Act]
    outcomes: dict[Key, Outcome]

    def role_arns(self) -> dict[str, str]:
        """Label → ARN of every caller that is a role of the deployment."""
        return {c.label: c.role_arn for c in self.callers if c.label != CONSUMER}


def allowed(label: str) -> set[str]:
    """Acts that the table lets a role do."""
    return set(TABLE["allowed"].get(label) or ()) | set(TABLE["gaps"].get(label) or ())


def _writable(label: str) -> list[tuple[str, str]]:
    return [
        (zone, prefix)
        for zone, prefixes in PLACES.items()
        for prefix in prefixes
        if f"write {zone}/{prefix}" in allowed(label)
    ]


def _seed(target: Target) -> None:
    s3 = LocalSession(target.platform).client("s3")
    for zone, prefixes in PLACES.items():
        for prefix in prefixes if zone not in NOT_SEEDED else ():
            s3.put_object(Bucket=target.buckets[zone], Key=f"{prefix}{PROBE}", Body=b"probe")


def _sweep(target: Target) -> None:
    """Remove every version of the probes: other tests read these prefixes."""
    s3 = LocalSession(target.platform).client("s3")
    for zone in (z for z in PLACES if z not in NOT_SEEDED):
        bucket = target.buckets[zone]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if item["Key"].rpartition("/")[2].startswith("denied-"):
                    named = {"Key": item["Key"], "VersionId": item["VersionId"]}
                    s3.delete_object(Bucket=bucket, **named)


@contextmanager
def performed(
    platform: Platform, environment: str, only: frozenset[str] | None = None
) -> Iterator[Matrix]:
    """Every act performed once as every caller, or as those with a label in ``only``."""
    cloudformation = platform.client("cloudformation")
    target = Target(
        platform, Deployed.read(cloudformation, Scope("flights", environment, "flights"))
    )
    callers = denied_principals.callers(platform, target.deployed, only)
    _seed(target)
    try:
        done: dict[Key, Act] = {}
        outcomes: dict[Key, Outcome] = {}
        for caller in callers:
            for act in acts(target, caller, _writable(caller.label)):
                done[caller.label, act.name] = act
                outcomes[caller.label, act.name] = caller.perform(act.call)
        mark = f"{SESSION}-{uuid.uuid4().hex}"
        callers[-1].perform(Call("ssm", "get_parameter", {"Name": f"/{mark}"}))
        names = {caller.label: caller.role_name for caller in callers}
        recorded = with_decisions(platform.state_dir, mark, outcomes, names)
        yield Matrix(target, callers, done, recorded)
    finally:
        _sweep(target)
        denied_principals.remove_consumer(platform)


def wrongly_done(matrix: Matrix) -> Wrong:
    """Acts beside the table that were not refused by a recorded decision."""
    wrong: Wrong = defaultdict(list)
    for (label, name), outcome in matrix.outcomes.items():
        act = matrix.acts[label, name]
        if not act.never_allowed and name in allowed(label):
            continue
        outside = label == CONSUMER or act.on_logs
        proven = outcome.decided(act.proofs, act.refusals, by_perimeter=outside)
        if not (outcome.refused and proven):
            wrong[label].append(f"{name}: {outcome}")
    return wrong


def wrongly_refused(matrix: Matrix) -> Wrong:
    """Acts of the table that were refused, wholly or in part."""
    wrong: Wrong = defaultdict(list)
    for (label, name), outcome in matrix.outcomes.items():
        act = matrix.acts[label, name]
        if act.never_allowed or name not in allowed(label):
            continue
        about = {action for action, _ in act.proofs} | KEY_USE
        denials = [d for d in outcome.decisions if d["decision"] != ALLOW and d["action"] in about]
        if outcome.refused or denials or not outcome.decided(act.proofs[:1], (ALLOW,)):
            wrong[label].append(f"{name}: {outcome}")
    return wrong


def wrongly_decided(matrix: Matrix) -> Wrong:
    """Questions that no request can ask, decided otherwise than the table says."""
    policies = Policies(matrix.target)
    wrong: Wrong = defaultdict(list)
    asked = list(denied_decisions.questions(matrix.target, policies, matrix.role_arns()))
    for caller in matrix.callers:
        for question in asked:
            decision = policies.decide(caller.role_arn, question)
            expected = not question.never_allowed and question.name in allowed(caller.label)
            if expected != (decision == ALLOW):
                wrong[caller.label].append(f"{question.name}: {decision}")
    return wrong


def assert_none(wrong: Wrong) -> None:
    """Fail with what differs from the table."""
    lines = [f"{label}: {what}" for label, found in wrong.items() for what in found]
    assert not lines, f"{len(lines)} differ from the table\n" + "\n".join(lines[:40])
