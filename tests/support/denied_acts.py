"""What no role may do unless the table says so: acts on what is deployed, one request each.

An act names the decision that proves a refusal: action and resource as the evaluator must have seen
them. A request refused for another reason (nothing there, a bad parameter) proves nothing. Requests
are such that the roles that may make them change nothing: they name something that is not there,
write what is already written, or touch probe objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core import names
from tests.support.denied_principals import API, Call
from tests.support.denied_target import KEPT_ZONES, NOT_THERE, PLACES, PROBE, Target

EXPLICIT, ANY = ("Deny",), ("Deny", "ImplicitDeny")
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class Act:
    """A request, the decisions that may refuse it, and how they have to be worded."""

    name: str
    call: Call
    proofs: tuple[tuple[str, str], ...]
    """(action, resource): the first is what an allowed caller is allowed."""
    refusals: tuple[str, ...] = ANY
    never_allowed: bool = False
    """A resource policy refuses everybody; no table can allow it."""

    @property
    def on_logs(self) -> bool:
        """On buckets that no workload has business with: their perimeter lets no endpoint in."""
        words = ("audittrail", "accesslogs")
        return any(f"-{word}" in resource for _, resource in self.proofs for word in words)


def zone_acts(target: Target) -> Iterator[Act]:
    """Read and write below every prefix of every zone; delete where nothing restores it."""
    for zone, prefixes in PLACES.items():
        for prefix in prefixes:
            place, at = f"{zone}/{prefix}", target.object(zone, prefix)
            where = {"Bucket": target.buckets[zone], "Key": f"{prefix}{PROBE}"}
            yield Act(f"read {place}", Call("s3", "get_object", where), (("s3:GetObject", at),))
            body = where | {"Body": b"poison"}
            yield Act(f"write {place}", Call("s3", "put_object", body), (("s3:PutObject", at),))
            if zone not in KEPT_ZONES:
                continue
            gone = where | {"Key": f"{prefix}{NOT_THERE}"}
            yield Act(
                f"delete {place}",
                Call("s3", "delete_object", gone),
                (("s3:DeleteObject", target.object(zone, prefix, NOT_THERE)),),
            )


def misencrypted_acts(target: Target, zone: str, prefix: str) -> Iterator[Act]:
    """Uploads to a place that everybody is refused, whoever may write there."""
    where = {"Bucket": target.buckets[zone], "Key": f"{prefix}{PROBE}", "Body": b"poison"}
    proofs = (("s3:PutObject", target.object(zone, prefix)),)
    own, other = target.key_of(zone), target.keys["Logs"]
    ways = {
        "under another key": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other},
        "under no customer key": {"ServerSideEncryption": "AES256"},
    }
    for way, headers in ways.items():
        call = Call("s3", "put_object", where | headers)
        yield Act(f"upload {way}", call, proofs, EXPLICIT, never_allowed=True)
    right = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": own}
    plain = Call("s3", "put_object", where | right, plain=True)
    yield Act("upload without TLS", plain, proofs, EXPLICIT, never_allowed=True)


def key_acts(target: Target) -> Iterator[Act]:
    """Each key directly, and its administration."""
    for domain, arn in target.keys.items():
        blob = arn.rpartition("/")[2].encode() + b"\0" * 64
        context = {"aws:s3:arn": f"arn:aws:s3:::{target.buckets['raw']}"}
        asked = {"KeyId": arn, "CiphertextBlob": blob, "EncryptionContext": context}
        yield Act(
            f"decrypt with the {domain} key", Call("kms", "decrypt", asked), (("kms:Decrypt", arn),)
        )
    raw = target.keys["Raw"]
    for operation, action, more in (
        ("generate_data_key", "GenerateDataKey", {"KeySpec": "AES_256"}),
        ("disable_key", "DisableKey", {}),
        ("schedule_key_deletion", "ScheduleKeyDeletion", {"PendingWindowInDays": 7}),
        ("put_key_policy", "PutKeyPolicy", {"PolicyName": "default", "Policy": "{}"}),
    ):
        call = Call("kms", operation, {"KeyId": raw, **more})
        yield Act(f"kms {action} of the raw key", call, ((f"kms:{action}", raw),))


def model_acts(target: Target) -> Iterator[Act]:
    """Swap or reach a model: pointers, endpoint, registry, lease, the API."""
    for name, value in target.pointers.items():
        variant = name.rpartition("/")[2]
        same = {"Name": name, "Value": value, "Type": "String", "Overwrite": True}
        arn = target.arn("ssm", f"parameter{name}")
        call = Call("ssm", "put_parameter", same)
        yield Act(f"write the {variant} pointer", call, (("ssm:PutParameter", arn),))
        yield Act(
            f"delete the {variant} pointer",
            Call("ssm", "delete_parameter", {"Name": name}),
            (("ssm:DeleteParameter", arn),),
        )
    yield from _endpoint_acts(target)
    table = target.deployed.one("AWS::DynamoDB::Table", "training")
    never = {
        "TableName": table,
        "Key": {names.LEASE_KEY: {"S": NOT_THERE}},
        "UpdateExpression": "SET stolen = :yes",
        "ConditionExpression": f"attribute_exists({names.LEASE_KEY})",
        "ExpressionAttributeValues": {":yes": {"BOOL": True}},
    }
    yield Act(
        "take the lease",
        Call("dynamodb", "update_item", never),
        (("dynamodb:UpdateItem", target.arn("dynamodb", f"table/{table}")),),
    )
    route = target.arn("execute-api", f"{target.deployed.rest_api()}/v1/GET/flights/health")
    yield Act("call the API", Call(API, "health"), (("execute-api:Invoke", route),))


def _endpoint_acts(target: Target) -> Iterator[Act]:
    own, body = target.arn("sagemaker", f"endpoint/{target.endpoint}"), b'{"instances": []}'
    for what, name in (("our", target.endpoint), ("another", "another-endpoint")):
        asked = {"EndpointName": name, "Body": body, "ContentType": "application/json"}
        yield Act(
            f"invoke {what} endpoint",
            Call("sagemaker-runtime", "invoke_endpoint", asked),
            (("sagemaker:InvokeEndpoint", target.arn("sagemaker", f"endpoint/{name}")),),
        )
    config = f"{target.endpoint}-{NOT_THERE}"
    moved = {"EndpointName": target.endpoint, "EndpointConfigName": config}
    yield Act(
        "update the endpoint",
        Call("sagemaker", "update_endpoint", moved),
        (("sagemaker:UpdateEndpoint", own),),
    )
    weights = [{"VariantName": NOT_THERE, "DesiredWeight": 1.0}]
    yield Act(
        "set weights",
        Call(
            "sagemaker",
            "update_endpoint_weights_and_capacities",
            {"EndpointName": target.endpoint, "DesiredWeightsAndCapacities": weights},
        ),
        (("sagemaker:UpdateEndpointWeightsAndCapacities", own),),
    )
    group = target.deployed.one("AWS::SageMaker::ModelPackageGroup", "training")
    for what, name in (("our", group.rpartition("/")[2]), ("another", "another-group")):
        request: dict[str, Any] = {"ModelPackageGroupName": name, "ModelApprovalStatus": "None"}
        yield Act(
            f"register a model in {what} group",
            Call("sagemaker", "create_model_package", request),
            (
                (
                    "sagemaker:CreateModelPackage",
                    target.arn("sagemaker", f"model-package-group/{name}"),
                ),
            ),
        )
