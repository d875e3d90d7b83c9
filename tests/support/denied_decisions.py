"""Questions that no request to the local platform can ask, put to its evaluator directly.

Keys are used on a role's behalf by S3 and other services, roles are passed in calls that the
emulator's handlers do not all check, and every local connection has TLS 1.2 or more. For these the
deployed documents (identity policies, boundary, key and bucket policies) are read through the APIs
and decided by the function that decides the requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ministack.core import iam_evaluator as evaluator

from core.names import RAW_BACKUP
from local.emulator import iam_report
from tests.support.denied_target import PLACES, Target
from tests.support.deployments import LocalSession

VIA = ("dynamodb", "firehose", "glue", "lambda", "sagemaker", "sns", "sqs")
ALLOW = "Allow"


@dataclass(frozen=True, slots=True)
class Question:
    """One decision: may a role do this, under these condition keys?"""

    name: str
    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)
    never_allowed: bool = False


class Policies:
    """The documents that decide, as deployed."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def _identity(self) -> dict[str, list[Any]]:
        found = iam_report.deployed_policies(self._target.platform.client("iam"))
        return {
            name: [evaluator.parse_policy_document(document) for document in documents.values()]
            for name, documents in found.items()
        }

    @cached_property
    def _resources(self) -> dict[str, Any]:
        session = LocalSession(self._target.platform)
        kms, s3 = session.client("kms"), session.client("s3")
        keys = {
            arn: kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
            for arn in self._target.keys.values()
        }
        buckets = {
            f"arn:aws:s3:::{name}": s3.get_bucket_policy(Bucket=name)["Policy"]
            for name in self._target.buckets.values()
        }
        return {arn: json.loads(policy) for arn, policy in (keys | buckets).items()}

    @cached_property
    def _boundaries(self) -> dict[str, Any]:
        iam, found = self._target.platform.client("iam"), {}
        for name in self._identity:
            boundary = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary")
            if boundary:
                arn = boundary["PermissionsBoundaryArn"]
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                asked = {"PolicyArn": arn, "VersionId": version}
                document = iam.get_policy_version(**asked)["PolicyVersion"]["Document"]
                found[name] = evaluator.parse_policy_document(document)
        return found

    @cached_property
    def services(self) -> dict[str, list[str]]:
        """Role name → service principals that it trusts."""
        return iam_report.trusted_services(self._target.platform.client("iam"))

    def decide(self, role_arn: str, question: Question) -> str:
        """``Allow``, ``Deny`` or ``ImplicitDeny``."""
        name = role_arn.rpartition("/")[2]
        context = evaluator.EvalContext(
            principal_arn=role_arn, principal_type="AssumedRole",
            principal_account=self._target.account, action=question.action,
            resource_arn=question.resource, region=self._target.region, secure_transport=True,
            service_context={key.lower(): value for key, value in question.context.items()},
        )  # fmt: skip
        boundary = self._boundaries.get(name)
        limits = [[boundary]] if boundary is not None else []
        result = evaluator.evaluate(context, self._identity[name], *limits)
        policy = self._resources.get(_holder(question.resource))
        if policy is not None:
            result = evaluator.combine_resource_policy(
                result, context, policy, self._target.account,
                required=question.action.startswith("kms:"), limits=limits,
            )  # fmt: skip
        return str(result.decision)


def _holder(resource: str) -> str:
    """ARN of what holds the policy: an object's bucket, else the resource itself."""
    return resource.partition("/")[0] if resource.startswith("arn:aws:s3:") else resource


def questions(target: Target, policies: Policies, roles: Mapping[str, str]) -> Iterator[Question]:
    """Every question; ``roles`` are label → ARN of the deployed roles."""
    yield from _key_questions(target)
    for label, arn in roles.items():
        services = policies.services[arn.rpartition("/")[2]]
        for service in services:
            given = {"iam:PassedToService": service}
            yield Question(f"pass {label}", "iam:PassRole", arn, given)
        elsewhere = {"iam:PassedToService": "ec2.amazonaws.com"}
        name = f"pass {label} to another service"
        yield Question(name, "iam:PassRole", arn, elsewhere, never_allowed=True)
    for stack in ("training", "monitor"):
        machine = target.deployed.state_machine(stack)
        yield Question(f"start the {stack} flow", "states:StartExecution", machine)
    for zone in PLACES:
        at = target.object(zone, PLACES[zone][0])
        old = {"s3:TlsVersion": "1.1"}
        yield Question(f"upload to {zone} over TLS 1.1", "s3:PutObject", at, old, True)


def _key_questions(target: Target) -> Iterator[Question]:
    """Each key through S3 for each bucket, and through every other service."""
    for domain, arn in target.keys.items():
        for zone, bucket in target.buckets.items():
            context = {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}
            name = f"decrypt {domain} for {zone}"
            yield Question(name, "kms:Decrypt", arn, _through(target, "s3", context))
        foreign = _through(target, "s3", {"aws:s3:arn": "arn:aws:s3:::somebody-elses-bucket"})
        name = f"decrypt {domain} for another account's bucket"
        yield Question(name, "kms:Decrypt", arn, foreign, never_allowed=True)
        for service in VIA:
            own, other = target.key_contexts.get(service, ({}, {}))
            name = f"decrypt {domain} via {service}"
            yield Question(name, "kms:Decrypt", arn, _through(target, service, own))
            if other:
                context = _through(target, service, other)
                yield Question(f"{name} for another", "kms:Decrypt", arn, context)
    elsewhere = {"aws:s3:arn": f"arn:aws:s3:::{target.buckets['raw']}/{RAW_BACKUP['events']}x"}
    yield Question(
        "decrypt Raw without a bucket key", "kms:Decrypt", target.keys["Raw"],
        _through(target, "s3", elsewhere),
    )  # fmt: skip


def _through(target: Target, service: str, context: Mapping[str, str]) -> dict[str, Any]:
    return {
        "kms:CallerAccount": target.account,
        "kms:ViaService": f"{service}.{target.region}.amazonaws.com",
        "kms:EncryptionContextKeys": list(context),
        **{f"kms:EncryptionContext:{key}": value for key, value in context.items()},
    }
