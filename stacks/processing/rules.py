"""Settings of Glue's jobs that are refused."""

from __future__ import annotations

from config.rule import AWS, Rule
from config.schedule import SCHEDULE_PAGE, SCHEDULES, is_bad_schedule

_GLUE_JOBS = f"{AWS}glue/latest/dg/aws-glue-api-jobs-job.html"

# Regions in which Glue has its large workers.
LARGE_WORKERS = {
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-2", "eu-west-1", "eu-west-2",
    "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule("large-workers-region", "processing.worker_type", ("region",),
         lambda s: s.processing.worker_type == "G.4X" and s.region not in LARGE_WORKERS,
         "allowed in {settings.region}: G.1X or G.2X, Glue has no larger workers there",
         _GLUE_JOBS),
    Rule("curate-schedule", "processing.curate_schedule", (),
         lambda s: is_bad_schedule(s.processing.curate_schedule),
         SCHEDULES, SCHEDULE_PAGE),
)  # fmt: skip
