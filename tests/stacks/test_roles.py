"""Every role of every stack: path, boundary, no inline policy, no wildcard action."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from config.load import load_deployment
from core import names
from local.emulator import role_trust
from stacks.kit.service_role import SAY_FOR_WHOM
from stacks.security.permissions_boundary import IRREVERSIBLE
from tests.synth import ENVIRONMENTS, MODEL, resources


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_has_the_path_and_the_boundary(environment: str) -> None:
    settings = load_deployment(environment).settings
    roles = resources(environment, "AWS::IAM::Role")
    assert roles
    for stack, logical_id, role in roles:
        properties = role["Properties"]
        place = f"{stack}.{logical_id}"
        path = f"/millrace/{settings.instance}/{environment}/"
        assert properties["Path"] in {path, f"{path}service/"}, place
        assert "Boundary" in str(properties.get("PermissionsBoundary")), place


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_inline_and_no_aws_managed_policy(environment: str) -> None:
    inline = resources(environment, "AWS::IAM::Policy")
    assert inline == []
    for stack, logical_id, role in resources(environment, "AWS::IAM::Role"):
        place = f"{stack}.{logical_id}"
        assert not role["Properties"].get("Policies"), place
        assert "iam::aws:policy" not in str(role["Properties"].get("ManagedPolicyArns")), place


def _statements(environment: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, logical_id, policy in resources(environment, "AWS::IAM::ManagedPolicy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield f"{stack}.{logical_id}", statement


IAM_LIMIT = 6144
# A bucket's name has 63 characters at most and a key's id 36, so their ARNs have 80; a function's
# or secret's ARN with the longest generated name stays below 140.
SHORT_REFERENCE, LONG_REFERENCE = "x" * 80, "x" * 140


def _resolved(value: Any) -> Any:
    """A policy document with every reference replaced by a text of the greatest length."""
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        return value["Fn::Join"][0].join(_resolved(item) for item in value["Fn::Join"][1])
    if value.keys() & {"Ref", "Fn::GetAtt", "Fn::GetStackOutput", "Fn::Sub"}:
        text = str(value)
        if text == "{'Ref': 'AWS::AccountId'}":
            return "123456789012"
        bounded = re.search(r"(Bucket|Key)[0-9A-F]{8}'?,? ?'?Arn", text)
        return SHORT_REFERENCE if bounded else LONG_REFERENCE
    return {key: _resolved(item) for key, item in value.items()}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_managed_policy_stays_within_the_limit_of_iam(environment: str) -> None:
    for stack, logical_id, policy in resources(environment, "AWS::IAM::ManagedPolicy"):
        document = _resolved(policy["Properties"]["PolicyDocument"])
        size = len(json.dumps(document, separators=(",", ":")))
        assert size <= IAM_LIMIT, f"{stack}.{logical_id}: {size} characters"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_statement_allows_a_wildcard_action(environment: str) -> None:
    for place, statement in _statements(environment):
        for action in _listed(statement.get("Action", [])):
            assert "*" not in action, f"{place}: {action}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_the_boundary_is_written_as_exclusions(environment: str) -> None:
    places = {place for place, statement in _statements(environment) if "NotAction" in statement}
    assert len(places) == 1
    assert places.pop().startswith("security.Boundary")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_role_is_granted_what_the_boundary_denies_everyone(environment: str) -> None:
    for place, statement in _statements(environment):
        if statement["Effect"] == "Allow":
            assert not set(_listed(statement.get("Action", []))) & set(IRREVERSIBLE), place


# Nobody else reads landing, and nobody else writes curated.
OWNED = {("CurateJob", "Landing")}
_WHOLE_BUCKET = re.compile(r"FnGetAtt(\w+?)Bucket[0-9A-F]{8}Arn\w*/\*$")


def _text(resource: Any) -> str:
    """A resource with every reference as the id of what it refers to."""
    if isinstance(resource, str):
        return resource
    if "Fn::Join" in resource:
        return str(resource["Fn::Join"][0]).join(map(_text, resource["Fn::Join"][1]))
    if "Fn::GetStackOutput" in resource:
        return str(resource["Fn::GetStackOutput"]["OutputName"])
    if "Fn::GetAtt" in resource:
        return "FnGetAtt" + "".join(resource["Fn::GetAtt"])
    return json.dumps(resource)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_data_is_read_and_written_by_prefix(environment: str) -> None:
    """No role may touch every object of a bucket, but for the one that owns the zone."""
    objects = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
    whole = set()
    for place, statement in _statements(environment):
        if statement["Effect"] == "Deny" or not objects & set(_listed(statement.get("Action"))):
            continue
        for resource in map(_text, _listed(statement["Resource"])):
            assert resource != "*", place
            bucket = _WHOLE_BUCKET.search(resource)
            if bucket:
                whole.add((place.split(".")[1].partition("Execution")[0], bucket[1]))
    assert whole == OWNED


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nobody_is_given_peoples_query_results(environment: str) -> None:
    """Who queries brings rights of their own; our roles write tables beside them."""
    for place, statement in _statements(environment):
        for resource in map(_text, _listed(statement["Resource"])):
            assert names.CURATED_QUERY_RESULTS not in resource, place


@pytest.mark.parametrize(
    ("resource", "bucket"),
    [
        ({"Fn::Join": ["", [{"Fn::GetAtt": ["RawBucket0A1B2C3D", "Arn"]}, "/*"]]}, "Raw"),
        ({"Fn::Join": ["", [{"Fn::GetAtt": ["RawBucket0A1B2C3D", "Arn"]}, "/stream/*"]]}, None),
    ],
)
def test_a_whole_bucket_is_recognised(resource: Any, bucket: str | None) -> None:
    found = _WHOLE_BUCKET.search(_text(resource))
    assert (found and found[1]) == bucket


def _shared(environment: str) -> dict[str, set[str]]:
    """Policy that roles attach (``stack.logical id``) -> those roles."""
    found: dict[str, set[str]] = {}
    for stack, logical_id, role in resources(environment, "AWS::IAM::Role"):
        for attached in role["Properties"].get("ManagedPolicyArns", []):
            if "Ref" in attached:
                policy = f"{stack}.{attached['Ref']}"
            else:
                output = attached["Fn::GetStackOutput"]
                other = output["StackName"].split(f"-{environment}-")[1].removesuffix(f"-{MODEL}")
                policy = f"{other}.{output['OutputName'].removeprefix('PublishOutputRef')[:-8]}"
            found.setdefault(policy, set()).add(f"{stack}.{logical_id}")
    return found


# The ceiling, and what the platform offers to roles outside of it.
FOR_OTHERS = ("Boundary", "FileProducers", "PredictionsCallers", "StreamProducers")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_shared_policy_is_shared(environment: str) -> None:
    """What one role needs stands in its own policy; all others belong to somebody."""
    shared = _shared(environment)
    assert {name for name, roles in shared.items() if len(roles) < 2} == set()
    for stack, logical_id, policy in resources(environment, "AWS::IAM::ManagedPolicy"):
        name = f"{stack}.{logical_id}"
        alone = logical_id.startswith(FOR_OTHERS)
        assert bool(policy["Properties"].get("Roles")) + (name in shared) + alone == 1, name


ATTACHED_LIMIT = 10


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_role_attaches_more_policies_than_iam_takes(environment: str) -> None:
    for stack, logical_id, role in resources(environment, "AWS::IAM::Role"):
        attached = role["Properties"].get("ManagedPolicyArns", [])
        assert len(attached) + 1 <= ATTACHED_LIMIT, f"{stack}.{logical_id}"


# Reading is shared; each place has one writer, and each role passes its own roles.
NEVER_SHARED = {"iam:PassRole", "s3:PutObject", "s3:DeleteObject", "lambda:InvokeFunction"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_writing_data_and_passing_roles_is_never_shared(environment: str) -> None:
    shared = _shared(environment)
    for place, statement in _statements(environment):
        if place in shared:
            assert not NEVER_SHARED & set(_listed(statement["Action"])), place


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_trust_is_one_service_each(environment: str) -> None:
    for stack, logical_id, role in resources(environment, "AWS::IAM::Role"):
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}, f"{stack}.{logical_id}"
            assert isinstance(statement["Principal"]["Service"], str), f"{stack}.{logical_id}"
            service, place = statement["Principal"]["Service"], f"{stack}.{logical_id}"
            assert _asked(statement) == EXPECTED.get(service, IF_SENT), f"{place} ({service})"
            assert ("StringEquals" in _asked(statement)) is (service in CERTAIN), place


CERTAIN = {*SAY_FOR_WHOM, "firehose.amazonaws.com"}
# What a trust asks of the services of which it is not documented that they say for whom.
IF_SENT = {"StringEqualsIfExists": ["aws:SourceAccount"]}
EXPECTED: dict[str, dict[str, list[str]]] = {
    "cloudformation.amazonaws.com": {},
    "lambda.amazonaws.com": {},
    "firehose.amazonaws.com": {"StringEquals": ["sts:ExternalId"]},
    "cloudtrail.amazonaws.com": IF_SENT | {"ArnLikeIfExists": ["aws:SourceArn"]},
    "sagemaker.amazonaws.com": {"StringEquals": ["aws:SourceAccount"]},
    "scheduler.amazonaws.com": {"StringEquals": ["aws:SourceAccount"]},
    "states.amazonaws.com": {"StringEquals": ["aws:SourceAccount"]},
    "vpc-flow-logs.amazonaws.com": {
        "StringEquals": ["aws:SourceAccount"],
        "ArnLike": ["aws:SourceArn"],
    },
}


def _asked(statement: dict[str, Any]) -> dict[str, list[str]]:
    """Operator -> keys of a trust statement."""
    return {operator: sorted(keys) for operator, keys in statement.get("Condition", {}).items()}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_platform_admits_the_services_that_each_role_names(environment: str) -> None:
    """The emulator's own decision, with what each service is documented to send."""
    for stack, logical_id, role in resources(environment, "AWS::IAM::Role"):
        text = json.dumps(role["Properties"]["AssumeRolePolicyDocument"])
        trust = json.loads(text.replace('{"Ref": "AWS::AccountId"}', f'"{ACCOUNT}"'))
        for statement in trust["Statement"]:
            statement["Condition"] = _joined(statement.get("Condition", {}))
        service = trust["Statement"][0]["Principal"]["Service"]
        source = (
            f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/millrace-flights-{environment}-management"
        )
        of_trail = source if service.startswith("cloudtrail") else ""
        keys = role_trust.said(service, ACCOUNT, REGION, of_trail)
        reason = role_trust.refusal(trust, "", service, keys)
        assert reason == "", f"{stack}.{logical_id} ({service}): {reason}"


ACCOUNT, REGION = "123456789012", "eu-west-1"


def _joined(value: Any) -> Any:
    if isinstance(value, dict) and "Fn::Join" in value:
        return value["Fn::Join"][0].join(value["Fn::Join"][1])
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    return value
