"""The decision table of the S3 perimeter: every principal on every bucket of the templates.

The synthesised bucket policies are evaluated by the evaluator that enforces them on the local
platform. ``open`` means that the bucket's policy does not deny; who may do what is then a matter of
the principal's own policies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from ministack.core import iam_evaluator as evaluator

from config.load import load_deployment
from core.names import EVENTS, PERIMETER_STATEMENT, RAW_BACKUP, RAW_ERRORS, RAW_STREAM
from tests.support.literals import literal
from tests.support.rooms import expected
from tests.synth import ENVIRONMENTS, resources

ACCOUNT, OTHER = "111122223333", "444455556666"
ZONES = frozenset({"Landing", "Raw", "Curated", "Features", "Artifacts", "Monitoring"})
BUCKETS = ZONES | {"AccessLogs", "AuditTrail"}
NOWHERE: frozenset[str] = frozenset()
OURS = "our endpoint"
# In the raw zone a key that break-glass roles may read, too.
KEY = f"{RAW_ERRORS[EVENTS]}2013/01/01/key"
BREAK_GLASS = "millrace-break-glass"


@dataclass(frozen=True)
class Caller:
    """Who calls, and from where."""

    name: str
    arn: str
    kind: str = "AssumedRole"
    keys: dict[str, Any] = field(default_factory=dict)
    service: str | None = None

    def over(self, endpoint: str) -> Caller:
        """The same caller through a VPC endpoint."""
        keys = self.keys | {"aws:sourcevpce": endpoint}
        return Caller(f"{self.name} over {endpoint}", self.arn, self.kind, keys)

    def via(self, *services: str) -> Caller:
        """The same caller through services that use its credentials."""
        keys = self.keys | {"aws:calledvia": [f"{service}.amazonaws.com" for service in services]}
        return Caller(f"{self.name} via {services}", self.arn, self.kind, keys)


def _role(name: str, account: str = ACCOUNT) -> Caller:
    keys = {"aws:principalisawsservice": "false"}
    return Caller(name, f"arn:aws:iam::{account}:role/{name}", keys=keys)


def _service(name: str) -> Caller:
    keys = {"aws:principalisawsservice": "true", "aws:sourceaccount": ACCOUNT}
    return Caller(name, f"{name}.amazonaws.com", "Service", keys, f"{name}.amazonaws.com")


ADMINISTRATOR = _role("Administrator")
USER = Caller(
    "a user", f"arn:aws:iam::{ACCOUNT}:user/ann", "User", {"aws:principalisawsservice": "false"}
)
ANONYMOUS = Caller("nobody", "*", "Anonymous")
TABLE: tuple[tuple[Caller, frozenset[str]], ...] = (
    (ADMINISTRATOR, NOWHERE),
    (ADMINISTRATOR.over(OURS), ZONES),
    (ADMINISTRATOR.over("vpce-of-another-network"), NOWHERE),
    (ADMINISTRATOR.via("athena"), BUCKETS),
    (ADMINISTRATOR.via("glue"), BUCKETS),
    (ADMINISTRATOR.via("athena", "lakeformation"), BUCKETS),
    (ADMINISTRATOR.via("cloudformation"), NOWHERE),
    (ADMINISTRATOR.via("servicecatalog", "cloudformation"), NOWHERE),
    (USER, NOWHERE),
    (USER.over(OURS), ZONES),
    (ANONYMOUS, NOWHERE),
    (ANONYMOUS.over(OURS), ZONES),
    (_role("Administrator", OTHER), NOWHERE),
    (_role("millrace-break-glass", OTHER), NOWHERE),
    (_role("millrace/flights/prod/service/Delivery", OTHER), NOWHERE),
    (_role("millrace/flights/dev/service/Delivery"), NOWHERE),
    (_role("service/Delivery"), NOWHERE),
    (_role(f"cdk-hnb659fds-deploy-role-{ACCOUNT}-eu-west-1"), NOWHERE),
    (_role(f"cdk-hnb659fds-file-publishing-role-{ACCOUNT}-eu-west-1"), NOWHERE),
    (_role(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-us-east-1"), NOWHERE),
    (_role(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-eu-west-1"), BUCKETS),
    (_role("millrace-break-glass"), BUCKETS),
    (_role("aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"), BUCKETS),
    (_service("cloudtrail"), BUCKETS),
    (_service("logging.s3"), BUCKETS),
)
# Roles with which a service calls S3 from its own network; all others come through our endpoint.
SERVICE_ROLES = {
    ("ingestion", "EventsDelivery"),
    ("ingestion", "LabelsDelivery"),
    ("training", "EndpointRoleExecution"),
    ("training", "FunctionsRegistryExecution"),
    ("training", "RetrainingFlowExecution"),
    ("monitor", "MonitorFlowExecution"),
}


def _literal(environment: str, stack: str, value: Any) -> Any:
    """A template value with references as texts; the S3 endpoint's id as ``OURS``."""
    return _ours(literal(environment, stack, value))


def _ours(value: Any) -> Any:
    if isinstance(value, list):
        return [_ours(item) for item in value]
    if isinstance(value, dict):
        return {key: _ours(item) for key, item in value.items()}
    return OURS if isinstance(value, str) and value.startswith("VpcS3") else value


@cache
def _policies(environment: str) -> dict[str, tuple[str, str]]:
    """Bucket → its ARN and its policy as JSON."""
    found = {}
    for stack, _, policy in resources(environment, "AWS::S3::BucketPolicy"):
        properties = policy["Properties"]
        bucket = properties["Bucket"]["Ref"]
        name = bucket.partition("Bucket")[0].partition("8B")[0]
        document = _literal(environment, stack, properties["PolicyDocument"])
        found[name] = (f"arn:aws:s3:::{bucket}", json.dumps(document))
    return found


