"""AWS's prefix lists by their real ids, as far as they are known: MiniStack makes them up.

The ids of a Region are the same in every account.
https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
"""

from __future__ import annotations

from collections.abc import Callable

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.ec2"
IDS = {
    "com.amazonaws.eu-west-1.s3": "pl-6da54004",
    "com.amazonaws.eu-west-1.dynamodb": "pl-6fa54006",
}
pin(_MODULE, _aws_pl_id_from_name="callable")


def _real(original: Callable[[str], str]) -> Callable[[str], str]:
    return lambda name: IDS.get(name) or original(name)


def attach(_tables: Tables) -> None:
    """Answer with the real ids."""
    replace(_MODULE, "_aws_pl_id_from_name", _real)
