"""Acts on what protects the platform: trail, identities, code, the secret; and passing roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core import names
from tests.support.denied_acts import (
    ADMINISTRATOR,
    Act,
    key_acts,
    misencrypted_acts,
    model_acts,
    zone_acts,
)
from tests.support.denied_principals import Call, Caller
from tests.support.denied_target import NOT_THERE, Target

ANYBODY = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}
OPEN = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
# Where a caller uploads that may write nowhere.
FALLBACK = ("raw", names.RAW_BACKUP[names.EVENTS])


def acts(target: Target, caller: Caller, writable: list[tuple[str, str]]) -> Iterator[Act]:
    """Every act for one caller; ``writable`` are the (zone, prefix) it may write to."""
    yield from zone_acts(target)
    for zone, prefix in writable[:1] or [FALLBACK]:
        yield from misencrypted_acts(target, zone, prefix)
    yield from key_acts(target)
    yield from model_acts(target)
    yield from _trail_acts(target)
    yield from _bucket_acts(target)
    yield from _identity_acts(target, caller)
    yield from _pseudonym_acts(target)
    yield from _code_acts(target)
    yield from _pass_acts(target)


def _simple(name: str, service: str, operation: str, request: dict[str, Any], arn: str) -> Act:
    """An act whose IAM action is the operation's name under the service's own prefix."""
    word = "".join(part.capitalize() for part in operation.split("_"))
    prefix = {"stepfunctions": "states"}.get(service, service)
    return Act(name, Call(service, operation, request), ((f"{prefix}:{word}", arn),))


def _trail_acts(target: Target) -> Iterator[Act]:
    name = target.trail
    arn = target.arn("cloudtrail", f"trail/{name}")
    selectors = {"TrailName": name, "EventSelectors": [{"IncludeManagementEvents": False}]}
    trail = {"Name": name}
    yield _simple("stop the trail", "cloudtrail", "stop_logging", trail, arn)
    yield _simple("delete the trail", "cloudtrail", "delete_trail", trail, arn)
    yield _simple("blind the trail", "cloudtrail", "put_event_selectors", selectors, arn)
    moved = trail | {"S3BucketName": target.buckets["raw"]}
    yield _simple("redirect the trail", "cloudtrail", "update_trail", moved, arn)
    logs = {"logGroupName": target.trail_logs}
    arn = target.arn("logs", f"log-group:{target.trail_logs}:log-stream:")
    yield _simple("delete the trail's log", "logs", "delete_log_group", logs, arn)


def _bucket_acts(target: Target) -> Iterator[Act]:
    for zone, operation, more in (
        ("raw", "put_bucket_policy", {"Policy": OPEN}),
        ("raw", "put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        ("raw", "delete_bucket", {}),
        ("audit", "put_bucket_policy", {"Policy": OPEN}),
    ):
        bucket = {"Bucket": target.buckets[zone]}
        arn = f"arn:aws:s3:::{target.buckets[zone]}"
        yield _simple(f"{operation} on {zone}", "s3", operation, bucket | more, arn)


def _identity_acts(target: Target, caller: Caller) -> Iterator[Act]:
    me = {"RoleName": caller.role_name}
    # The evaluator sees requests by role name, without the path.
    role = f"arn:aws:iam::{target.account}:role/{caller.role_name}"
    policies = target.deployed.of_type("AWS::IAM::ManagedPolicy", "security")
    (boundary,) = (p.physical_id for p in policies if p.logical_id.startswith("Boundary"))
    admin = {"PolicyArn": ADMINISTRATOR}
    for name, operation, more in (
        ("replace its boundary", "put_role_permissions_boundary",
         {"PermissionsBoundary": ADMINISTRATOR}),
        ("drop its boundary", "delete_role_permissions_boundary", {}),
        ("attach a policy to itself", "attach_role_policy", admin),
        ("write itself a policy", "put_role_policy",
         {"PolicyName": "mine", "PolicyDocument": OPEN}),
        ("open its trust", "update_assume_role_policy", {"PolicyDocument": OPEN}),
    ):  # fmt: skip
        yield _simple(name, "iam", operation, me | more, role)
    widened = {"PolicyArn": boundary, "PolicyDocument": OPEN, "SetAsDefault": True}
    yield _simple("widen the boundary", "iam", "create_policy_version", widened, boundary)
    user = target.arn("iam", "user/operator").replace(f":{target.region}:", "::")
    key = {"UserName": "operator"}
    yield _simple("make keys of the operator", "iam", "create_access_key", key, user)
    deployer = f"cdk-hnb659fds-deploy-role-{target.account}-{target.region}"
    arn = f"arn:aws:iam::{target.account}:role/{deployer}"
    taken = {"RoleArn": arn, "RoleSessionName": NOT_THERE}
    yield _simple("become the deployer", "sts", "assume_role", taken, arn)


def _pseudonym_acts(target: Target) -> Iterator[Act]:
    key = {"KeyId": target.pseudonym_key}
    asked = key | {"MacAlgorithm": "HMAC_SHA_256", "Message": b"millrace/pseudonym/v1"}
    yield _simple("derive the pseudonyms", "kms", "generate_mac", asked, target.pseudonym_key)
    known = asked | {"Mac": b"0" * 32}
    yield _simple("try a pseudonym", "kms", "verify_mac", known, target.pseudonym_key)
    gone = key | {"PendingWindowInDays": 7}
    name = "delete the key of the pseudonyms"
    yield _simple(name, "kms", "schedule_key_deletion", gone, target.pseudonym_key)


def _code_acts(target: Target) -> Iterator[Act]:
    deployed = target.deployed
    router = deployed.one("AWS::Lambda::Function", "api", "FlightsRouter")
    rollout = deployed.one("AWS::Lambda::Function", "training", "FunctionsRollout")
    code = {"FunctionName": router, "S3Bucket": target.buckets["landing"], "S3Key": NOT_THERE}
    arn = target.arn("lambda", f"function:{router}")
    yield _simple("replace the router's code", "lambda", "update_function_code", code, arn)
    asked = {"FunctionName": rollout, "Payload": b'{"operation": "status"}'}
    proof = ("lambda:InvokeFunction", target.arn("lambda", f"function:{rollout}"))
    yield Act("invoke the rollout function", Call("lambda", "invoke", asked), (proof,))
    job = deployed.glue_job("curate")
    script = {"Name": "glueetl", "ScriptLocation": f"s3://{target.buckets['landing']}/{NOT_THERE}"}
    update: dict[str, Any] = {"Role": "other", "Command": script}
    arn = target.arn("glue", f"job/{job}")
    changed = {"JobName": job, "JobUpdate": update}
    yield _simple("replace the curate script and role", "glue", "update_job", changed, arn)
    for stack in ("training", "monitor"):
        machine = deployed.state_machine(stack)
        other = {"stateMachineArn": machine, "definition": "{}"}
        name = f"rewrite the {stack} flow"
        yield _simple(name, "stepfunctions", "update_state_machine", other, machine)


def _pass_acts(target: Target) -> Iterator[Act]:
    """Hand a service a role that is not the caller's to hand; the holder's own is never used."""
    endpoint = target.role("training", "EndpointRole")
    name = f"{target.endpoint}-{NOT_THERE}"
    for kind, asked in (("ProcessingJob", _processing), ("TrainingJob", _training)):
        arn = target.arn("sagemaker", f"{kind.removesuffix('Job').lower()}-job/{name}")
        yield Act(
            f"pass the endpoint's role to a {kind}",
            Call("sagemaker", f"create_{kind.removesuffix('Job').lower()}_job",
                 asked(name, endpoint)),
            ((f"sagemaker:Create{kind}", arn), ("iam:PassRole", endpoint)),
        )  # fmt: skip
    trainer = target.role("training", "RetrainingTraining")
    model = {"ModelName": name, "ExecutionRoleArn": trainer, "PrimaryContainer": {"Image": "x"}}
    proof = ("sagemaker:CreateModel", target.arn("sagemaker", f"model/{name}"))
    yield Act(
        "pass the trainer's role to a model",
        Call("sagemaker", "create_model", model),
        (proof, ("iam:PassRole", trainer)),
    )
    yield _stack_act(target)
    router = target.deployed.one("AWS::Lambda::Function", "api", "FlightsRouter")
    other = {"FunctionName": router, "Role": target.role("training", "FunctionsRollout")}
    arn = target.arn("lambda", f"function:{router}")
    name = "pass the rollout role to the router"
    yield _simple(name, "lambda", "update_function_configuration", other, arn)


def _stack_act(target: Target) -> Act:
    """Update the serving stack as the administrator that CloudFormation deploys with."""
    executor = f"cdk-hnb659fds-cfn-exec-role-{target.account}-{target.region}"
    role = f"arn:aws:iam::{target.account}:role/{executor}"
    stack = target.deployed.scope.stack(target.deployed.stack("serving"))
    asked = {"StackName": stack, "UsePreviousTemplate": True, "RoleARN": role}
    return Act(
        "pass the administrator's role to the serving stack",
        Call("cloudformation", "update_stack", asked),
        (("cloudformation:UpdateStack", target.serving_stack), ("iam:PassRole", role)),
    )


def _processing(name: str, role: str) -> dict[str, Any]:
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "RoleArn": role,
        "AppSpecification": {"ImageUri": "x"},
        "ProcessingResources": {"ClusterConfig": cluster},
    }


def _training(name: str, role: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": "x", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://x/"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
