"""SageMaker's log groups for jobs: one a kind of job for the whole account, so no stack owns them.

SageMaker makes them with the first job, for ever; the deployment's boundary keeps its own roles
from setting a retention. Whoever owns the account makes them once.
https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Iterator

from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry

GROUPS = {
    "createTrainingJob": "/aws/sagemaker/TrainingJobs",
    "createProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "createTransformJob": "/aws/sagemaker/TransformJobs",
}
SUBJECT = "shared log groups"


def shared_logs(inquiry: Inquiry) -> Iterator[Answer]:
    """Whether each forgets; one that does not costs, and stops nothing."""
    client = inquiry.client("logs")
    text = str(list(inquiry.definitions()))
    for action, name in GROUPS.items():
        if f"sagemaker:{action}" not in text:
            continue
        found = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        days = {group["logGroupName"]: group.get("retentionInDays") for group in found}.get(name)
        if days:
            yield Answer(f"log group {name}", State.OK, f"kept for {days} days")
            continue
        region, wanted = inquiry.settings.region, inquiry.settings.retention.log_days
        yield Answer(
            f"log group {name}",
            State.OK,
            "nothing in it expires: SageMaker makes it so with the account's first job",
            f"aws logs create-log-group --region {region} --log-group-name {name} (if it is not "
            f"there), then aws logs put-retention-policy --region {region} --log-group-name {name} "
            f"--retention-in-days {wanted}",
        )
