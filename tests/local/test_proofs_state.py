"""Tables and parameters: each wrong property next to the right one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.platform import Platform
from tests.support.probe_stack import Template, deployed, failure_reasons

pytestmark = pytest.mark.platform


def _table(key: str, *, protected: bool) -> Template:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": protected,
        },
    }
    return {"Resources": {"Table": table}, "Outputs": {"Name": {"Value": {"Ref": "Table"}}}}


def _write(platform: Platform, table: str) -> str:
    item = {"lease": {"S": "one"}}
    try:
        platform.client("dynamodb").put_item(TableName=table, Item=item)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


@pytest.mark.proves("AWS::DynamoDB::Table")
def test_a_table_takes_items_with_its_key(platform: Platform) -> None:
    with deployed(platform, "keyed", _table("lease", protected=False)) as found:
        assert _write(platform, found["Name"]) == "ok"
    with deployed(platform, "keyed", _table("owner", protected=False)) as found:
        assert _write(platform, found["Name"]) == "ValidationException"


@pytest.mark.proves("AWS::DynamoDB::Table")
def test_a_protected_table_stays_with_its_stack(platform: Platform) -> None:
    client = platform.client("cloudformation")
    with deployed(platform, "protected", _table("lease", protected=True)) as found:
        client.delete_stack(StackName="protected")
        with pytest.raises(WaiterError):
            client.get_waiter("stack_delete_complete").wait(
                StackName="protected", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
            )
        assert "deletion protection" in " ".join(failure_reasons(platform, "protected"))
        assert _write(platform, found["Name"]) == "ok"
        change: dict[str, Any] = {"DeletionProtectionEnabled": False}
        platform.client("dynamodb").update_table(TableName=found["Name"], **change)


def _pointer(name: str, value: str) -> Template:
    properties = {"Name": f"/probe/{name}", "Type": "String", "Value": value}
    return {"Resources": {"Pointer": {"Type": "AWS::SSM::Parameter", "Properties": properties}}}


@pytest.mark.proves("AWS::SSM::Parameter")
def test_stacks_take_the_value_of_the_parameter_they_name(platform: Platform) -> None:
    """What the serving stack does with its pointers, and the CLI with the bootstrap version."""
    template: Template = {
        "Parameters": {
            "Name": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/probe/pointer"}
        },
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Name"}}}
        },
    }
    client = platform.client("cloudformation")
    with (
        deployed(platform, "pointer", _pointer("elsewhere", "probe-first")),
        pytest.raises(ClientError, match="/probe/pointer"),
    ):
        client.create_stack(StackName="reader", TemplateBody=json.dumps(template))
    for value in ("probe-first", "probe-second"):
        with (
            deployed(platform, "pointer", _pointer("pointer", value)),
            deployed(platform, "reader", template),
        ):
            urls = platform.client("sqs").list_queues(QueueNamePrefix="probe-")["QueueUrls"]
            assert [url.rsplit("/", 1)[-1] for url in urls] == [value]
