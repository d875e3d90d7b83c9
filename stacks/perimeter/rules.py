"""Combinations of the perimeter's settings that are refused."""

from __future__ import annotations

from config.regions import PARTITIONS, partition
from config.rule import AWS, Rule
from config.settings import Settings
from stacks.perimeter.settings import Perimeter

_PERIMETER = f"{AWS}IAM/latest/UserGuide/access_policies_data-perimeters.html"


def _foreign_roles(settings: Settings) -> bool:
    roles = (*settings.perimeter.break_glass_roles, *settings.perimeter.landing_roles)
    arns = [role for role in roles if role.startswith("arn:")]
    return any(arn.split(":")[1] != partition(settings.region) for arn in arns)


RULES: tuple[Rule, ...] = (
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
         f"arn:{partition(s.region)}:iam::…; roles of another have no way in", PARTITIONS),
)  # fmt: skip
