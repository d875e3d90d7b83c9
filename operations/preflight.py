"""What CloudFormation would find out half-way through a deploy, asked of the account before it.

Replication needs buckets that somebody else brings: S3 refuses a configuration whose destination
does not exist, keeps no versions or, for the locked trail, has no Object Lock.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html

Reserved concurrency is taken out of the account's quota, 100 of which Lambda keeps unreserved; in a
new account the whole quota may be 10.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html

Security groups name S3 and DynamoDB by AWS's prefix lists of the Region. EC2 refuses an id that it
does not know, but not one of another service: workloads would then wait for connections.
https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from config.settings import Replication, Settings
from operations.deployed import Deployed

KEPT_UNRESERVED = 100
FUNCTION = "AWS::Lambda::Function"


class PreflightError(RuntimeError):
    """The account would refuse the deploy; the message says what to change where."""


def wanted_concurrency(assembly: Mapping[str, Any]) -> int:
    """Executions that the functions of all templates reserve together."""
    return sum(
        int(resource["Properties"].get("ReservedConcurrentExecutions", 0))
        for template in assembly.values()
        for resource in template["Resources"].values()
        if resource["Type"] == FUNCTION
    )


def check_concurrency(client: Any, assembly: Mapping[str, Any], deployed: Deployed) -> None:
    """Compare what the templates reserve with what the account can still give.

    Args:
        client: of Lambda, in the account and Region of the deploy.
        assembly: templates by stack name.
        deployed: what is there now; its reservations are given back by the same update.

    Raises:
        PreflightError: the quota leaves too little.
    """
    wanted = wanted_concurrency(assembly)
    if not wanted:
        return
    free = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    available = free + _already_reserved(client, deployed) - KEPT_UNRESERVED
    if wanted > available:
        raise PreflightError(
            f"reserved_concurrency: the settings reserve {wanted} concurrent executions; allowed: "
            f"at most {max(available, 0)} in this account, which must keep {KEPT_UNRESERVED} "
            "unreserved. Lower the values in the settings file or raise Lambda's quota "
            "'Concurrent executions'."
        )


def _already_reserved(client: Any, deployed: Deployed) -> int:
    return sum(
        client.get_function_concurrency(FunctionName=function.physical_id).get(
            "ReservedConcurrentExecutions", 0
        )
        for function in deployed.of_type(FUNCTION)
    )


def check_prefix_lists(client: Any, settings: Settings) -> None:
    """Compare the settings' prefix lists with those of the Region.

    Args:
        client: of EC2, in the Region of the deploy.
        settings: ``network.prefix_lists``; without them nothing is asked.

    Raises:
        PreflightError: an id is another list's; the message has the right ones.
    """
    given = settings.network.prefix_lists
    if given is None:
        return
    names = {f"com.amazonaws.{settings.region}.{name}": pl for pl, name in given.services.items()}
    asked = [{"Name": "prefix-list-name", "Values": sorted(names)}]
    found = {
        item["PrefixListName"]: item["PrefixListId"]
        for item in client.describe_prefix_lists(Filters=asked)["PrefixLists"]
    }
    wrong = [
        f"{name} is {found.get(name, 'unknown')}, not {pl}"
        for name, pl in sorted(names.items())
        if found.get(name) != pl
    ]
    if wrong:
        raise PreflightError(
            f"network.prefix_lists: in {settings.region} {'; '.join(wrong)}. Change the ids in the "
            "settings file."
        )


LOCKED = "audit"
REPLICATED = (
    "landing", "raw", "curated", "features", "artifacts", "monitoring", "access-logs", LOCKED,
)  # fmt: skip
"""What is replicated, by the last part of the destination's name."""


def replica_buckets(replication: Replication) -> dict[str, str]:
    """Destination bucket of each replicated one."""
    return {zone: f"{replication.bucket_prefix}-{zone}" for zone in REPLICATED}


def check_replication(client: Any, settings: Settings) -> None:
    """Look whether every bucket that replicas go to is there and ready.

    Args:
        client: of S3, in the replicas' Region.
        settings: where they should be.

    Raises:
        PreflightError: naming every bucket that is not, with the reason.
    """
    if settings.replication is None:
        return
    wrong = [
        f"{bucket}: {reason}"
        for zone, bucket in replica_buckets(settings.replication).items()
        if (reason := _unfit(client, settings.replication, bucket, locked=zone == LOCKED))
    ]
    if wrong:
        raise PreflightError(
            f"replication: {len(wrong)} of {len(REPLICATED)} destination buckets are not ready in "
            f"{settings.replication.region}:\n  " + "\n  ".join(wrong) + "\nThe platform team "
            "brings them (docs/first-deploy.md, section Replicas), or remove replication from the "
            "settings file."
        )


def _unfit(client: Any, replication: Replication, bucket: str, *, locked: bool) -> str:
    """Why a bucket cannot take replicas; empty if it can."""
    owner = {"ExpectedBucketOwner": replication.account} if replication.account else {}
    try:
        if client.get_bucket_versioning(Bucket=bucket, **owner).get("Status") != "Enabled":
            return "keeps no versions"
        if locked:
            client.get_object_lock_configuration(Bucket=bucket, **owner)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return _REASONS.get(code, f"{code}: {error.response['Error'].get('Message', '')}")
    return ""


_REASONS = {
    "404": "does not exist",
    "NoSuchBucket": "does not exist",
    "ObjectLockConfigurationNotFoundError": "has no Object Lock, which the locked trail needs",
    "AccessDenied": "cannot be looked at: it belongs to another account than replication.account, "
    "or its policy does not let this account call s3:GetBucketVersioning and "
    "s3:GetBucketObjectLockConfiguration",
    "403": "cannot be looked at",
    "PermanentRedirect": "is in another Region than replication.region",
    "AuthorizationHeaderMalformed": "is in another Region than replication.region",
    "IllegalLocationConstraintException": "is in another Region than replication.region",
}
