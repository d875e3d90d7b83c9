"""Templates with every reference as a text: what policies are decided on without a deploy."""

from __future__ import annotations

from typing import Any

from tests.synth import templates

ACCOUNT, REGION = "111122223333", "eu-west-1"
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::Region": REGION}
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::KMS::Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{name}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
}


def literal(environment: str, stack: str, value: Any) -> Any:
    """A template value of a stack; resources are known by their logical ids."""
    if isinstance(value, list):
        return [literal(environment, stack, item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _reference(environment, stack, function, argument)
    return {key: literal(environment, stack, item) for key, item in value.items()}


def _reference(environment: str, stack: str, function: str, argument: Any) -> str:
    match function:
        case "Fn::Join":
            return argument[0].join(literal(environment, stack, item) for item in argument[1])
        case "Fn::GetStackOutput":
            owner = argument["StackName"].removeprefix(f"Millrace-flights-{environment}-")
            output = templates(environment)[owner]["Outputs"][argument["OutputName"]]
            return str(literal(environment, owner, output["Value"]))
        case "Ref":
            return PSEUDO.get(argument, argument)
        case "Fn::GetAtt":
            resource = templates(environment)[stack]["Resources"][argument[0]]
            form = _ARNS.get(resource["Type"], "{name}") if argument[1] == "Arn" else "{name}"
            return form.format(name=argument[0])
        case "Fn::Sub" | "Fn::Select" | "Fn::Split":
            return str(argument)
    raise ValueError(f"{function} in {stack}")
