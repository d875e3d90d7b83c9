"""A bucket that asks for a VPC endpoint answers workloads of its subnets and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support.probe_stack import Template, allow, deployed, function, role

pytestmark = pytest.mark.platform

ACCOUNT = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
OBJECTS = {"Fn::Sub": "${Bucket.Arn}/*"}
SEALED = {"Fn::Sub": "${Bucket.Arn}/sealed/*"}
FUNCTIONS = ("Inside", "Beside", "Astride", "Nowhere")


def _ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def _typed(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _network() -> dict[str, Any]:
    """Two subnets, each with a route table; the endpoint stands in the first table only."""
    passing = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    sealed = passing | {"Effect": "Deny", "Action": "s3:PutObject", "Resource": SEALED}
    found = {
        "Vpc": _typed("AWS::EC2::VPC", CidrBlock="10.9.0.0/16"),
        "Storage": _typed(
            "AWS::EC2::VPCEndpoint",
            VpcId=_ref("Vpc"),
            VpcEndpointType="Gateway",
            ServiceName={"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
            RouteTableIds=[_ref("InsideRoutes")],
            PolicyDocument=_document(passing, sealed),
        ),
    }
    for number, name in enumerate(("Inside", "Beside")):
        found |= {
            f"{name}Subnet": _typed(
                "AWS::EC2::Subnet", VpcId=_ref("Vpc"), CidrBlock=f"10.9.{number}.0/24"
            ),
            f"{name}Routes": _typed("AWS::EC2::RouteTable", VpcId=_ref("Vpc")),
            f"{name}Association": _typed(
                "AWS::EC2::SubnetRouteTableAssociation",
                SubnetId=_ref(f"{name}Subnet"),
                RouteTableId=_ref(f"{name}Routes"),
            ),
        }
    return found


def _function(*subnets: str) -> dict[str, Any]:
    found = function("Writer", {"BUCKET": {"Ref": "Bucket"}})
    places = [_ref(f"{name}Subnet") for name in subnets]
    found["Properties"]["VpcConfig"] = {"SubnetIds": places, "SecurityGroupIds": []}
    return found


def _template() -> Template:
    closed = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": OBJECTS,
        "Condition": {
            "StringNotEquals": {"aws:SourceVpce": _ref("Storage")},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            "ForAllValues:StringNotEquals": {"aws:CalledVia": ["athena.amazonaws.com"]},
        },
    }
    interfaces = allow(["ec2:CreateNetworkInterface"], "*")
    writer = role("lambda.amazonaws.com", allow(["s3:PutObject"], OBJECTS), interfaces)
    assumed = {"Effect": "Allow", "Principal": ACCOUNT, "Action": "sts:AssumeRole"}
    writer["Properties"]["AssumeRolePolicyDocument"]["Statement"].append(assumed)
    resources = _network() | {
        "Bucket": _typed("AWS::S3::Bucket"),
        "Policy": _typed(
            "AWS::S3::BucketPolicy", Bucket=_ref("Bucket"), PolicyDocument=_document(closed)
        ),
        "Writer": writer,
        "Inside": _function("Inside"),
        "Beside": _function("Beside"),
        "Astride": _function("Inside", "Beside"),
        "Nowhere": _function(),
    }
    outputs = {name: {"Value": _ref(name)} for name in (*FUNCTIONS, "Bucket")}
    return {
        "Resources": resources,
        "Outputs": outputs | {"Writer": {"Value": {"Fn::GetAtt": ["Writer", "Arn"]}}},
    }


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    """One role, used by functions in different places."""
    with deployed(platform, "origin", _template()) as found:
        yield found


def _put(platform: Platform, name: str, key: str) -> str:
    answer = platform.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps({"put": key}).encode()
    )
    return str(json.load(answer["Payload"]).get("errorMessage", "ok"))


@pytest.mark.proves("AWS::EC2::VPCEndpoint", "AWS::EC2::SubnetRouteTableAssociation")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_the_endpoint_s_subnets_get_in(
    platform: Platform, stack: dict[str, str], name: str
) -> None:
    told = _put(platform, stack[name], "probe")
    if name == "Inside":
        assert told == "ok"
    else:
        assert "AccessDenied" in told
        assert "explicit deny" in told


@pytest.mark.proves("AWS::EC2::VPCEndpoint")
def test_the_endpoint_s_own_policy_decides(platform: Platform, stack: dict[str, str]) -> None:
    assert _put(platform, stack["Inside"], "open/probe") == "ok"
    assert "AccessDenied" in _put(platform, stack["Inside"], "sealed/probe")


def test_the_same_role_s_session_made_elsewhere_stays_out(
    platform: Platform, stack: dict[str, str]
) -> None:
    client = platform.client("s3", platform.assume(stack["Writer"]))
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=stack["Bucket"], Key="probe", Body=b"x")
