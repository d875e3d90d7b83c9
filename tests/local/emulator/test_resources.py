"""Types called executed act on their properties, and updates and deletes mean what AWS means."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, WaiterError

from config.resource_types import Local, ResourceType
from local.emulator import classification
from local.platform import Platform
from tests.support.probe_stack import (
    Template,
    allow,
    deploy,
    deployed,
    empty_bucket,
    failure_reasons,
    function,
    role,
)

LARGEST_BODY, RATE_LIMIT = 500, 12


def _visibility(name: str) -> dict[str, Any]:
    return {
        "CloudWatchMetricsEnabled": True, "MetricName": name, "SampledRequestsEnabled": False,
    }  # fmt: skip


def _rule(name: str, priority: int, statement: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": name, "Priority": priority, "Action": {"Block": {}}, "Statement": statement,
        "VisibilityConfig": _visibility(name),
    }  # fmt: skip


def _web_acl(**properties: Any) -> dict[str, Any]:
    size = {
        "FieldToMatch": {"Body": {"OversizeHandling": "MATCH"}},
        "ComparisonOperator": "GT", "Size": LARGEST_BODY,
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
    }  # fmt: skip
    rate = {"AggregateKeyType": "IP", "Limit": RATE_LIMIT, "EvaluationWindowSec": 60}
    rules = [
        _rule("size", 1, {"SizeConstraintStatement": size}),
        _rule("rate", 2, {"RateBasedStatement": rate}),
    ]
    return {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "Rules": rules,
            "VisibilityConfig": _visibility("acl"),
            **properties,
        },
    }


def _api_template(*, permitted: bool = True) -> Template:
    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"
    resources: dict[str, Any] = {
        "FnRole": role("lambda.amazonaws.com"),
        "Fn": function("FnRole"),
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "probe"}},
        "Method": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                "HttpMethod": "POST",
                "AuthorizationType": "AWS_IAM",
                "Integration": {
                    "Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": uri},
                },
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment", "DependsOn": "Method",
            "Properties": {"RestApiId": {"Ref": "Api"}},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"},
                "StageName": "v1",
            },
        },
        "Acl": _web_acl(),
        "Guard": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "DependsOn": "Stage",
            "Properties": {
                "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]},
                "ResourceArn": {
                    "Fn::Sub": "arn:aws:apigateway:${AWS::Region}::/restapis/${Api}/stages/v1"
                },
            },
        },
    }  # fmt: skip
    if permitted:
        source = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/v1/POST/*"
        resources["Permission"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Fn::GetAtt": ["Fn", "Arn"]},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": source},
            },
        }
    return {"Resources": resources, "Outputs": {"Api": {"Value": {"Ref": "Api"}}}}


def _post(platform: Platform, api: str, body: str) -> int:
    assert platform.info is not None
    info = platform.info
    url = f"{info.endpoint}/_aws/execute-api/{api}/v1/"
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    keys = Credentials(info.access_key_id, info.secret_access_key)
    SigV4Auth(keys, "execute-api", info.region).add_auth(request)
    headers = dict(request.headers)
    answer = requests.post(url, data=body, headers=headers, verify=info.certificate, timeout=30)
    return answer.status_code


def test_the_web_acl_blocks_large_bodies_and_floods(platform: Platform) -> None:
    with deployed(platform, "waf", _api_template()) as found:
        # The probe's answer has no statusCode, which API Gateway turns into 200 or 502;
        # what matters is that the ACL lets it through.
        assert _post(platform, found["Api"], "{}") != 403
        assert _post(platform, found["Api"], "x" * (LARGEST_BODY + 1)) == 403
        answers = [_post(platform, found["Api"], "{}") for _ in range(RATE_LIMIT + 3)]
    assert answers[0] != 403
    assert answers[-1] == 403


def _inspected(limit: str) -> dict[str, Any]:
    return {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": limit}}}


def _limited_acl(**properties: Any) -> Template:
    return {
        "Resources": {"Acl": _web_acl(**properties)},
        "Outputs": {"Ref": {"Value": {"Ref": "Acl"}}},
    }


def _association(platform: Platform, found: dict[str, str]) -> Any:
    name, acl_id, scope = found["Ref"].split("|")
    acl = platform.client("wafv2").get_web_acl(Name=name, Id=acl_id, Scope=scope)["WebACL"]
    return acl.get("AssociationConfig")


def test_a_web_acl_keeps_how_much_of_a_body_it_inspects(platform: Platform) -> None:
    largest, smaller = _inspected("KB_64"), _inspected("KB_32")
    with deployed(platform, "limit", _limited_acl(AssociationConfig=largest)) as found:
        assert _association(platform, found) == largest
        for properties, wanted in (({"AssociationConfig": smaller}, smaller), ({}, None)):
            updated = deploy(platform, "limit", _limited_acl(**properties))
            assert _association(platform, updated) == wanted


def test_api_gateway_needs_the_functions_permission(platform: Platform) -> None:
    with deployed(platform, "permission", _api_template(permitted=False)) as found:
        assert _post(platform, found["Api"], "{}") == 500


def _custom(word: str) -> Template:
    return {
        "Resources": {
            "FnRole": role("lambda.amazonaws.com"),
            "Fn": function("FnRole"),
            "Custom": {
                "Type": "Custom::Probe",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Fn", "Arn"]}, "Word": word},
            },
        },
        "Outputs": {"Echo": {"Value": {"Fn::GetAtt": ["Custom", "Echo"]}}},
    }


@pytest.mark.proves("AWS::CloudFormation::CustomResource")
def test_a_custom_resource_answers_and_its_failure_rolls_back(platform: Platform) -> None:
    with deployed(platform, "custom", _custom("ab")) as found:
        assert found["Echo"] == "abab"
        assert deploy(platform, "custom", _custom("cd"))["Echo"] == "cdcd"
        with pytest.raises(WaiterError):
            deploy(platform, "custom", _custom("fail"))
        assert "asked to fail" in failure_reasons(platform, "custom")


def _bucket(**properties: Any) -> Template:
    return {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}},
        "Outputs": {"Bucket": {"Value": {"Ref": "Bucket"}}},
    }


def test_bucket_properties_arrive_and_leave(platform: Platform) -> None:
    rule = {"Id": "old", "Status": "Enabled", "ExpirationInDays": 30, "Prefix": "raw/"}
    properties: dict[str, Any] = {
        "LifecycleConfiguration": {"Rules": [rule]},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "Tags": [{"Key": "team", "Value": "ml"}],
    }
    s3 = platform.client("s3")
    with deployed(platform, "bucket", _bucket(**properties)) as found:
        bucket = {"Bucket": found["Bucket"]}
        rules = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
        assert rules[0]["Expiration"]["Days"] == 30
        assert s3.get_bucket_tagging(**bucket)["TagSet"] == [{"Key": "team", "Value": "ml"}]
        controls = s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"]
        assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        del properties["LifecycleConfiguration"]
        deploy(platform, "bucket", _bucket(**properties))
        with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
            s3.get_bucket_lifecycle_configuration(**bucket)


def test_a_bucket_that_holds_objects_is_not_deleted(platform: Platform) -> None:
    client, s3 = platform.client("cloudformation"), platform.client("s3")
    found = deploy(platform, "full", _bucket())
    s3.put_object(Bucket=found["Bucket"], Key="kept", Body=b"data")
    client.delete_stack(StackName="full")
    with pytest.raises(WaiterError):
        client.get_waiter("stack_delete_complete").wait(
            StackName="full", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
    assert any("not empty" in reason for reason in failure_reasons(platform, "full"))
    empty_bucket(platform, found["Bucket"])
    client.delete_stack(StackName="full")
    client.get_waiter("stack_delete_complete").wait(
        StackName="full", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )


def _network(port: int) -> Template:
    vpc = {"Ref": "Vpc"}
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "probe", "VpcId": vpc},
    }
    ingress = {
        "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]}, "IpProtocol": "tcp",
        "FromPort": port, "ToPort": port, "CidrIp": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
    }  # fmt: skip
    resources: dict[str, Any] = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "Group": group,
        "Ingress": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": ingress},
        "Logs": {"Type": "AWS::Logs::LogGroup"},
        "FlowRole": role("vpc-flow-logs.amazonaws.com", allow(["logs:*"], "*")),
        "FlowLog": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": vpc, "ResourceType": "VPC", "TrafficType": "ALL",
                "LogGroupName": {"Ref": "Logs"},
                "DeliverLogsPermissionArn": {"Fn::GetAtt": ["FlowRole", "Arn"]},
            },
        },
    }  # fmt: skip
    outputs = {
        "Group": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}},
        "Rule": {"Value": {"Ref": "Ingress"}},
        "FlowLog": {"Value": {"Ref": "FlowLog"}},
    }
    return {"Resources": resources, "Outputs": outputs}


def test_a_changed_rule_is_replaced_and_the_flow_log_kept(platform: Platform) -> None:
    ec2 = platform.client("ec2")

    def ports(group: str) -> list[int]:
        described = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        return [rule["FromPort"] for rule in described["IpPermissions"]]

    with deployed(platform, "network", _network(443)) as first:
        assert ports(first["Group"]) == [443]
        second = deploy(platform, "network", _network(8443))
        assert ports(first["Group"]) == [8443]
        assert second["Rule"] != first["Rule"]
        assert second["FlowLog"] == first["FlowLog"]
        described = ec2.describe_flow_logs(FlowLogIds=[first["FlowLog"]])
        assert len(described["FlowLogs"]) == 1
    assert not ec2.describe_flow_logs(FlowLogIds=[first["FlowLog"]])["FlowLogs"]


def _admits_cloudtrail(bucket: str) -> dict[str, Any]:
    arn = {"Fn::GetAtt": [bucket, "Arn"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [arn, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}],
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"Bucket": {"Ref": bucket}, "PolicyDocument": document}
    return {"Type": "AWS::S3::BucketPolicy", "Properties": properties}


def _governance() -> Template:
    root = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": root}}
        ],
    }
    key = {"Fn::GetAtt": ["Key", "Arn"]}
    encryption = {
        "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": key},
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False},
    }
    resources: dict[str, Any] = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
        "Trails": {"Type": "AWS::S3::Bucket"},
        "TrailsPolicy": _admits_cloudtrail("Trails"),
        "Trail": {
            "Type": "AWS::CloudTrail::Trail",
            "DependsOn": "TrailsPolicy",
            "Properties": {"S3BucketName": {"Ref": "Trails"}, "IsLogging": True},
        },
        "Budget": {
            "Type": "AWS::Budgets::Budget",
            "Properties": {
                "Budget": {
                    "BudgetName": "probe", "BudgetType": "COST", "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": 10, "Unit": "USD"},
                }
            },
        },
        "Security": {
            "Type": "AWS::Glue::SecurityConfiguration",
            "Properties": {
                "Name": "probe",
                "EncryptionConfiguration": {
                    "S3Encryptions": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": key}]
                },
            },
        },
        "Catalog": {
            "Type": "AWS::Glue::DataCatalogEncryptionSettings",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DataCatalogEncryptionSettings": encryption,
            },
        },
    }  # fmt: skip
    return {"Resources": resources, "Outputs": {"Trail": {"Value": {"Ref": "Trail"}}}}


def test_emulated_types_answer_through_their_own_api(platform: Platform) -> None:
    assert platform.info is not None
    with deployed(platform, "governance", _governance()) as found:
        trail = platform.client("cloudtrail").get_trail_status(Name=found["Trail"])
        assert trail["IsLogging"]
        budgets = platform.client("budgets").describe_budgets(AccountId=platform.info.account)
        assert [b["BudgetName"] for b in budgets["Budgets"]] == ["probe"]
        glue = platform.client("glue").get_security_configuration(Name="probe")
        modes = glue["SecurityConfiguration"]["EncryptionConfiguration"]["S3Encryption"]
        assert modes[0]["S3EncryptionMode"] == "SSE-KMS"
        resources = classification.deployed_resources(platform.client("cloudformation"))
        mine = classification.summary(r for r in resources if r.stack == "governance")
        assert mine["recorded"] == 0
        assert mine["by_type"]["AWS::CloudTrail::Trail"]["names"] == ["governance/Trail"]


def test_a_glue_security_configuration_needs_its_key(platform: Platform) -> None:
    template = _governance()
    missing = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    security = template["Resources"]["Security"]["Properties"]["EncryptionConfiguration"]
    security["S3Encryptions"][0]["KmsKeyArn"] = missing
    only = {"Resources": {"Security": template["Resources"]["Security"]}}
    with pytest.raises(WaiterError):
        deploy(platform, "nokey", only)
    assert any("does not exist" in reason for reason in failure_reasons(platform, "nokey"))
    platform.client("cloudformation").delete_stack(StackName="nokey")


def test_unknown_and_wrongly_recorded_types_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(classification.UnclassifiedTypeError, match="AWS::No::Such"):
        classification.classify("AWS::No::Such")
    assert classification.classify("Custom::Anything")[0] == "executed"
    table = classification.load_table()
    recorded = [name for name, (kind, _) in table.items() if kind == "recorded"]
    assert not [name for name in recorded if name.startswith(classification.NEVER_RECORDED)]


def test_a_key_may_not_be_recorded_only() -> None:
    key = ResourceType(local=Local.model_validate({"class": "recorded", "why": "no"}))
    with pytest.raises(classification.UnclassifiedTypeError, match="may not be recorded"):
        classification.classes({"AWS::KMS::Key": key})


def _trail(**properties: Any) -> Template:
    trail = {"S3BucketName": {"Ref": "Trails"}, "IsLogging": True, **properties}
    admitted = {"Bucket": {"Ref": "Trails"}, "PolicyDocument": _admitting({"Ref": "Trails"})}
    return {
        "Resources": {
            "Trails": {"Type": "AWS::S3::Bucket"},
            "Admitted": {"Type": "AWS::S3::BucketPolicy", "Properties": admitted},
            "Trail": {
                "Type": "AWS::CloudTrail::Trail", "Properties": trail, "DependsOn": "Admitted",
            },
        }
    }  # fmt: skip


def _admitting(bucket: Any) -> dict[str, Any]:
    """What CloudTrail asks of a bucket's policy: `bucket` is a name or a reference."""
    arn = {"Fn::Join": ["", ["arn:aws:s3:::", bucket]]}
    objects = {"Fn::Join": ["", ["arn:aws:s3:::", bucket, "/AWSLogs/*"]]}
    if isinstance(bucket, str):
        arn, objects = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/AWSLogs/*"  # type: ignore[assignment]
    service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    owned = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            service | {"Action": "s3:GetBucketAcl", "Resource": arn},
            service | {"Action": "s3:PutObject", "Resource": objects, "Condition": owned},
        ],
    }


def _selected(**fields: list[str]) -> dict[str, Any]:
    selectors = [{"Field": name, "Equals": values} for name, values in fields.items()]
    return {"AdvancedEventSelectors": [{"FieldSelectors": selectors}]}


ROLE = "arn:aws:iam::123456789012:role/trail"
NO_GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:nowhere:*"
MANAGEMENT = {"eventCategory": ["Management"]}
REFUSED_TRAILS: dict[str, tuple[dict[str, Any], str]] = {
    "no category": (_selected(readOnly=["true"]), "needs eventCategory"),
    "two categories": (_selected(eventCategory=["Data", "Management"]), "trail-selector-category"),
    "data without type": (_selected(eventCategory=["Data"]), "needs one resources.type"),
    "management with type": (
        _selected(**MANAGEMENT, **{"resources.type": ["AWS::S3::Object"]}),
        "is no field of a selector of Management",
    ),
    "nothing selected": (
        {"EventSelectors": [{"IncludeManagementEvents": False}]}, "DataResources must not be empty",
    ),
    "both kinds of selectors": (
        _selected(**MANAGEMENT) | {"EventSelectors": [{"IncludeManagementEvents": True}]},
        "not both",
    ),
    "group without role": ({"CloudWatchLogsLogGroupArn": NO_GROUP}, "need one another"),
    "no such group": (
        {"CloudWatchLogsLogGroupArn": NO_GROUP, "CloudWatchLogsRoleArn": ROLE}, "that exists",
    ),
    "everywhere but globally": (
        {"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False},
        "must include global service events",
    ),
    "short name": ({"TrailName": "ab"}, "is too short"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_TRAILS)
def test_what_cloudtrail_refuses_is_refused(platform: Platform, case: str) -> None:
    properties, told = REFUSED_TRAILS[case]
    name = "trail-" + "-".join(case.split())
    with pytest.raises(WaiterError):
        deploy(platform, name, _trail(**properties))
    reasons = failure_reasons(platform, name)
    assert any(told in reason for reason in reasons), reasons


def test_a_sixth_trail_of_the_region_is_refused(platform: Platform) -> None:
    client, s3 = platform.client("cloudtrail"), platform.client("s3")
    bucket = f"trails-{uuid.uuid4().hex[:8]}"
    where = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_admitting(bucket)))
    names = [f"other-{n}" for n in range(5 - len(client.describe_trails()["trailList"]))]
    for name in names:
        client.create_trail(Name=name, S3BucketName=bucket)
    try:
        with pytest.raises(WaiterError):
            deploy(platform, "sixth-trail", _trail())
        reasons = failure_reasons(platform, "sixth-trail")
        assert any("MaximumNumberOfTrails" in reason for reason in reasons), reasons
    finally:
        for name in names:
            client.delete_trail(Name=name)
