"""Forms of texts in the settings: the pattern that a model holds them to, and what it means."""

from __future__ import annotations

from functools import cache
from typing import Final

from stacks import registry

INSTANCE: Final = r"^[a-z][a-z0-9]{1,15}$"
ENVIRONMENT: Final = r"^[a-z][a-z0-9]{1,9}$"
MODEL: Final = r"^[a-z][a-z0-9]{0,15}$"
ACCOUNT: Final = r"^[0-9]{12}$"
REGION: Final = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
# What every service takes as the value of a tag, without the colon of the reserved prefix `aws:`.
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAG_VALUE: Final = r"^[\w ./=+@-]+$"
EMAIL: Final = r"^[^@\s]+@[^@\s]+$"
PREFIX_LIST: Final = r"^pl-[0-9a-f]{8,17}$"
# Path and name of a role of the deployment's account, or a role's ARN. A star may end the name, as
# names of permission sets need it, and stand nowhere else: one at the front would name everybody.
ROLE: Final = (
    r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?([a-zA-Z0-9_+=,.@-]+/)*[a-zA-Z0-9_+=,.@-]{3,}\*?$"
)
VPC_ENDPOINT: Final = r"^vpce-[0-9a-f]{8,17}$"

FORMS: Final = {
    INSTANCE: "2 to 16 lower-case letters and digits, a letter first",
    ENVIRONMENT: "2 to 10 lower-case letters and digits, a letter first",
    MODEL: "1 to 16 lower-case letters and digits, a letter first",
    ACCOUNT: "an account's 12 digits, in quotes",
    REGION: "a Region's name, such as eu-west-1",
    TAG_VALUE: "a tag's value: letters, digits, spaces and . / = + @ _ -",
    EMAIL: "one e-mail address",
    PREFIX_LIST: "a prefix list's id, such as pl-6da54004",
    ROLE: "a role's ARN, or its path and name of at least 3 characters; a star only at the end",
    VPC_ENDPOINT: "a VPC endpoint's id, such as vpce-0a1b2c3d4e5f60718",
}


@cache
def known() -> dict[str, str]:
    """Words by pattern; those of optional capabilities, too."""
    return FORMS | {p: words for part in registry.parts("forms") for p, words in part.FORMS.items()}
