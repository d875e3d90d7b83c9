"""Who acts in the denial matrix: a session of every deployed role, and what the evaluator decided.

A session is made as the platform makes those of its workloads: a function with that role says what
credentials it was given. For S3 it stands in the deployment's subnets, for all else outside, where
no VPC endpoint and no security group is in the way (``test_network_reach.py`` tests these). Roles
that services use from their own network (path ``service/``) always stand outside. So no request
is refused merely for where it comes from, and the policies of the role itself are seen to decide.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from core.names import Scope
from local.demo.traffic import Api
from local.platform import Platform
from operations.deployed import Deployed
from tests.support.denied_outcomes import SESSION, Outcome

SERVICE_PATH = "/service/"
API = "execute-api"
CONSUMER, CONSUMER_NAME = "consumer/ApiCaller", "consumer-ApiCaller"
TELLS_ITS_KEYS = """
import os
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
def handler(event, context):
    return {key: os.environ[key] for key in KEYS}
"""
_HASH = re.compile(r"[0-9A-F]{8}$")
_REFUSALS = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: an operation of boto3, or ``execute-api`` for the platform's own API."""

    service: str
    operation: str
    request: dict[str, Any] = field(default_factory=dict)
    plain: bool = False
    """Arrives as if it had not come over TLS."""


class Clients:
    """One client for each service, whose requests are signed with the keys of who asks.

    Making a client takes longer than most calls, and forty callers ask ten services.
    """

    def __init__(self, platform: Platform) -> None:
        assert platform.info is not None
        self._info = platform.info
        self._signing = Credentials("", "")
        self._session = botocore.session.get_session()
        self._session.register_component("credential_provider", self)
        self._made: dict[tuple[str, bool], Any] = {}

    def load_credentials(self) -> Credentials:
        """What botocore asks of a provider: an object that it reads at each request."""
        return self._signing

    def of(self, service: str, keys: dict[str, str], *, plain: bool) -> Any:
        """The service's client; its next request is signed with these keys."""
        self._signing.access_key = keys["aws_access_key_id"]
        self._signing.secret_key = keys["aws_secret_access_key"]
        self._signing.token = keys["aws_session_token"]
        if (service, plain) not in self._made:
            self._made[service, plain] = self._make(service, plain)
        return self._made[service, plain]

    def _make(self, service: str, plain: bool) -> Any:
        client = self._session.create_client(
            service,
            region_name=self._info.region,
            endpoint_url=self._info.endpoint,
            verify=self._info.certificate,
            config=Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"},
                parameter_validation=False,
            ),
        )  # fmt: skip
        if plain:
            client.meta.events.register("before-sign", _arrive_plain)
        return client


@cache
def _clients(platform: Platform) -> Clients:
    return Clients(platform)


@dataclass
class Caller:
    """A principal with its own credentials."""

    label: str
    role_arn: str
    keys: dict[str, str]
    storage_keys: dict[str, str]
    """Those for S3, which asks where a request comes from."""
    platform: Platform
    rest_api: str

    @property
    def role_name(self) -> str:
        """The last segment of the role's ARN."""
        return self.role_arn.rpartition("/")[2]

    def perform(self, call: Call) -> Outcome:
        """Make the request; never raises for an answer of the service."""
        started = time.time()
        refused, told = self._health() if call.service == API else self._ask(call)
        return Outcome(refused, told, started, time.time())

    def _ask(self, call: Call) -> tuple[bool, str]:
        keys = self.storage_keys if call.service == "s3" else self.keys
        client = _clients(self.platform).of(call.service, keys, plain=call.plain)
        try:
            getattr(client, call.operation)(**call.request)
        except ClientError as error:
            answer: dict[str, Any] = dict(error.response["Error"])
            code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
            refused = code in _REFUSALS or "is not authorized to perform" in message
            return refused, f"{code}: {message}"
        return False, "done"

    def _health(self) -> tuple[bool, str]:
        info = self.platform.info
        assert info is not None
        keys = Credentials(*self.keys.values())
        api = Api(
            self.rest_api, scope=Scope("", "", "flights"), endpoint=info.endpoint,
            region=info.region, ca_bundle=info.certificate, keys=keys,
        )  # fmt: skip
        answer = api.health()
        return answer.status == 403, f"{answer.status} {answer.error}"


def _arrive_plain(request: Any, **_: Any) -> None:
    """What a proxy that ends TLS says of a request that reached it without."""
    request.headers["X-Forwarded-Proto"] = "http"


def label(stack: str, logical_id: str) -> str:
    """How the table names a role: its stack without the model, its logical id without the hash."""
    return f"{stack.removesuffix('-flights')}/{_HASH.sub('', logical_id)}"


def roles(deployed: Deployed) -> dict[str, str]:
    """Label (stack and logical id without its hash) → name of every deployed role."""
    found = deployed.of_type("AWS::IAM::Role")
    labels = {label(r.stack, r.logical_id): r.physical_id for r in found}
    assert len(labels) == len(found), "two roles have one label"
    return labels


def callers(
    platform: Platform, deployed: Deployed, only: frozenset[str] | None = None
) -> list[Caller]:
    """Every deployed role, and a consumer that may call the API and nothing else.

    With ``only``, those of them that have one of these labels.
    """
    iam, api = platform.client("iam"), deployed.rest_api()
    arns = {at: iam.get_role(RoleName=n)["Role"]["Arn"] for at, n in roles(deployed).items()}
    arns[CONSUMER] = _create_consumer(platform, api)
    if only is not None:
        arns = {at: arn for at, arn in arns.items() if at in only}
    subnets = [subnet.physical_id for subnet in deployed.of_type("AWS::EC2::Subnet")]
    functions = platform.client("lambda")
    found = []
    for number, (at, arn) in enumerate(sorted(arns.items())):
        keys = session(functions, f"{number}", arn)
        outside = SERVICE_PATH in arn or CONSUMER_NAME in arn
        inside = keys if outside else session(functions, f"{number}-inside", arn, subnets)
        found.append(Caller(at, arn, keys, inside, platform, api))
    return found


def remove_consumer(platform: Platform) -> None:
    """Delete the consumer's role."""
    iam, name = platform.client("iam"), CONSUMER_NAME
    iam.delete_role_policy(RoleName=name, PolicyName=name)
    iam.delete_role(RoleName=name)


def _create_consumer(platform: Platform, api: str) -> str:
    """A role outside the deployment, as a team that asks for predictions would have."""
    assert platform.info is not None
    iam, name = platform.client("iam"), CONSUMER_NAME
    trust: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    routes = f"arn:aws:execute-api:{platform.info.region}:{platform.info.account}:{api}/*"
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": routes}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(document))
    return str(arn)


def session(
    functions: Any, mark: str, role: str, subnets: Sequence[str] = (), groups: Sequence[str] = ()
) -> dict[str, str]:
    """Credentials of a function with a role in a place; without subnets, outside every VPC."""
    name = f"{SESSION}-{mark}"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": _zipped(TELLS_ITS_KEYS)},
        VpcConfig={"SubnetIds": list(subnets), "SecurityGroupIds": list(groups)},
    )
    try:
        answer = functions.invoke(FunctionName=name, Payload=b"{}")
        keys = json.load(answer["Payload"])
        return {word.lower(): keys[word] for word in sorted(keys)}
    finally:
        functions.delete_function(FunctionName=name)


def _zipped(source: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.py", source)
    return file.getvalue()
