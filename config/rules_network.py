"""Combinations of Region, network, perimeter and replicas that are refused."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from config.rule import AWS, Rule
from config.settings import Settings
from config.settings_network import Perimeter

_VPC = f"{AWS}vpc/latest/userguide/vpc-cidr-blocks.html"
_ZONES = f"{AWS}global-infrastructure/latest/regions/aws-availability-zones.html"
_PREFIX_LISTS = f"{AWS}vpc/latest/userguide/working-with-aws-managed-prefix-lists.html"
_PERIMETER = f"{AWS}IAM/latest/UserGuide/access_policies_data-perimeters.html"
_REPLICATION = f"{AWS}AmazonS3/latest/userguide/replication.html"
_REPLICA_KEYS = f"{AWS}AmazonS3/latest/userguide/replication-config-for-kms-objects.html"
_PARTITIONS = f"{AWS}whitepapers/latest/aws-fault-isolation-boundaries/partitions.html"
_BUCKET_NAMES = f"{AWS}AmazonS3/latest/userguide/bucketnamingrules.html"

SUBNET_PREFIX = 20
"""Prefix length of the subnets that the network stack makes."""
# What no bucket's name begins with.
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
# VPC limits of a block's prefix length.
_SHORTEST, _LONGEST = 16, 28
# Addresses that are nobody's on the Internet and may be a VPC's: RFC 1918, and RFC 6598's.
_PRIVATE = tuple(
    ipaddress.IPv4Network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
_DOCKER = ipaddress.IPv4Network("172.17.0.0/16")
# No Region has more zones than us-east-1; Local and Wavelength Zones have longer names.
_ZONE_LETTERS = "abcdef"


@lru_cache(maxsize=1)
def _image_regions() -> frozenset[str]:
    """Regions for which the committed table knows the XGBoost image's registry."""
    table: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("images.yaml").read_text())
    return frozenset(table["xgboost"]["registries"])


def _block(settings: Settings) -> ipaddress.IPv4Network | None:
    """The VPC's block, or None where a VPC could not have it."""
    try:
        block = ipaddress.IPv4Network(settings.network.cidr)
    except ValueError:
        return None
    private = any(block.subnet_of(known) for known in _PRIVATE)
    return block if private and _SHORTEST <= block.prefixlen <= _LONGEST else None


def _docker_s(settings: Settings) -> bool:
    block = _block(settings)
    return block is not None and block.overlaps(_DOCKER)


def _lacks_room(settings: Settings) -> bool:
    """Whether the block is too small for one subnet of :data:`SUBNET_PREFIX` in each zone."""
    block = _block(settings)
    if block is None:
        return False
    zones = len(settings.network.availability_zones)
    return block.prefixlen > SUBNET_PREFIX or zones > 1 << (SUBNET_PREFIX - block.prefixlen)


def _foreign_zone(settings: Settings) -> bool:
    form = re.compile(rf"{re.escape(settings.region)}[{_ZONE_LETTERS}]")
    return not all(form.fullmatch(zone) for zone in settings.network.availability_zones)


def partition(region: str) -> str:
    """The part of AWS that the Region belongs to, as ARNs name it."""
    named = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for begin, name in named.items() if region.startswith(begin)), "aws")


def _foreign_roles(settings: Settings) -> bool:
    roles = (*settings.perimeter.break_glass_roles, *settings.perimeter.landing_roles)
    arns = [role for role in roles if role.startswith("arn:")]
    return any(arn.split(":")[1] != partition(settings.region) for arn in arns)


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


NETWORK_RULES = (
    Rule("endpoint-zones", "network.interface_endpoint_zones", ("network.availability_zones",),
         lambda s: s.network.interface_endpoint_zones > len(s.network.availability_zones),
         "allowed: at most the number of network.availability_zones",
         f"{AWS}vpc/latest/privatelink/create-interface-endpoint.html"),
    Rule("zones-in-region", "network.availability_zones", ("region",), _foreign_zone,
         "allowed: zones of {settings.region}, {settings.region} with a letter of a to "
         f"{_ZONE_LETTERS[-1]} as `aws ec2 describe-availability-zones` lists them", _ZONES),
    Rule("zones-distinct", "network.availability_zones", (),
         lambda s: len(set(s.network.availability_zones)) < len(s.network.availability_zones),
         "allowed: each zone once"),
    Rule("cidr-block", "network.cidr", (), lambda s: _block(s) is None,
         f"allowed: a block of /{_SHORTEST} to /{_LONGEST} without host bits in "
         + ", ".join(map(str, _PRIVATE)), _VPC),
    Rule("cidr-beside-docker", "network.cidr", (), _docker_s,
         f"allowed: a block that leaves {_DOCKER} alone, Docker has it on SageMaker's instances "
         "and what lies there in the VPC is not reached", _VPC),
    Rule("cidr-room", "network.cidr", ("network.availability_zones",), _lacks_room,
         f"allowed: room for a /{SUBNET_PREFIX} subnet in each zone: /19 or larger for two zones, "
         "/18 or larger for three", _VPC),
    Rule("prefix-lists-differ", "network.prefix_lists", (),
         lambda s: s.network.prefix_lists is not None and len(s.network.prefix_lists.services) < 2,
         "allowed: two lists, S3's and DynamoDB's; under one id calls to the other would hang",
         _PREFIX_LISTS),
    Rule("perimeter-break-glass", "perimeter.break_glass_roles", ("perimeter.enabled",),
         lambda s: s.perimeter.enabled and not s.perimeter.break_glass_roles,
         "allowed with perimeter.enabled: at least one role, or nobody can look into a bucket or "
         "empty it when something is wrong", _PERIMETER),
    Rule("perimeter-off", "perimeter.enabled",
         ("perimeter.break_glass_roles", "perimeter.landing_roles", "perimeter.vpc_endpoints"),
         lambda s: s.perimeter != Perimeter(enabled=s.perimeter.enabled)
         and not s.perimeter.enabled,
         "allowed with roles or endpoints listed: true, for they have no effect without it"),
    Rule("perimeter-partition", "perimeter", ("region",), _foreign_roles,
         lambda s: f"allowed: names of roles, or ARNs of the partition of {s.region}, "
         f"arn:{partition(s.region)}:iam::…; roles of another have no way in", _PARTITIONS),
    Rule("replica-partition", "replication.region", ("region",),
         lambda s: s.replication is not None
         and partition(s.replication.region) != partition(s.region),
         lambda s: f"allowed: a Region of {s.region}'s partition, {partition(s.region)}; S3 "
         "replicates into no other", _PARTITIONS),
    Rule("replica-keys-partition", "replication.keys", ("region",), _replica_key_of_partition,
         lambda s: f"allowed: keys of {s.region}'s partition, arn:{partition(s.region)}:kms:…; IAM "
         "refuses a policy that names another's", _PARTITIONS),
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
    Rule("region-has-image", "region", (), lambda s: s.region not in _image_regions(),
         "allowed: a Region listed in config/images.yaml",
         f"{AWS}sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html"),
)  # fmt: skip
