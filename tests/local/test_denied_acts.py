"""As every role: what it must not do is refused by the deployed policies, what it may do is not.

``denied_table.yaml`` says which acts a role may do; every other act of every role must be refused
with AccessDenied, and the evaluator must have recorded the refusal of that action on that resource.
A role that is deployed and not in the table, or the reverse, fails. Roles that only ``prod`` has
act in ``test_denied_acts_in_prod.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from core.names import RAW_ERRORS
from local.platform import Platform
from tests.support import denied_decisions, denied_principals
from tests.support.denied_decisions import Policies
from tests.support.denied_matrix import (
    PROD_ONLY,
    TABLE,
    Matrix,
    assert_none,
    performed,
    wrongly_decided,
    wrongly_done,
    wrongly_refused,
)
from tests.support.denied_principals import CONSUMER
from tests.support.denied_target import PLACES, PROBE
from tests.support.deployments import LocalSession

pytestmark = [pytest.mark.platform, pytest.mark.timeout(900)]

READ = "read"


@pytest.fixture(scope="module")
def matrix(demo_deployment: Platform) -> Iterator[Matrix]:
    """Every act performed as every caller, once."""
    with performed(demo_deployment, "demo") as found:
        yield found


def test_the_table_names_every_role_and_no_other(matrix: Matrix) -> None:
    deployed = set(denied_principals.roles(matrix.target.deployed)) | {CONSUMER}
    assert set(TABLE["allowed"]) - PROD_ONLY == deployed
    assert set(TABLE["gaps"]) <= deployed


def test_every_role_below_the_deployments_path_is_one_of_its_stacks(matrix: Matrix) -> None:
    iam, path = matrix.target.platform.client("iam"), matrix.target.deployed.scope.role_path
    pages = iam.get_paginator("list_roles").paginate(PathPrefix=path)
    below = {role["RoleName"] for page in pages for role in page["Roles"]}
    assert set(denied_principals.roles(matrix.target.deployed).values()) == below


def test_every_refused_act_is_refused_by_a_recorded_decision(matrix: Matrix) -> None:
    assert_none(wrongly_done(matrix))


def test_every_allowed_act_is_allowed(matrix: Matrix) -> None:
    assert_none(wrongly_refused(matrix))


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
    assert_none(wrongly_decided(matrix))


def test_every_line_of_the_table_is_an_act(matrix: Matrix) -> None:
    policies = Policies(matrix.target)
    asked = denied_decisions.questions(matrix.target, policies, matrix.role_arns())
    known = {name for _, name in matrix.acts} | {question.name for question in asked}
    parts = (TABLE["allowed"], TABLE["gaps"])
    named = {
        act
        for part in parts
        for label, lines in part.items()
        if label not in PROD_ONLY
        for act in lines or ()
    }
    assert not named - known


def _opened(matrix: Matrix, zone: str) -> dict[str, str]:
    """Prefix of a zone → what reading its probe as the break-glass role came to."""
    s3, found = LocalSession(matrix.target.platform).client("s3"), {}
    for prefix in PLACES[zone]:
        try:
            s3.get_object(Bucket=matrix.target.buckets[zone], Key=f"{prefix}{PROBE}")["Body"].read()
            found[prefix] = READ
        except ClientError as error:
            found[prefix] = str(error)
    return found


def test_an_administrator_cannot_open_originals(matrix: Matrix) -> None:
    """The break-glass role is one, and the perimeter lets it in."""
    for prefix, said in _opened(matrix, "raw").items():
        if prefix not in RAW_ERRORS.values():
            assert "s3:GetObject" in said
            assert "explicit deny in a resource-based policy" in said
    for said in _opened(matrix, "landing").values():
        assert "kms:Decrypt" in said


def test_break_glass_reads_errors_and_no_originals(matrix: Matrix) -> None:
    found = _opened(matrix, "raw")
    assert {prefix for prefix, said in found.items() if said == READ} == set(RAW_ERRORS.values())


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
