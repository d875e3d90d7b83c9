"""Each planted change gets the class that says what it can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from review import facts
from review.changes import BLOCKING, WHAT_TO_DO, blocking, compare
from review.findings import Acknowledgement
from tests.support.planted_deployment import Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def statement(deployment: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = deployment.properties("Policy")["PolicyDocument"]["Statement"][0]
    return found


def test_nothing_changed_is_nothing(deployment: Deployment) -> None:
    assert deployment.changes() == []


def _share_from_another_stack(deployment: Deployment) -> None:
    """The role's policy moves into the stack before, and the role attaches it by an output."""
    keys, policy = deployment.templates["keys"], deployment.resources.pop("Policy")
    del policy["Properties"]["Roles"]
    (granted,) = policy["Properties"]["PolicyDocument"]["Statement"]
    granted["Resource"] = "<lake/Bucket>/in/*"
    keys["Resources"]["Shared"] = policy
    keys["Outputs"]["SharedArn"] = {"Value": {"Ref": "Shared"}}
    output = {"StackName": "Example-keys", "OutputName": "SharedArn"}
    deployment.properties("Role")["ManagedPolicyArns"] = [{"Fn::GetStackOutput": output}]


def test_a_policy_that_becomes_a_shared_one_changes_nobodys_privileges(
    deployment: Deployment,
) -> None:
    _share_from_another_stack(deployment)
    assert deployment.kinds() == set()


def test_attaching_a_shared_policy_is_a_widened_privilege(deployment: Deployment) -> None:
    _share_from_another_stack(deployment)
    trust = deployment.properties("Role")["AssumeRolePolicyDocument"]
    attached = deployment.properties("Role")["ManagedPolicyArns"]
    alone = {"AssumeRolePolicyDocument": trust}
    deployment.resources["Other"] = {"Type": "AWS::IAM::Role", "Properties": alone}
    before = deployment.facts()
    alone["ManagedPolicyArns"] = attached
    (change,) = compare(before, deployment.facts())
    assert change.kind == "widened privilege"
    assert "s3:GetObject" in change.detail


def _more_action(s: dict[str, Any]) -> None:
    s["Action"].append("s3:PutObject")


def _wildcard_action(s: dict[str, Any]) -> None:
    s["Action"] = ["s3:*"]


def _wildcard_resource(s: dict[str, Any]) -> None:
    s["Resource"] = "*"


def _shorter_prefix(s: dict[str, Any]) -> None:
    s["Resource"] = {"Fn::Sub": "${Bucket.Arn}/*"}


def _no_condition(s: dict[str, Any]) -> None:
    del s["Condition"]


def _more_accounts(s: dict[str, Any]) -> None:
    s["Condition"]["StringEquals"]["aws:ResourceAccount"] = ["1", "2"]


def _not_action(s: dict[str, Any]) -> None:
    s["NotAction"] = s.pop("Action")


@pytest.mark.parametrize(
    "widen",
    [
        _more_action,
        _wildcard_action,
        _wildcard_resource,
        _shorter_prefix,
        _no_condition,
        _more_accounts,
        _not_action,
    ],
)
def test_a_wider_statement_is_a_widened_privilege(
    deployment: Deployment, widen: Callable[[dict[str, Any]], None]
) -> None:
    widen(statement(deployment))
    found = [c for c in deployment.changes() if c.kind == "widened privilege"]
    assert [c.subject for c in found] == ["lake/Role (identity)"]
    assert blocking(deployment.changes())


@pytest.mark.parametrize(
    "narrow",
    [
        lambda s: s.update(Resource={"Fn::Sub": "${Bucket.Arn}/in/today/*"}),
        lambda s: s["Condition"].update(Bool={"aws:ViaAWSService": "true"}),
    ],
)
def test_a_narrower_statement_blocks_nothing(
    deployment: Deployment, narrow: Callable[[dict[str, Any]], None]
) -> None:
    narrow(statement(deployment))
    assert deployment.kinds() == {"narrowed"}
    assert blocking(deployment.changes()) == []


def test_a_denial_that_is_gone_or_narrower_widens(deployment: Deployment) -> None:
    deny = deployment.properties("BucketPolicy")["PolicyDocument"]["Statement"][0]
    deny["Condition"]["StringEquals"] = {"aws:PrincipalAccount": "1"}
    assert "widened privilege" in deployment.kinds()
    deny.clear()
    deny.update(Effect="Allow", Action="s3:GetObject", Principal="*", Resource="*")
    details = [c.detail for c in deployment.changes() if c.kind == "widened privilege"]
    assert any(detail.startswith("no longer denies s3:*") for detail in details)
    assert any(detail.startswith("allows s3:GetObject on * to *") for detail in details)


