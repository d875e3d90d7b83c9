"""Combinations of the network's settings that are refused."""

from __future__ import annotations

import ipaddress
import re

from config.rule import AWS, Rule
from config.settings import Settings

_VPC = f"{AWS}vpc/latest/userguide/vpc-cidr-blocks.html"

_ZONES = f"{AWS}global-infrastructure/latest/regions/aws-availability-zones.html"

_PREFIX_LISTS = f"{AWS}vpc/latest/userguide/working-with-aws-managed-prefix-lists.html"

SUBNET_PREFIX = 20
"""Prefix length of the subnets that the network stack makes."""

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


RULES: tuple[Rule, ...] = (
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
)  # fmt: skip
