"""Integrations that no template has, to plant in a copy of the templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Templates = dict[str, dict[str, Any]]


def _one(templates: Templates, kind: str) -> dict[str, Any]:
    """Properties of some resource of a type."""
    every = (r for template in templates.values() for r in template["Resources"].values())
    return next(resource["Properties"] for resource in every if resource["Type"] == kind)


def _add(templates: Templates, kind: str, **properties: Any) -> None:
    resources = templates["training-flights"]["Resources"]
    role = next(key for key, resource in resources.items() if "Role" in resource["Type"])
    given = json.loads(json.dumps(properties).replace('"A ROLE"', json.dumps({"Ref": role})))
    resources["Planted"] = {"Type": kind, "Properties": given}


def _pipe(templates: Templates) -> None:
    _add(templates, "AWS::Pipes::Pipe", RoleArn="A ROLE")


def _event_source(templates: Templates) -> None:
    stream = "arn:aws:kinesis:eu-west-1:111122223333:stream/x"
    _add(templates, "AWS::Lambda::EventSourceMapping", EventSourceArn=stream)


def _destination(templates: Templates) -> None:
    _add(templates, "AWS::Lambda::EventInvokeConfig", DestinationConfig={"OnFailure": {}})


def _file_system(templates: Templates) -> None:
    _one(templates, "AWS::Lambda::Function")["FileSystemConfigs"] = [{"Arn": "a"}]


def _redshift(templates: Templates) -> None:
    stream = _one(templates, "AWS::KinesisFirehose::DeliveryStream")
    stream["RedshiftDestinationConfiguration"] = {"CopyCommand": {}}


def _spark_history(templates: Templates) -> None:
    _one(templates, "AWS::Glue::Job")["DefaultArguments"]["--enable-spark-ui"] = "true"


def _scheduled_call(templates: Templates) -> None:
    target = _one(templates, "AWS::Scheduler::Schedule")["Target"]
    target["Arn"] = "arn:aws:scheduler:::aws-sdk:batch:submitJob"


def _access_logs(templates: Templates) -> None:
    _add(templates, "AWS::ApiGateway::Account", CloudWatchRoleArn="A ROLE")


def _passed_role(templates: Templates) -> None:
    trust = {"Statement": [{"Principal": {"Service": "batch.amazonaws.com"}}]}
    _add(templates, "AWS::IAM::Role", AssumeRolePolicyDocument=trust)


def _task(resource: str, **parameters: Any) -> Callable[[Templates], None]:
    """A state machine with one task more."""

    def plant(templates: Templates) -> None:
        state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
        definition = {"StartAt": "Planted", "States": {"Planted": state}}
        _one(templates, "AWS::StepFunctions::StateMachine")["DefinitionString"] = json.dumps(
            definition
        )

    return plant


PLANTS: list[tuple[Callable[[Templates], None], str]] = [
    (_pipe, "AWS::Pipes::Pipe RoleArn"),
    (_event_source, "Lambda event source kinesis"),
    (_destination, "AWS::Lambda::EventInvokeConfig DestinationConfig"),
    (_file_system, "AWS::Lambda::Function FileSystemConfigs"),
    (_redshift, "AWS::KinesisFirehose::DeliveryStream RedshiftDestinationConfiguration"),
    (_spark_history, "AWS::Glue::Job DefaultArguments.--enable-spark-ui"),
    (_scheduled_call, "Scheduler target batch:submitJob"),
    (_access_logs, "AWS::ApiGateway::Account CloudWatchRoleArn"),
    (_passed_role, "a role that no property names: training-flights/Planted"),
    (_task("arn:aws:states:::batch:submitJob.sync"), "Step Functions batch:submitJob.sync"),
    (
        _task("arn:aws:states:::sagemaker:createTrainingJob.sync", DebugHookConfig={}),
        "sagemaker:createTrainingJob DebugHookConfig",
    ),
]
"""What plants it, and the name that it gets."""