def test_a_new_trusted_principal_and_a_lost_boundary_widen(deployment: Deployment) -> None:
    trust = deployment.properties("Role")["AssumeRolePolicyDocument"]["Statement"][0]
    trust["Principal"] = {"Service": ["lambda.amazonaws.com", "glue.amazonaws.com"]}
    del deployment.properties("Role")["PermissionsBoundary"]
    details = {c.detail for c in deployment.changes() if c.kind == "widened privilege"}
    assert details == {
        "allows sts:AssumeRole to glue.amazonaws.com",
        "has no permissions boundary",
    }


@pytest.mark.parametrize(
    "kind, rule",
    [
        ("SecurityGroupIngress", {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}),
        ("SecurityGroupEgress", {"IpProtocol": "-1"}),
    ],
)
def test_a_new_rule_of_a_security_group_opens_the_network(
    deployment: Deployment, kind: str, rule: dict[str, Any]
) -> None:
    deployment.properties("Group").setdefault(kind, []).append({**rule, "CidrIp": "0.0.0.0/0"})
    assert deployment.kinds() == {"opened network"}
    assert [c.subject for c in blocking(deployment.changes())] == ["lake/Group"]


def test_a_narrower_range_of_a_known_rule_opens_nothing(deployment: Deployment) -> None:
    deployment.properties("Group")["SecurityGroupEgress"][0]["CidrIp"] = "10.0.0.0/16"
    assert deployment.kinds() == {"narrowed"}


def _internet_gateway(deployment: Deployment) -> None:
    deployment.resources["Out"] = {"Type": "AWS::EC2::InternetGateway", "Properties": {}}


def _outside_the_vpc(deployment: Deployment) -> None:
    del deployment.properties("Function")["VpcConfig"]


def _public_bucket(deployment: Deployment) -> None:
    block = deployment.properties("Bucket")["PublicAccessBlockConfiguration"]
    block["RestrictPublicBuckets"] = False


def _function_url(deployment: Deployment) -> None:
    deployment.resources["Url"] = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}


def _copy_elsewhere(deployment: Deployment) -> None:
    deployment.properties("Bucket")["ReplicationConfiguration"] = {
        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::theirs", "Account": "9"}}]
    }


@pytest.mark.parametrize(
    "open_up",
    [_internet_gateway, _outside_the_vpc, _public_bucket, _function_url, _copy_elsewhere],
)
def test_other_ways_in_and_out_open_the_network(
    deployment: Deployment, open_up: Callable[[Deployment], None]
) -> None:
    open_up(deployment)
    assert "opened network" in deployment.kinds()


def test_a_removed_bucket_is_data_loss(deployment: Deployment) -> None:
    del deployment.resources["Bucket"]
    assert {"data loss"} <= deployment.kinds()
    assert "AWS::S3::Bucket is gone" in next(
        c.detail for c in deployment.changes() if c.kind == "data loss"
    )


def test_a_changed_logical_id_of_a_bucket_is_a_moved_logical_id(deployment: Deployment) -> None:
    deployment.resources["Bucket2"] = deployment.resources.pop("Bucket")
    found = [c for c in deployment.changes() if c.kind == "moved logical id"]
    assert [c.detail for c in found] == ["AWS::S3::Bucket: lake.Bucket → lake.Bucket2"]
    assert "data loss" not in deployment.kinds()


def test_lost_retention_and_a_create_only_property_are_data_loss(deployment: Deployment) -> None:
    deployment.resource("Bucket")["UpdateReplacePolicy"] = "Delete"
    deployment.properties("Bucket")["BucketName"] = "two"
    details = [c.detail for c in deployment.changes() if c.kind == "data loss"]
    assert details == ["replaced: BucketName one → two", "retention: Retain → Delete/Retain"]


def _named(deployment: Deployment, logical_id: str, **properties: Any) -> None:
    deployment.resources[logical_id] = {
        "Type": "AWS::SageMaker::EndpointConfig",
        "Properties": {"EndpointConfigName": "serving", **properties},
    }


def test_a_replacement_that_keeps_a_given_name_is_refused_with_what_to_do(
    deployment: Deployment,
) -> None:
    _named(deployment, "Config", KmsKeyId="one")
    before = deployment.facts()
    deployment.properties("Config")["KmsKeyId"] = "two"
    (change,) = compare(before, deployment.facts())
    assert (change.kind, change.detail) == (
        "name taken", "serving is replaced: KmsKeyId one → two",
    )  # fmt: skip
    assert blocking([change])
    deployment.properties("Config")["EndpointConfigName"] = "serving-2"
    assert compare(before, deployment.facts()) == []


def test_a_new_logical_id_with_the_old_one_s_name_is_refused(deployment: Deployment) -> None:
    _named(deployment, "Config")
    before = deployment.facts()
    del deployment.resources["Config"]
    _named(deployment, "Other")
    (change,) = compare(before, deployment.facts())
    assert (change.kind, change.subject) == ("name taken", "lake/Other")


