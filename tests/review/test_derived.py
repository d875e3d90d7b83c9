"""What the review derives: reachability, keys, exceptions of checkers, what a run exercised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.required_grants import GrantTable, RequiredGrant, conditions_of
from review.classified import columns
from review.concrete import literal, without_stack_outputs
from review.encryption import encryption_map
from review.exercised import exercise
from review.iam import roles
from review.page.picture import picture
from review.reachability import INTERNET, reachability
from review.resolve import text
from review.tools.model import EXCEPTIONS, ToolFinding, ToolRun, exceptions, excused, unused
from tests.support.planted_deployment import Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def _endpoint(deployment: Deployment, group: str) -> None:
    deployment.resources["Logs"] = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "ServiceName": "com.amazonaws.eu-west-1.logs",
            "VpcEndpointType": "Interface",
            "SecurityGroupIds": [{"Ref": group}],
        },
    }
    deployment.resources[group] = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"SecurityGroupEgress": []},
    }


def test_a_connection_needs_a_rule_on_both_sides(deployment: Deployment) -> None:
    _endpoint(deployment, "Services")
    assert reachability(deployment.assembly).ports == {}
    deployment.properties("Services")["SecurityGroupIngress"] = [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}
    ]
    assert reachability(deployment.assembly).ports == {("lake/Group", "logs"): "tcp 443"}
    deployment.properties("Services")["SecurityGroupIngress"][0] |= {"FromPort": 22, "ToPort": 22}
    assert reachability(deployment.assembly).ports == {}


def test_the_internet_needs_a_way_out(deployment: Deployment) -> None:
    deployment.resources["Out"] = {"Type": "AWS::EC2::NatGateway", "Properties": {}}
    found = reachability(deployment.assembly)
    assert found.ports == {("lake/Group", INTERNET): "tcp 443"}
    assert "reached by lake/Group" in picture(found)
    assert "no gateway, no route" in picture(reachability(Deployment().assembly))


def test_the_key_of_another_stack_is_named_and_none_is_flagged(deployment: Deployment) -> None:
    assert [(s.name, s.key) for s in encryption_map(deployment.assembly)] == [
        ("lake/Bucket", "keys/Key")
    ]
    del deployment.properties("Bucket")["BucketEncryption"]
    (store,) = encryption_map(deployment.assembly)
    assert (store.key, store.reason, store.ours) == ("service-owned", "", False)


def test_classified_fields_come_first_with_their_treatment(deployment: Deployment) -> None:
    first, second = columns(deployment.contract, [])
    assert (first.name, first.classified) == ("tail", True)
    assert first.treatment.startswith("keyed pseudonym")
    assert (second.name, second.classified) == ("id", False)


def test_references_become_names_or_literals(deployment: Deployment) -> None:
    output = {"Fn::GetStackOutput": {"StackName": "Example-keys", "OutputName": "KeyArn"}}
    assembly = deployment.assembly
    assert text(assembly, "lake", output) == "<keys/Key>"
    arn = "arn:aws:kms:eu-west-1:111122223333:key/Key"
    assert without_stack_outputs(assembly, {"a": [output]}) == {"a": [arn]}
    joined = {"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/x"]]}
    assert literal(assembly, "lake", joined) == "arn:aws:s3:::bucket/x"


def test_an_exception_covers_its_rule_on_its_resource_only(deployment: Deployment) -> None:
    entry = {"finding": "checkov:CKV_1", "constraint": "a", "evidence": "b", "control": "c"}
    deployment.resource("Bucket")["Metadata"] = {EXCEPTIONS: [entry]}
    deployment.resource("Function")["Metadata"] = {EXCEPTIONS: [entry]}
    found = [
        ToolFinding("checkov", rule, "title", "lake", logical_id, f"lake/{logical_id}")
        for rule, logical_id in (("CKV_1", "Bucket"), ("CKV_2", "Bucket"), ("CKV_1", "Role"))
    ]
    known = list(exceptions(deployment.assembly))
    run = ToolRun("checkov", "1", "", tuple(excused(found, known)))
    assert [(f.rule, f.name) for f in run.open] == [
        ("CKV_1", "lake/Role"), ("CKV_2", "lake/Bucket"),
    ]  # fmt: skip
    assert [entry.name for entry in unused([run], known)] == ["lake/Function"]


def test_a_run_says_what_was_exercised_and_its_absence_is_told(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assembly, folder = deployment.assembly, tmp_path_factory.mktemp("demo")
    statement = deployment.properties("Policy")["PolicyDocument"]["Statement"][0]
    statement["Action"] = [
        "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload",
        "s3:DeleteObject",
    ]  # fmt: skip
    assert exercise(assembly, roles(assembly), folder) is None
    _record(folder)
    table = GrantTable((_entry(*statement["Action"]),), (), {})
    found = exercise(assembly, roles(assembly), folder, table)
    assert found is not None
    assert found.roles[0].actions == {
        "s3:AbortMultipartUpload": "listed",
        "s3:DeleteObject": "listed",
        "s3:GetObject": "exercised",
        "s3:ListBucket": "unused",
        "s3:PutObject": "listed",
    }
    listed = found.roles[0].listed["s3:PutObject"]
    assert (listed.integration, listed.why) == ("Planted", "because")


def test_an_action_is_listed_only_if_every_statement_of_it_fits(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The record says nothing of the role: another setting, or a later commit."""
    folder = tmp_path_factory.mktemp("demo")
    _record(folder, "Other")
    document = deployment.properties("Policy")["PolicyDocument"]
    statement = document["Statement"][0]
    statement["Action"] = ["s3:PutObject", "s3:DeleteObject"]
    document["Statement"].append(statement | {"Action": "s3:DeleteObject", "Resource": "*"})
    table = GrantTable((_entry("s3:PutObject", "s3:DeleteObject"),), (), {})
    assembly = deployment.assembly
    found = exercise(assembly, roles(assembly), folder, table)
    assert found is not None
    assert found.roles[0].actions == {"s3:DeleteObject": "not run", "s3:PutObject": "listed"}


def _entry(*actions: str) -> RequiredGrant:
    """What the planted policy grants below ``in/`` of its bucket."""
    return RequiredGrant(
        integration="Planted",
        principal="lambda.amazonaws.com",
        actions=actions,
        resources=("arn:{partition}:s3:::{bucket}/in/*",),
        conditions=conditions_of({"StringEquals": {"aws:ResourceAccount": "1"}}),
        page="https://docs.aws.amazon.com/",
        why="because",
    )


def _record(folder: Path, logical_id: str = "Role") -> None:
    role = {
        "stack": "lake", "logical_id": logical_id, "exercised": ["s3:GetObject"],
        "listed": {"s3:PutObject": "https://docs.aws.amazon.com/"}, "unused": ["s3:ListBucket"],
    }  # fmt: skip
    document = {"started": "then", "commit": "c", "calls": 1, "denied": 0, "roles": [role]}
    (folder / "iam.json").write_text(json.dumps(document))
