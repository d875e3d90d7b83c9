"""The workloads that have a security group of their own: every function, and the kinds of job."""

from __future__ import annotations

from enum import StrEnum

from core.workload import PSEUDONYMS, Calls, Group, Service
from lambdas.functions import FUNCTIONS


class Job(StrEnum):
    """What runs in our network beside functions. A Spark job's value is its script below
    ``glue_jobs/``.
    """

    CURATE = "curate"
    FEATURES = "features"
    OUTCOMES = "outcomes"
    TRAINING = "training"
    MONITOR = "monitor"
    SERVING = "serving"


_METRICS = ("cloudwatch:PutMetricData",)
_WRITES = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject")
_SPARK = (
    Calls(
        Service.S3, "Spark reads and writes the zones",
        ("s3:DeleteObject", "s3:GetBucketLocation", *_WRITES),
    ),
    Calls(Service.CLOUDWATCH, "Spark workers put metrics", _METRICS),
    Calls(
        Service.LOGS, "Spark workers send their logs",
        ("logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream",
         "logs:PutLogEvents"),
    ),
)  # fmt: skip


def _catalog(*more: str) -> Calls:
    return Calls(
        Service.GLUE,
        "Spark finds its tables in the catalog",
        ("glue:GetConnection", "glue:GetTable", *more),
    )


# Glue refuses a connection whose group has no rule among its own members on all TCP ports. Curate
# has one apart from features, for its workers hold classified values in clear. SageMaker asks for
# such a rule for clusters only, and every job here has one instance.
# https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
# https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html
JOBS = {
    Job.CURATE: Group(
        "Spark workers of the curate job",
        (PSEUDONYMS, *_SPARK, _catalog("glue:UpdateTable")),
        among_itself=True,
    ),
    Job.FEATURES: Group(
        "Spark workers of the features job", (*_SPARK, _catalog()), among_itself=True
    ),
    Job.OUTCOMES: Group(
        "Spark workers of the outcomes job", (*_SPARK, _catalog()), among_itself=True
    ),
    Job.TRAINING: Group(
        "SageMaker training and evaluation jobs",
        (Calls(Service.S3, "inputs and outputs of the jobs", _WRITES),),
    ),
    Job.MONITOR: Group(
        "SageMaker monitor job",
        (
            Calls(Service.S3, "inputs and output of the job", _WRITES),
            Calls(Service.CLOUDWATCH, "puts the metrics of the model", _METRICS),
        ),
    ),
    Job.SERVING: Group(
        "model containers of the SageMaker endpoint",
        (Calls(Service.S3, "model archives are loaded through the containers' network", _WRITES),),
    ),
}  # fmt: skip

# By a function's name or a job's.
GROUPS: dict[str, Group] = {name: function.group for name, function in FUNCTIONS.items()} | {
    str(job): group for job, group in JOBS.items()
}


def users(service: Service) -> dict[str, Calls]:
    """Workloads that call a service, and what."""
    found = {workload: group.of(service) for workload, group in GROUPS.items()}
    return {workload: calls for workload, calls in found.items() if calls}
