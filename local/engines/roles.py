"""Sessions of the roles that callers hand to SageMaker and Glue.

The emulator's ``service_roles`` decides (trust policy, iam:PassRole) and mints the session, so
every call made with it is evaluated against the role's own policies and boundary.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from ministack.core import iam_evaluator as evaluator

from local.emulator import iam_recorder, service_roles
from local.engines.errors import access_denied, validation
from local.engines.storage import S3Uri
from local.services.ec2 import network_origin
from local.services.ec2.reach import Place
from local.services.kms import key_policies

SAGEMAKER = "sagemaker.amazonaws.com"
OUTSIDE = Place(())
_without_caller: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "sagemaker_without_caller", default=False
)
_CLIENT_CONFIG = Config(
    retries={"max_attempts": 3, "mode": "standard"},
    max_pool_connections=16,
    read_timeout=120,
    s3={"addressing_style": "path"},
)


@dataclass(frozen=True, slots=True)
class RoleSession:
    """Temporary credentials of one assumed role, as the SDKs' environment variables."""

    role_arn: str
    keys: Mapping[str, str]

    def client(self, service: str) -> Any:
        """A boto3 client of ``service`` that signs as the role, against the emulator."""
        return service_roles.client_of(self.keys, service, _CLIENT_CONFIG)

    def environment(self) -> dict[str, str]:
        """The variables with which a child process acts as the role."""
        return service_roles.client_environment(self.keys)


def assume(role_arn: str, service: str, session_name: str, place: Place = OUTSIDE) -> RoleSession:
    """A session of ``role_arn`` for the service principal ``service``.

    Its requests leave from ``place``: without subnets, from the service's own network.
    Raises ValidationException when the role does not exist or its trust policy refuses.
    """
    try:
        keys = service_roles.credentials_for(role_arn, session_name, service)
        network_origin.place_session(keys["AWS_ACCESS_KEY_ID"], place)
        return RoleSession(role_arn, keys)
    except service_roles.AccessDeniedError as error:
        raise validation(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
            f'principal "{service}" to assume the role. ({error})'
        ) from error


def check_add_tags(arn: str, tags: object) -> None:
    """AccessDeniedException when a request brings tags its principal may not add.

    Creating with tags needs ``sagemaker:AddTags`` besides the operation's own action.
    """
    principal = iam_recorder.current_principal()
    if not tags or _without_caller.get() or getattr(principal, "policies", None) is None:
        return
    context = evaluator.EvalContext(
        principal_arn=principal.arn, principal_type=principal.type,
        principal_account=principal.account, action="sagemaker:AddTags", resource_arn=arn,
        region=os.environ["AWS_REGION"], secure_transport=True,
        service_context={}, principal_keys=principal.keys,
    )  # fmt: skip
    result = evaluator.evaluate(context, principal.policies, *principal.limits)
    iam_recorder.record(
        principal.arn, "sagemaker:AddTags", arn, result.decision, via="request",
        statement=result.matched_sid,
    )  # fmt: skip
    if result.decision != "Allow":
        raise access_denied(
            f"User: {principal.arn} is not authorized to perform: sagemaker:AddTags on {arn}"
        )


@contextlib.contextmanager
def on_behalf_of_cloudformation() -> Iterator[None]:
    """Calls in this block have no caller of their own: who deploys a stack passes no role."""
    token = _without_caller.set(True)
    try:
        yield
    finally:
        _without_caller.reset(token)


def check_caller_reads(url: str) -> None:
    """ValidationException unless the request's principal may have SageMaker read an object."""
    if _without_caller.get():
        return
    uri = S3Uri.parse(url)
    refused = key_policies.refused_object(uri.bucket, uri.key, os.environ["AWS_REGION"])
    if refused:
        raise validation(f"Could not access model data at {url}. {refused}")


def check_pass_role(role_arn: str, service: str = SAGEMAKER) -> None:
    """AccessDeniedException unless the request's principal may pass the role to ``service``."""
    if _without_caller.get():
        return
    try:
        service_roles.assert_caller_may_pass(role_arn, service)
    except service_roles.AccessDeniedError as error:
        raise access_denied(str(error)) from error
