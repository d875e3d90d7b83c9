"""Settings of the deployment as a whole that are refused."""

from __future__ import annotations

import re

from config.rule import AWS, Rule
from config.settings import Settings
from lambdas.functions import FUNCTIONS

_RESERVED = "https://www.rfc-editor.org/rfc/rfc2606"

_JOB_NAMES = f"{AWS}sagemaker/latest/APIReference/API_CreateTrainingJob.html"
# A digest, a redrive and an attempt follow (stacks/kit/sagemaker_jobs.py).
JOB_PREFIX = 63 - 36

_EXAMPLE = re.compile(r"[@.](example\.(com|net|org)|example|invalid|test|localhost)$", re.I)


def is_example(email: str) -> bool:
    """Whether the address is at a domain that no mail server ever has."""
    return _EXAMPLE.search(email) is not None


def _room_for_a_model(settings: Settings) -> str:
    used = f"{settings.instance}-{settings.environment}-"
    return (
        f"allowed: a name of at most {max(JOB_PREFIX - len(used), 0)} characters, which with "
        f"{used} are {JOB_PREFIX}: names of jobs have 63 and the rest tells executions apart; or a "
        "shorter instance or environment"
    )


RULES: tuple[Rule, ...] = (
    Rule("owner-is-somebody", "owner.email", ("account",),
         lambda s: s.account is not None and is_example(s.owner.email),
         "allowed with account {settings.account}: an address that somebody reads, every alarm "
         "goes there; mail to names that are kept for examples is lost", _RESERVED),
    Rule("names-fit-jobs", "model", ("instance", "environment"),
         lambda s: len(f"{s.instance}-{s.environment}-{s.model}") > JOB_PREFIX,
         _room_for_a_model, _JOB_NAMES),
    Rule("reserved-function-names", "reserved_concurrency", (),
         lambda s: bool(set(s.reserved_concurrency) - set(FUNCTIONS)),
         "allowed keys: " + ", ".join(FUNCTIONS)),
)  # fmt: skip
