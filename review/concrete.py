"""Templates as CloudFormation would see them at deployment, for tools that read literal values.

``Fn::GetStackOutput`` is newer than the checkers, which take what they don't know for a missing
value. The outputs are known, so the reference is replaced by a text of the form that AWS would put
there (an ARN, an id); everything else stays as it is. For policies every reference is replaced.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from review.assembly import Assembly, Resource

ACCOUNT, REGION = "111122223333", "eu-west-1"
_HERE = "{region}:{account}"
# What `Arn` gives, or `Ref` where the type's Ref is its ARN.
_ARNS = {
    "AWS::ApiGateway::RestApi": "arn:aws:apigateway:{region}::/restapis/{id}",
    "AWS::Backup::BackupVault": "arn:aws:backup:{region}:{account}:backup-vault:{id}",
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{id}",
    "AWS::Cognito::UserPool": "arn:aws:cognito-idp:{region}:{account}:userpool/{id}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{id}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{id}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::{account}:policy/{id}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{id}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{id}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:{region}:{account}:stream/{id}",
    "AWS::KinesisFirehose::DeliveryStream": f"arn:aws:firehose:{_HERE}:deliverystream/{{id}}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{id}",
    "AWS::Lambda::LayerVersion": "arn:aws:lambda:{region}:{account}:layer:{id}:1",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{id}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{lower}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{id}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{id}",
    "AWS::SageMaker::Endpoint": "arn:aws:sagemaker:{region}:{account}:endpoint/{lower}",
    "AWS::SageMaker::ModelPackageGroup": f"arn:aws:sagemaker:{_HERE}:model-package-group/{{id}}",
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:{region}:{account}:schedule/default/{id}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{id}-abcdef",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{id}",
    "AWS::WAFv2::WebACL": "arn:aws:wafv2:{region}:{account}:regional/webacl/{id}/0123456789ab",
}
_REF_IS_ARN = frozenset(
    {
        "AWS::IAM::ManagedPolicy",
        "AWS::Lambda::LayerVersion",
        "AWS::SNS::Topic",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::ModelPackageGroup",
        "AWS::SecretsManager::Secret",
        "AWS::StepFunctions::StateMachine",
    }
)
# Ids that AWS makes up: no two resources have the same.
_EC2_IDS = {
    "AWS::EC2::SecurityGroup": "sg",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::VPC": "vpc",
}
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/name/0a1b2c3d-0000",
    "AWS::StackName": "name",
    "AWS::URLSuffix": "amazonaws.com",
}
_VARIABLE = re.compile(r"\$\{([^}!]+)\}")


def without_stack_outputs(assembly: Assembly, value: Any) -> Any:
    """The same value with every ``Fn::GetStackOutput`` as a literal."""
    if isinstance(value, list):
        return [without_stack_outputs(assembly, item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::GetStackOutput"}:
        return literal(assembly, "", value)
    return {key: without_stack_outputs(assembly, item) for key, item in value.items()}


def literal(assembly: Assembly, stack: str, value: Any) -> Any:
    """The same value with every reference as a literal."""
    if isinstance(value, list):
        return [literal(assembly, stack, item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _resolved(assembly, stack, function, argument)
    return {key: literal(assembly, stack, item) for key, item in value.items()}


def _resolved(assembly: Assembly, stack: str, function: str, argument: Any) -> str:
    match function:
        case "Ref":
            return _reference(assembly, stack, argument, "Ref")
        case "Fn::GetAtt":
            name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return _reference(assembly, stack, name, attribute)
        case "Fn::Join":
            delimiter, items = argument
            return str(delimiter).join(str(literal(assembly, stack, item)) for item in items)
        case "Fn::Sub":
            return _substituted(assembly, stack, argument)
        case "Fn::GetStackOutput":
            short = assembly.stack_names[argument["StackName"]]
            output = assembly.templates[short]["Outputs"][argument["OutputName"]]
            return str(literal(assembly, short, output["Value"]))
    # Parts of split texts: a name that only the deployment knows.
    return "part"


def _substituted(assembly: Assembly, stack: str, argument: Any) -> str:
    template, values = argument if isinstance(argument, list) else (argument, {})

    def variable(found: re.Match[str]) -> str:
        if found[1] in values:
            return str(literal(assembly, stack, values[found[1]]))
        name, _, attribute = found[1].partition(".")
        return _reference(assembly, stack, name, attribute or "Ref")

    return _VARIABLE.sub(variable, template)


def _reference(assembly: Assembly, stack: str, logical_id: str, attribute: str) -> str:
    if logical_id in _PSEUDO:
        return _PSEUDO[logical_id]
    resource = assembly.resource(stack, logical_id)
    kind = resource.type if resource else ""
    name = _name(assembly, stack, resource) or logical_id
    arn = _ARNS.get(kind, "arn:aws:service:{region}:{account}:{id}")
    if attribute.endswith("Arn") or (attribute == "Ref" and kind in _REF_IS_ARN):
        return arn.format(region=REGION, account=ACCOUNT, id=name, lower=name.lower())
    if kind in _EC2_IDS:
        return f"{_EC2_IDS[kind]}-{hashlib.sha256(logical_id.encode()).hexdigest()[:17]}"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def _name(assembly: Assembly, stack: str, resource: Resource | None) -> str | None:
    """The name that the template gives a log group: what it goes by decides who may write to it."""
    given = resource.properties.get("LogGroupName") if resource else None
    if given is None or resource is None or resource.type != "AWS::Logs::LogGroup":
        return None
    return str(literal(assembly, stack, given))
