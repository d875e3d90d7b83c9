"""Combinations of the replicas' settings that are refused."""

from __future__ import annotations

from config.regions import PARTITIONS, partition
from config.rule import AWS, Rule
from config.settings import Settings

_REPLICATION = f"{AWS}AmazonS3/latest/userguide/replication.html"

_REPLICA_KEYS = f"{AWS}AmazonS3/latest/userguide/replication-config-for-kms-objects.html"

_BUCKET_NAMES = f"{AWS}AmazonS3/latest/userguide/bucketnamingrules.html"

# What no bucket's name begins with.
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")


def _of_replica_keys(settings: Settings, part: int) -> set[str]:
    """What stands at this place of the ARNs of the replicas' keys."""
    replication = settings.replication
    keys = replication.keys.model_dump().values() if replication else ()
    return {key.split(":")[part] for key in keys}


def _replica_key_elsewhere(settings: Settings) -> bool:
    replication = settings.replication
    return replication is not None and _of_replica_keys(settings, 3) != {replication.region}


def _replica_key_of_partition(settings: Settings) -> bool:
    return bool(_of_replica_keys(settings, 1) - {partition(settings.region)})


def _replica_account(settings: Settings) -> str | None:
    """Who owns the replicas' buckets; None where that is whoever deploys."""
    replication = settings.replication
    return replication.account or settings.account if replication else None


def _replica_key_of_another(settings: Settings) -> bool:
    accounts = _of_replica_keys(settings, 4)
    owner = _replica_account(settings)
    return len(accounts) > 1 or (owner is not None and accounts != {owner})


def _replica_key_owner(settings: Settings) -> str:
    owner = _replica_account(settings)
    whose = f"keys of {owner}, the account" if owner else "keys of one account, the deployment's,"
    return (
        f"allowed: {whose} of the replicas' buckets (replication.account, or account without it): "
        "another's key opens no replica to its owner"
    )


def _bad_replica_name(settings: Settings) -> bool:
    replication = settings.replication
    if replication is None:
        return False
    prefix = replication.bucket_prefix
    return ".." in prefix or prefix.startswith(_RESERVED_PREFIXES)


RULES: tuple[Rule, ...] = (
    Rule("replica-partition", "replication.region", ("region",),
         lambda s: s.replication is not None
         and partition(s.replication.region) != partition(s.region),
         lambda s: f"allowed: a Region of {s.region}'s partition, {partition(s.region)}; S3 "
         "replicates into no other", PARTITIONS),
    Rule("replica-keys-partition", "replication.keys", ("region",), _replica_key_of_partition,
         lambda s: f"allowed: keys of {s.region}'s partition, arn:{partition(s.region)}:kms:…; IAM "
         "refuses a policy that names another's", PARTITIONS),
    Rule("replica-region", "replication.region", ("region",),
         lambda s: s.replication is not None and s.replication.region == s.region,
         "allowed: another Region than {settings.region}; versions already protect within one",
         _REPLICATION),
    Rule("replica-keys", "replication.keys", ("replication.region",), _replica_key_elsewhere,
         "allowed: keys in replication.region, {settings.replication.region}, where the replicas "
         "are encrypted", _REPLICA_KEYS),
    Rule("replica-keys-owner", "replication.keys", ("replication.account", "account"),
         _replica_key_of_another, _replica_key_owner, _REPLICA_KEYS),
    Rule("replica-bucket-names", "replication.bucket_prefix", (), _bad_replica_name,
         "allowed: no adjacent periods, and none of " + ", ".join(_RESERVED_PREFIXES),
         _BUCKET_NAMES),
)  # fmt: skip