def _serve(
    deployment: Deployment, names: str, shadow: str = "", *, guarded: bool, logical_id: str = "One"
) -> Deployment:
    """An endpoint; each letter of ``names`` and ``shadow`` is a variant."""
    lists = {"ProductionVariants": names, "ShadowProductionVariants": shadow}
    config = {key: [{"VariantName": n} for n in given] for key, given in lists.items() if given}
    properties: dict[str, Any] = {
        "EndpointConfigName": {"Fn::GetAtt": [logical_id, "EndpointConfigName"]}
    }
    if guarded:
        properties["DeploymentConfig"] = {"BlueGreenUpdatePolicy": {}}
    deployment.resources[logical_id] = {
        "Type": "AWS::SageMaker::EndpointConfig", "Properties": config,
    }  # fmt: skip
    deployment.resources["Endpoint"] = {
        "Type": "AWS::SageMaker::Endpoint", "Properties": properties,
    }  # fmt: skip
    return deployment


@pytest.mark.parametrize(
    ("before", "now", "part"),
    [
        (("a", "", True), ("ab", "", True), "a → a, b: the update is refused"),
        (("ab", "", True), ("a", "", True), "a, b → a: the update is refused"),
        (("a", "", True), ("b", "", True), "a → b: the update is refused"),
        (("ab", "", True), ("a", "b", True), "a, b → a with shadow b: the update is refused"),
        (("a", "", False), ("ab", "", True), "the update is refused"),
        (("a", "", True), ("ab", "", False), "the way back from a deploy that fails is refused"),
        (("a", "", False), ("ab", "", False), ""),
        (("ab", "", True), ("ba", "", True), ""),
        (("ab", "", False), ("ab", "", True), ""),
    ],
)
def test_variants_change_only_without_a_guard_on_either_side(
    before: tuple[str, str, bool], now: tuple[str, str, bool], part: str
) -> None:
    old, new = (
        _serve(Deployment(), names, shadow, guarded=guarded, logical_id=logical_id).facts()
        for (names, shadow, guarded), logical_id in ((before, "One"), (now, "Two"))
    )
    changes = [c for c in compare(old, new) if c.kind == "refused update"]
    assert [c.subject for c in blocking(changes)] == (["lake/Endpoint"] if part else [])
    assert all(part in c.detail for c in changes)


def test_an_endpoint_that_loses_its_guard_is_told_and_passes() -> None:
    old, new = (_serve(Deployment(), "ab", guarded=g).facts() for g in (True, False))
    assert [(c.kind, c.subject) for c in compare(old, new)] == [("breaking", "lake/Endpoint")]
    assert blocking(compare(old, new)) == []


def test_what_is_lost_or_refused_says_what_to_do() -> None:
    told = {"data loss", "moved logical id", "name taken", "refused update"}
    assert told == set(WHAT_TO_DO) <= set(BLOCKING)


def test_a_changed_promise_is_breaking(deployment: Deployment) -> None:
    deployment.contract["event"]["fields"][1]["required"] = True
    deployment.contract["event"]["fields"][0]["name"] = "identifier"
    breaking = {c.subject for c in deployment.changes() if c.kind == "breaking"}
    assert breaking == {"field event.tail", "field event.id", "field event.identifier"}


def test_a_new_acknowledgement_is_one(deployment: Deployment) -> None:
    deployment.acknowledgements.append(
        Acknowledgement("AwsSolutions-S1", "lake/Bucket", "why", "AWS::S3::Bucket")
    )
    assert [(c.kind, c.subject, c.detail) for c in deployment.changes()] == [
        ("new acknowledgement", "lake/Bucket", "AwsSolutions-S1")
    ]


def test_a_cheap_resource_more_is_an_unnamed_count(deployment: Deployment) -> None:
    deployment.resources["Alarm"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": {}}
    assert [str(c) for c in blocking(deployment.changes())] == [
        "resource count: AWS::CloudWatch::Alarm: 0 → 1"
    ]


def test_a_baseline_that_was_written_is_read_back_whole(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    deployment.acknowledgements.append(
        Acknowledgement("AwsSolutions-S1", "lake/Bucket", "why", "AWS::S3::Bucket")
    )
    _serve(deployment, "ab", "c", guarded=True)
    path = tmp_path_factory.mktemp("baseline") / "planted.baseline.yaml"
    facts.write(deployment.facts(), path)
    assert facts.read(path) == deployment.facts()
    first = path.read_bytes()
    again = Deployment(acknowledgements=deployment.acknowledgements)
    facts.write(_serve(again, "ab", "c", guarded=True).facts(), path)
    assert path.read_bytes() == first
