"""Reserved concurrency: it is taken out of the account's quota, of which Lambda keeps 100 free.

In a new account the whole quota may be 10.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from collections.abc import Iterator

from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry

KEPT_UNRESERVED = 100
FUNCTION = "AWS::Lambda::Function"
SUBJECT = "reserved concurrency"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
QUOTA_CODE = "L-B99A9384"


def wanted_concurrency(inquiry: Inquiry) -> int:
    """Executions that the functions of all templates reserve together."""
    return sum(
        int(function.get("ReservedConcurrentExecutions", 0))
        for function in inquiry.resources(FUNCTION)
    )


def concurrency(inquiry: Inquiry) -> Iterator[Answer]:
    """Compare what the templates reserve with what the account can still give.

    What is reserved by functions that are deployed already is given back by the same update.
    """
    wanted = wanted_concurrency(inquiry)
    if not wanted:
        return
    client = inquiry.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]
    given_back = sum(
        client.get_function_concurrency(FunctionName=function.physical_id).get(
            "ReservedConcurrentExecutions", 0
        )
        for function in inquiry.deployed.of_type(FUNCTION)
    )
    available = limit["UnreservedConcurrentExecutions"] + given_back - KEPT_UNRESERVED
    said = f"{max(available, 0)} can be reserved; wanted: {wanted} (reserved_concurrency)"
    if wanted <= available:
        yield Answer(SUBJECT, State.OK, said)
        return
    enough = limit.get("ConcurrentExecutions", 0) + wanted - available
    yield Answer(
        SUBJECT,
        State.TOO_LOW,
        said,
        "lower reserved_concurrency in the settings file, or aws service-quotas "
        f"request-service-quota-increase --region {inquiry.settings.region} --service-code lambda "
        f"--quota-code {QUOTA_CODE} --desired-value {enough}",
    )