def _denied(caller: Caller, action: str, resource: str, policy: str) -> bool:
    request = evaluator.EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.kind,
        principal_account=caller.arn.split(":")[4] if ":" in caller.arn else "",
        action=action,
        resource_arn=resource,
        region="eu-west-1",
        source_ip="192.0.2.1",
        secure_transport=True,
        service_context=dict(caller.keys),
    )
    found = evaluator.evaluate_resource_policy(policy, request, service=caller.service)
    return found.decision == "Deny"


def _open(environment: str, caller: Caller, action: str = "s3:GetObject") -> frozenset[str]:
    """Buckets whose policy does not deny the action to the caller."""
    return frozenset(
        name
        for name, (arn, policy) in _policies(environment).items()
        if not _denied(caller, action, f"{arn}/{KEY}" if "Object" in action else arn, policy)
    )


def _roles(environment: str) -> Iterator[tuple[str, str, Caller]]:
    """Every role of the templates as (stack, construct, caller)."""
    for stack, logical_id, role in resources(environment, "AWS::IAM::Role"):
        path = role["Properties"]["Path"].lstrip("/")
        construct = logical_id[:-8].removesuffix("Role")
        yield stack, construct, _role(f"{path}{logical_id}")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_bucket_has_the_statement(environment: str) -> None:
    assert set(_policies(environment)) == BUCKETS
    for _, policy in _policies(environment).values():
        sids = [statement.get("Sid") for statement in json.loads(policy)["Statement"]]
        assert sids.count(PERIMETER_STATEMENT) == 1


@pytest.mark.parametrize(
    ("caller", "expected"), TABLE, ids=lambda value: getattr(value, "name", "")
)
def test_who_gets_in(caller: Caller, expected: frozenset[str]) -> None:
    for action in ("s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "s3:PutBucketPolicy"):
        assert _open("prod", caller, action) == expected, action


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:GetObjectVersion"])
def test_a_break_glass_role_reads_errors_and_no_originals(environment: str, action: str) -> None:
    arn, policy = _policies(environment)["Raw"]
    for caller in (_role(BREAK_GLASS), _role(BREAK_GLASS).over(OURS)):
        for place in RAW_ERRORS.values():
            assert not _denied(caller, action, f"{arn}/{place}key", policy)
        for place in (*RAW_BACKUP.values(), *RAW_STREAM.values(), "", "errors/other/"):
            assert _denied(caller, action, f"{arn}/{place}key", policy)
    ours = _role(f"millrace/flights/{environment}/{BREAK_GLASS}").over(OURS)
    assert not _denied(ours, action, f"{arn}/{RAW_BACKUP[EVENTS]}key", policy)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_roles_of_services_get_in_from_anywhere_and_no_other_does(environment: str) -> None:
    found = set()
    for stack, construct, caller in _roles(environment):
        outside = _open(environment, caller)
        assert outside in {BUCKETS, NOWHERE}
        assert _open(environment, caller.over(OURS)) == (outside or ZONES)
        if outside:
            found.add((stack, construct))
    there = {(stack, construct) for stack, construct, _ in _roles(environment)}
    optional = {tuple(role.split("/")) for roles in expected("service_roles") for role in roles}
    assert found == SERVICE_ROLES | (optional & there)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_runs_under_the_other_roles_runs_in_our_network(environment: str) -> None:
    for _, logical_id, function in resources(environment, "AWS::Lambda::Function"):
        assert function["Properties"]["VpcConfig"]["SubnetIds"], logical_id
    for _, logical_id, job in resources(environment, "AWS::Glue::Job"):
        assert job["Properties"]["Connections"]["Connections"], logical_id
    jobs = 0
    for _, _, machine in resources(environment, "AWS::StepFunctions::StateMachine"):
        definition = json.dumps(machine["Properties"]["DefinitionString"])
        kinds = ("createTrainingJob", "createProcessingJob")
        started = sum(definition.count(f"sagemaker:{kind}") for kind in kinds)
        assert definition.count("VpcConfig") == started
        jobs += started
    assert jobs


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(
    "action",
    ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketVersioning"],
)
def test_the_deploying_role_can_always_repair_a_bucket(environment: str, action: str) -> None:
    region = load_deployment(environment).settings.region
    deploy = _role(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{region}")
    for caller in (deploy, deploy.via("cloudformation"), deploy.over("vpce-of-another-network")):
        assert _open(environment, caller, action) == BUCKETS


@pytest.mark.parametrize(
    ("operator", "left_in"),
    [
        ("BoolIfExists", _service("cloudtrail")),
        ("ForAllValues:StringNotEquals", ADMINISTRATOR.via("athena")),
        ("ArnNotLike", _role("millrace-break-glass")),
        ("StringNotEquals", ADMINISTRATOR.over(OURS)),
    ],
    ids=["services", "queries", "roles", "endpoint"],
)
def test_a_condition_that_is_lost_locks_its_callers_out(operator: str, left_in: Caller) -> None:
    arn, policy = _policies("prod")["Raw"]
    assert not _denied(left_in, "s3:GetObject", f"{arn}/{KEY}", policy)
    document = json.loads(policy)
    for statement in document["Statement"]:
        if statement.get("Sid") == PERIMETER_STATEMENT:
            del statement["Condition"][operator]
    assert _denied(left_in, "s3:GetObject", f"{arn}/{KEY}", json.dumps(document))
