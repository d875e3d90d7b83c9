"""What the denial matrix is aimed at: zones, keys, and the names of what is deployed."""

from __future__ import annotations

from functools import cached_property

from core import names
from local.platform import Platform
from operations.deployed import Deployed

PROBE = "denied-probe"
NOT_THERE = "denied-not-there"

# Zone → prefixes in it, each with readers and writers of its own.
PLACES: dict[str, tuple[str, ...]] = {
    "landing": tuple(f"{stream}/" for stream in names.STREAMS),
    "raw": (
        *names.RAW_BACKUP.values(), *names.RAW_ERRORS.values(), *names.RAW_STREAM.values(),
    ),
    "curated": (*names.CURATED.values(), names.CURATED_QUERY_RESULTS),
    "features": (f"{names.FEATURES_RUNS}flights/",),
    "artifacts": (f"{names.ARTIFACTS_MODELS}flights/", f"{names.ARTIFACTS_EVALUATIONS}flights/"),
    "monitoring": (
        f"{names.MONITORING_CAPTURE}flights-demo-flights/",
        f"{names.MONITORING_OUTCOMES}flights/",
        f"{names.MONITORING_REPORTS}flights/",
    ),
    "audit": ("AWSLogs/",),
    "access_logs": ("raw/",),
}  # fmt: skip
LOG_ZONES = ("audit", "access_logs")
# Where what is gone cannot be made again from another zone.
KEPT_ZONES = ("landing", "raw", "artifacts", "audit")
KEYS = ("Data", "Raw", "Models", "Logs", "Messages")


class Target:
    """Names and ARNs of what the acts are aimed at."""

    def __init__(self, platform: Platform, deployed: Deployed) -> None:
        assert platform.info is not None
        self.account, self.region = platform.info.account, platform.info.region
        self.platform, self.deployed = platform, deployed
        self.endpoint = deployed.endpoint()
        self.trail = f"{deployed.scope.stack_prefix}".lower()

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource of this account and Region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    @cached_property
    def buckets(self) -> dict[str, str]:
        """Zone → bucket."""
        found = {z: self.deployed.bucket(z) for z in PLACES if z not in LOG_ZONES}
        found["audit"] = self.deployed.one("AWS::S3::Bucket", "audit")
        found["access_logs"] = self.deployed.one("AWS::S3::Bucket", "security", "AccessLogs")
        return found

    @cached_property
    def keys(self) -> dict[str, str]:
        """Domain → key ARN."""
        ids = {k: self.deployed.one("AWS::KMS::Key", "security", f"{k}Key") for k in KEYS}
        return {domain: self.arn("kms", f"key/{key}") for domain, key in ids.items()}

    @cached_property
    def key_contexts(self) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        """Service → what its calls tell KMS of our resource, and of somebody else's."""
        topic = self.deployed.one("AWS::SNS::Topic", "security", "Operations")
        queue = self.deployed.one("AWS::SQS::Queue", "security", "DeadLetters").rsplit("/", 1)[-1]
        table = self.deployed.one("AWS::DynamoDB::Table", "training", "Lease")
        name, whose = "aws:dynamodb:tableName", {"aws:dynamodb:subscriberId": self.account}
        return {
            "sns": ({"aws:sns:topicArn": topic}, {"aws:sns:topicArn": f"{topic}x"}),
            "sqs": (
                {"aws:sqs:arn": self.arn("sqs", queue)},
                {"aws:sqs:arn": self.arn("sqs", f"{queue}x")},
            ),
            "dynamodb": ({name: table} | whose, {name: f"{table}x"} | whose),
        }

    @cached_property
    def pseudonym_key(self) -> str:
        """ARN of the HMAC key that pseudonyms are derived from."""
        key = self.deployed.one("AWS::KMS::Key", "security", "Pseudonyms")
        return self.arn("kms", f"key/{key}")

    @cached_property
    def pointers(self) -> dict[str, str]:
        """Parameter → model package that it names now."""
        ssm, scope = self.platform.client("ssm"), self.deployed.scope
        found = [ssm.get_parameter(Name=scope.pointer(v))["Parameter"] for v in names.VARIANTS]
        return {parameter["Name"]: parameter["Value"] for parameter in found}

    @cached_property
    def trail_logs(self) -> str:
        """Log group that the trail writes to."""
        return self.deployed.one("AWS::Logs::LogGroup", "audit", "AuditTrailLogs")

    @property
    def storage_endpoint(self) -> str:
        """Id of the VPC endpoint that workloads reach S3 through."""
        found = self.platform.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        return str(next(e["VpcEndpointId"] for e in found if e["ServiceName"].endswith(".s3")))

    @property
    def serving_stack(self) -> str:
        """ARN of the serving stack as the evaluator sees a request that gives its name."""
        return self.arn(
            "cloudformation", f"stack/{self.deployed.scope.stack(self.deployed.stack('serving'))}/*"
        )

    def key_of(self, zone: str) -> str:
        """ARN of the key a zone's objects are under."""
        domain = {"raw": "Raw", "landing": "Raw", "curated": "Data", "features": "Data"}
        return self.keys[domain.get(zone, "Logs" if zone in LOG_ZONES else "Models")]

    def object(self, zone: str, prefix: str, name: str = PROBE) -> str:
        """ARN of a probe object."""
        return f"arn:aws:s3:::{self.buckets[zone]}/{prefix}{name}"

    def role(self, stack: str, logical: str) -> str:
        """ARN of a deployed role."""
        return self.role_arn(self.deployed.one("AWS::IAM::Role", stack, logical))

    def role_arn(self, name: str) -> str:
        """ARN of a role, its path included."""
        return self._roles[name]

    @cached_property
    def _roles(self) -> dict[str, str]:
        pages = self.platform.client("iam").get_paginator("list_roles").paginate()
        return {role["RoleName"]: role["Arn"] for page in pages for role in page["Roles"]}
