"""Every log group that a service would make by itself is made by a stack, with retention and key.

A group that a service makes is not under our key and keeps its events for ever.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.synth import ENVIRONMENTS, resources

# SageMaker's groups for jobs belong to the account: operations/preflight/shared_logs.py.
OF_THE_ACCOUNT = {"createTrainingJob", "createProcessingJob"}


def _named(environment: str) -> dict[str, tuple[str, str]]:
    """Stack and logical id of every group, by the name that its template gives."""
    return {
        _text(group["Properties"].get("LogGroupName", logical_id)): (stack, logical_id)
        for stack, logical_id, group in resources(environment, "AWS::Logs::LogGroup")
    }


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        return str(value["Fn::Join"][0].join(_text(part) for part in value["Fn::Join"][1]))
    return f"{{{value['Ref']}}}" if "Ref" in value else "{}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_glue_s_groups_are_named_after_configuration_and_role(environment: str) -> None:
    groups = _named(environment)
    configurations = {
        logical_id: configuration["Properties"]["Name"]
        for _, logical_id, configuration in resources(
            environment, "AWS::Glue::SecurityConfiguration"
        )
    }
    scope = f"millrace/flights/{environment}"
    jobs = resources(environment, "AWS::Glue::Job")
    assert jobs
    for stack, _, job in jobs:
        role = job["Properties"]["Role"]["Fn::GetAtt"][0]
        configuration = configurations[job["Properties"]["SecurityConfiguration"]["Ref"]]
        start = f"/aws-glue/jobs/{configuration}-role/{scope}/{{{role}}}"
        for kind in ("error", "output"):
            where, logical_id = groups[f"{start}/{kind}"]
            assert where == stack
            assert logical_id in job["DependsOn"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_glue_role_logs_to_its_own_groups_alone(environment: str) -> None:
    for _, _, policy in resources(environment, "AWS::IAM::ManagedPolicy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "logs:AssociateKmsKey" in statement.get("Action", []):
                groups = [resource["Fn::GetAtt"] for resource in statement["Resource"]]
                assert {attribute for _, attribute in groups} == {"Arn"}
                error, output = sorted(group for group, _ in groups)
                assert error.partition("ErrorLog")[0] == output.partition("OutputLog")[0]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_endpoint_s_group_is_there_before_the_endpoint(environment: str) -> None:
    ((stack, _, endpoint),) = resources(environment, "AWS::SageMaker::Endpoint")
    name = endpoint["Properties"]["EndpointName"]
    where, logical_id = _named(environment)[f"/aws/sagemaker/Endpoints/{name}"]
    assert where == stack
    assert logical_id in endpoint["DependsOn"]
    # The next deployment has an endpoint of the same name: a retained group would be in its way.
    ((_, _, group),) = [r for r in resources(environment, "AWS::Logs::LogGroup")
                        if r[1] == logical_id]  # fmt: skip
    assert group["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_stage_s_execution_log_is_there_before_the_stage(environment: str) -> None:
    ((_, _, stage),) = resources(environment, "AWS::ApiGateway::Stage")
    api = stage["Properties"]["RestApiId"]["Ref"]
    name = f"API-Gateway-Execution-Logs_{{{api}}}/{stage['Properties']['StageName']}"
    assert _named(environment)[name][1] in stage["DependsOn"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_whoever_may_choose_a_group_is_given_one_of_ours(environment: str) -> None:
    """Lambda, Firehose, Step Functions, flow logs and WAF write where they are told to."""
    given = {
        "AWS::Lambda::Function": ["LoggingConfig", "LogGroup"],
        "AWS::KinesisFirehose::DeliveryStream": [
            "ExtendedS3DestinationConfiguration", "CloudWatchLoggingOptions", "LogGroupName",
        ],
        "AWS::StepFunctions::StateMachine": ["LoggingConfiguration", "Destinations"],
        "AWS::EC2::FlowLog": ["LogGroupName"],
        "AWS::WAFv2::LoggingConfiguration": ["LogDestinationConfigs"],
    }  # fmt: skip
    ours = {logical_id for _, logical_id, _ in resources(environment, "AWS::Logs::LogGroup")}
    for kind, path in given.items():
        found = resources(environment, kind)
        assert found, kind
        for stack, logical_id, resource in found:
            value = resource["Properties"]
            for step in path:
                value = value[step]
            text = json.dumps(value)
            assert any(f'"{group}"' in text for group in ours), f"{stack}.{logical_id}: {text}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_the_account_s_groups_are_left_to_sagemaker(environment: str) -> None:
    started = set()
    for _, _, machine in resources(environment, "AWS::StepFunctions::StateMachine"):
        text = _text(machine["Properties"]["DefinitionString"])
        started |= {word.partition(".")[0] for word in text.split("states:::sagemaker:")[1:]}
    assert {action for action in started if action.startswith("create")} == OF_THE_ACCOUNT
