"""Deployed policies decide: identity policies, boundaries, key policies, service roles, targets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import iam_report
from local.platform import Platform
from tests.support.probe_stack import (
    Template,
    allow,
    deploy,
    deployed,
    failure_reasons,
    function,
    objects,
    role,
    trust,
    wait_for,
)

STACK = "permissions"
OBJECTS = {"Fn::Sub": "${Bucket.Arn}/*"}


def _key(*denied: dict[str, Any]) -> dict[str, Any]:
    root = {
        "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    }  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [root, *denied]}
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}


def _bucket(key: str | None = None, *, bucket_key: bool = True) -> dict[str, Any]:
    properties: dict[str, Any] = {"VersioningConfiguration": {"Status": "Suspended"}}
    if key:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]}}
        rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
        properties["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [rule]}
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def _caller(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    entry = role("lambda.amazonaws.com", *statements)
    document = entry["Properties"]["AssumeRolePolicyDocument"]
    account = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}
    document["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    )
    entry["Properties"] |= more
    return entry


def _template() -> Template:
    key_arn = {"Fn::GetAtt": ["Key", "Arn"]}
    put = allow(["s3:PutObject", "s3:GetObject"], OBJECTS)
    boundary = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow(["s3:Get*"], "*")]}
        },
    }
    resources: dict[str, Any] = {
        "Key": _key(),
        "Bucket": _bucket("Key"),
        "WithKey": _caller(put, allow(["kms:GenerateDataKey", "kms:Decrypt"], key_arn)),
        "WithoutKey": _caller(put),
        "OnlyDecrypt": _caller(put, allow(["kms:Decrypt"], key_arn)),
        "Boundary": boundary,
        "Bounded": _caller(put, allow(["kms:*"], key_arn), PermissionsBoundary={"Ref": "Boundary"}),
        "FnRole": role("lambda.amazonaws.com", allow(["kms:*"], key_arn)),
        "Fn": function("FnRole", {"BUCKET": {"Ref": "Bucket"}}),
    }
    names = ("WithKey", "WithoutKey", "OnlyDecrypt", "Bounded")
    listed = {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in names}
    return {
        "Resources": resources,
        "Outputs": listed
        | {"Bucket": {"Value": {"Ref": "Bucket"}}, "Fn": {"Value": {"Ref": "Fn"}}},
    }


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    """Roles that differ in one permission each."""
    with deployed(platform, STACK, _template()) as found:
        yield found


def _put(platform: Platform, stack: dict[str, str], name: str) -> str:
    client = platform.client("s3", platform.assume(stack[name]))
    try:
        client.put_object(Bucket=stack["Bucket"], Key=f"{name}.txt", Body=b"data")
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return "ok"


@pytest.mark.proves("AWS::IAM::Role")
def test_writing_an_encrypted_object_needs_the_key(
    platform: Platform, stack: dict[str, str]
) -> None:
    assert _put(platform, stack, "WithKey") == "ok"
    refused = _put(platform, stack, "WithoutKey")
    assert refused.startswith("AccessDenied")
    assert "kms:GenerateDataKey" in refused
    assert "kms:GenerateDataKey" in _put(platform, stack, "OnlyDecrypt")


def test_reading_an_encrypted_object_needs_decrypt(
    platform: Platform, stack: dict[str, str]
) -> None:
    assert _put(platform, stack, "WithKey") == "ok"
    request = {"Bucket": stack["Bucket"], "Key": "WithKey.txt"}
    reader = platform.client("s3", platform.assume(stack["OnlyDecrypt"]))
    assert reader.get_object(**request)["Body"].read() == b"data"
    stranger = platform.client("s3", platform.assume(stack["WithoutKey"]))
    with pytest.raises(ClientError, match="kms:Decrypt"):
        stranger.get_object(**request)


def _for_context(named: str) -> dict[str, Any]:
    """A caller that may use the key for one encryption context only."""
    context = {"kms:EncryptionContext:aws:s3:arn": {"Fn::Sub": named}}
    use = allow(["kms:GenerateDataKey"], {"Fn::GetAtt": ["Key", "Arn"]})
    objects = [{"Fn::Sub": f"${{{name}.Arn}}/*"} for name in ("With", "Without")]
    return _caller(allow(["s3:PutObject"], objects), use | {"Condition": {"StringLike": context}})


@pytest.mark.proves("AWS::S3::Bucket")
def test_the_context_is_the_bucket_with_a_bucket_key_and_the_object_without(
    platform: Platform,
) -> None:
    buckets = {
        "With": _bucket("Key", bucket_key=True),
        "Without": _bucket("Key", bucket_key=False),
    }
    callers = {
        f"{form}{name}": _for_context(f"${{{name}.Arn}}{suffix}")
        for name in buckets
        for form, suffix in (("Bucket", ""), ("Object", "/*"))
    }
    outputs = {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in callers}
    outputs |= {f"{name}Bucket": {"Value": {"Ref": name}} for name in buckets}
    template = {"Resources": {"Key": _key(), **buckets, **callers}, "Outputs": outputs}
    with deployed(platform, "contexts", template) as found:
        for form, name in (("Bucket", "With"), ("Object", "Without")):
            other = "Object" if form == "Bucket" else "Bucket"
            place = {"WithKey": found[f"{form}{name}"], "Bucket": found[f"{name}Bucket"]}
            assert _put(platform, place, "WithKey") == "ok"
            place["WithKey"] = found[f"{other}{name}"]
            assert "kms:GenerateDataKey" in _put(platform, place, "WithKey")


@pytest.mark.proves("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
def test_a_permissions_boundary_limits_its_role(platform: Platform, stack: dict[str, str]) -> None:
    assert _put(platform, stack, "WithKey") == "ok"
    assert _put(platform, stack, "Bounded").startswith("AccessDenied")


def test_a_lambda_runs_as_its_role_and_no_further(
    platform: Platform, stack: dict[str, str]
) -> None:
    client = platform.client("lambda")
    answer = json.loads(client.invoke(FunctionName=stack["Fn"], Payload=b"{}")["Payload"].read())
    assert ":assumed-role/permissions-FnRole" in answer["arn"]
    denied = client.invoke(FunctionName=stack["Fn"], Payload=b'{"put": "x"}')
    assert "AccessDenied" in denied["Payload"].read().decode()
    assert "x" not in objects(platform, stack["Bucket"])


def test_decisions_are_recorded_and_joined_with_grants(
    platform: Platform, stack: dict[str, str]
) -> None:
    _put(platform, stack, "WithKey")
    _put(platform, stack, "WithoutKey")

    def report() -> dict[str, Any] | None:
        found = iam_report.report(platform)
        denied = {(entry["principal"], entry["action"]) for entry in found["denied"]}
        name = stack["WithoutKey"].rsplit("/", 1)[-1]
        return found if (name, "kms:GenerateDataKey") in denied else None

    found = wait_for(report, 10, "the recorded denial")
    holder = stack["WithKey"].rsplit("/", 1)[-1]
    used = {grant["action"] for grant in found["used_grants"] if grant["role"] == holder}
    unused = {grant["action"] for grant in found["unused_grants"] if grant["role"] == holder}
    assert {"s3:PutObject", "kms:GenerateDataKey"} <= used
    assert not used & unused


def _event_template(*, permitted: bool) -> Template:
    resources: dict[str, Any] = {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["probe"]},
                "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
            },
        },
    }
    if permitted:
        statement = {
            "Effect": "Allow", "Action": "sqs:SendMessage",
            "Principal": {"Service": "events.amazonaws.com"},
            "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
            "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}},
        }  # fmt: skip
        resources["Policy"] = {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            },
        }
    return {"Resources": resources, "Outputs": {"Url": {"Value": {"Ref": "Queue"}}}}


@pytest.mark.proves("AWS::SQS::QueuePolicy")
def test_eventbridge_reaches_a_queue_only_when_its_policy_admits_it(platform: Platform) -> None:
    events, sqs = platform.client("events"), platform.client("sqs")

    def send(detail: str) -> None:
        entry = {"Source": "probe", "DetailType": "probe", "Detail": json.dumps({"n": detail})}
        events.put_events(Entries=[entry])

    with deployed(platform, "events", _event_template(permitted=False)) as found:
        send("refused")
        deploy(platform, "events", _event_template(permitted=True))
        send("admitted")

        def received() -> list[str] | None:
            answer = sqs.receive_message(QueueUrl=found["Url"], MaxNumberOfMessages=10)
            return [json.loads(m["Body"])["detail"]["n"] for m in answer.get("Messages", [])]

        assert wait_for(received, 10, "the admitted event") == ["admitted"]


GROUP = "arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:model-package-group/"


def _package_group(word: str) -> Template:
    group = {
        "Type": "AWS::SageMaker::ModelPackageGroup",
        "Properties": {"ModelPackageGroupName": f"probe-{word}"},
    }
    return {"Resources": {"Group": group}}


@pytest.mark.parametrize(("word", "works"), [("mine", True), ("other", False)])
def test_a_stack_acts_with_its_service_role(platform: Platform, word: str, works: bool) -> None:
    if "AWS::SageMaker::ModelPackageGroup" not in _known_types(platform):
        pytest.skip("the SageMaker service is not attached")
    allowed = allow(
        ["sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackageGroup"],
        {"Fn::Sub": f"{GROUP}probe-mine"},
    )
    service = role("cloudformation.amazonaws.com", allowed)
    template = {
        "Resources": {"Role": service},
        "Outputs": {"Role": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }
    client = platform.client("cloudformation")
    name = f"acts-{word}"
    with deployed(platform, f"{name}-role", template) as found:
        client.create_stack(
            StackName=name, TemplateBody=json.dumps(_package_group(word)), RoleARN=found["Role"]
        )

        def settled() -> str | None:
            status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            return None if status.endswith("IN_PROGRESS") else str(status)

        status = wait_for(settled, 30, "the stack")
        reasons = failure_reasons(platform, name)
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name)
    assert status == ("CREATE_COMPLETE" if works else "ROLLBACK_COMPLETE")
    assert works or any("sagemaker:CreateModelPackageGroup" in reason for reason in reasons)


def _known_types(platform: Platform) -> str:
    return (platform.state_dir / "emulator.log").read_text() and "\n".join(
        ["AWS::SageMaker::ModelPackageGroup"]
        if "local.services.sagemaker" in (platform.state_dir / "emulator.log").read_text()
        else []
    )


def test_a_role_that_does_not_trust_cloudformation_is_refused(platform: Platform) -> None:
    iam = platform.client("iam")
    document = json.dumps(trust("lambda.amazonaws.com"))
    arn = iam.create_role(RoleName="not-cfn", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    client = platform.client("cloudformation")
    topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    with pytest.raises(ClientError, match="trust policy"):
        client.create_stack(StackName="nope", TemplateBody=json.dumps(topic), RoleARN=arn)
    iam.delete_role(RoleName="not-cfn")
