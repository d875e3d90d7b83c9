"""As every role: what it must not do is refused by the deployed policies, what it may do is not.

``denied_table.yaml`` says which acts a role may do; every other act of every role must be refused
with AccessDenied, and the evaluator must have recorded the refusal of that action on that resource.
A role that is deployed and not in the table, or the reverse, fails.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from lambdas.shared.names import Scope
from local.platform import Platform
from operations.deployed import Deployed
from tests.local import denied_decisions, denied_principals
from tests.local.denied_acts import Act
from tests.local.denied_control_acts import acts
from tests.local.denied_decisions import ALLOW, Policies
from tests.local.denied_outcomes import SESSION, Outcome, with_decisions
from tests.local.denied_principals import CONSUMER, Call, Caller
from tests.local.denied_target import PLACES, PROBE, Target
from tests.local.deployments import LocalSession

pytestmark = [pytest.mark.platform, pytest.mark.timeout(900)]

TABLE: dict[str, dict[str, list[str]]] = yaml.safe_load(
    (Path(__file__).parent / "denied_table.yaml").read_text()
)
# An object that is locked once it is written cannot be taken away again.
NOT_SEEDED = ("audit",)
KEY_USE = {"kms:Decrypt", "kms:GenerateDataKey"}
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Matrix:
    """What every caller's every act came to."""

    target: Target
    callers: list[Caller]
    acts: dict[Key, Act]
    outcomes: dict[Key, Outcome]


def _allowed(label: str) -> set[str]:
    return set(TABLE["allowed"].get(label) or ()) | set(TABLE["gaps"].get(label) or ())


def _assert_none(wrong: dict[str, list[str]]) -> None:
    lines = [f"{label}: {what}" for label, found in wrong.items() for what in found]
    assert not lines, f"{len(lines)} differ from the table\n" + "\n".join(lines[:40])


def _writable(label: str) -> list[tuple[str, str]]:
    return [
        (zone, prefix)
        for zone, prefixes in PLACES.items()
        for prefix in prefixes
        if f"write {zone}/{prefix}" in _allowed(label)
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


@pytest.fixture(scope="module")
def matrix(demo_deployment: Platform) -> Iterator[Matrix]:
    """Every act performed as every caller, once."""
    cloudformation = demo_deployment.client("cloudformation")
    target = Target(demo_deployment, Deployed.read(cloudformation, Scope("flights", "demo")))
    callers = denied_principals.callers(demo_deployment, target.deployed)
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
        recorded = with_decisions(demo_deployment.state_dir, mark, outcomes, names)
        yield Matrix(target, callers, done, recorded)
    finally:
        _sweep(target)
        denied_principals.remove_consumer(demo_deployment)


def test_the_table_names_every_role_and_no_other(matrix: Matrix) -> None:
    deployed = set(denied_principals.roles(matrix.target.deployed)) | {CONSUMER}
    assert set(TABLE["allowed"]) == deployed
    assert set(TABLE["gaps"]) <= deployed


def test_every_role_below_the_deployments_path_is_one_of_its_stacks(matrix: Matrix) -> None:
    iam, path = matrix.target.platform.client("iam"), matrix.target.deployed.scope.role_path
    pages = iam.get_paginator("list_roles").paginate(PathPrefix=path)
    below = {role["RoleName"] for page in pages for role in page["Roles"]}
    assert set(denied_principals.roles(matrix.target.deployed).values()) == below


def test_every_refused_act_is_refused_by_a_recorded_decision(matrix: Matrix) -> None:
    wrong: dict[str, list[str]] = defaultdict(list)
    for (label, name), outcome in matrix.outcomes.items():
        act = matrix.acts[label, name]
        if not act.never_allowed and name in _allowed(label):
            continue
        outside = label == CONSUMER or act.on_logs
        proven = outcome.decided(act.proofs, act.refusals, by_perimeter=outside)
        if not (outcome.refused and proven):
            wrong[label].append(f"{name}: {outcome}")
    _assert_none(wrong)


def test_every_allowed_act_is_allowed(matrix: Matrix) -> None:
    wrong: dict[str, list[str]] = defaultdict(list)
    for (label, name), outcome in matrix.outcomes.items():
        act = matrix.acts[label, name]
        if act.never_allowed or name not in _allowed(label):
            continue
        about = {action for action, _ in act.proofs} | KEY_USE
        denials = [d for d in outcome.decisions if d["decision"] != ALLOW and d["action"] in about]
        if outcome.refused or denials or not outcome.decided(act.proofs[:1], (ALLOW,)):
            wrong[label].append(f"{name}: {outcome}")
    _assert_none(wrong)


def test_a_planted_permission_is_seen(matrix: Matrix) -> None:
    """The matrix is alive: the same request of the same caller is answered once a policy allows."""
    label, name = "training/FunctionsGateExecutionRole", "read raw/errors/events/"
    act = matrix.acts[label, name]
    caller = next(caller for caller in matrix.callers if caller.label == label)
    iam = matrix.target.platform.client("iam")
    named = {"RoleName": caller.role_name, "PolicyName": "planted"}
    objects = {"Effect": "Allow", "Action": act.proofs[0][0], "Resource": act.proofs[0][1]}
    key = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": matrix.target.keys["Raw"]}
    try:
        for statements, refused in (([objects], True), ([objects, key], False)):
            document = {"Version": "2012-10-17", "Statement": statements}
            iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
            outcome = caller.perform(act.call)
            assert outcome.refused == refused, outcome
    finally:
        iam.delete_role_policy(**named)
    assert caller.perform(act.call).refused


def test_what_no_request_can_ask_is_decided_as_the_table_says(matrix: Matrix) -> None:
    policies = Policies(matrix.target)
    roles = {c.label: c.role_arn for c in matrix.callers if c.label != CONSUMER}
    wrong: dict[str, list[str]] = defaultdict(list)
    asked = list(denied_decisions.questions(matrix.target, policies, roles))
    for caller in matrix.callers:
        for question in asked:
            decision = policies.decide(caller.role_arn, question)
            expected = not question.never_allowed and question.name in _allowed(caller.label)
            if expected != (decision == ALLOW):
                wrong[caller.label].append(f"{question.name}: {decision}")
    _assert_none(wrong)


def test_every_line_of_the_table_is_an_act(matrix: Matrix) -> None:
    policies = Policies(matrix.target)
    roles = {c.label: c.role_arn for c in matrix.callers if c.label != CONSUMER}
    known = {name for _, name in matrix.acts}
    known |= {q.name for q in denied_decisions.questions(matrix.target, policies, roles)}
    parts = (TABLE["allowed"], TABLE["gaps"])
    named = {act for part in parts for lines in part.values() for act in lines or ()}
    assert not named - known


def test_an_administrator_cannot_open_originals(matrix: Matrix) -> None:
    s3 = LocalSession(matrix.target.platform).client("s3")
    for zone in ("raw", "landing"):
        for prefix in PLACES[zone]:
            asked: dict[str, Any] = {
                "Bucket": matrix.target.buckets[zone],
                "Key": f"{prefix}{PROBE}",
            }
            with pytest.raises(ClientError, match="kms:Decrypt"):
                s3.get_object(**asked)


def test_no_person_may_assume_a_role_of_the_platform(matrix: Matrix) -> None:
    sts = matrix.target.platform.client("sts")
    for caller in matrix.callers:
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=caller.role_arn, RoleSessionName="again")


def test_the_deployment_is_as_it_was(matrix: Matrix) -> None:
    trail = matrix.target.platform.client("cloudtrail")
    assert trail.get_trail_status(Name=matrix.target.trail)["IsLogging"]
    ssm = matrix.target.platform.client("ssm")
    for name, value in matrix.target.pointers.items():
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == value
