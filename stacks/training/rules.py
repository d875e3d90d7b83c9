"""Combinations of retraining that are refused, and how long a run may take."""

from __future__ import annotations

from config.instance_rules import Place, instance_rules
from config.rule import AWS, Rule
from config.schedule import SCHEDULE_PAGE, SCHEDULES, is_bad_schedule
from config.settings import Settings
from stacks.serving.guardrails import QUIET_MINUTES, SETTLES_IN_A_RUN, rollout_minutes

GLUE_JOBS = 2
"""Jobs that a retraining run starts: curate, so that the features are of all records, and those."""

GLUE_ATTEMPTS = 2
"""A run that fails is tried once more (``GLUE_RUN_FAILED`` of the state machines)."""

SPOT_PATIENCE = 2
"""A spot job may wait this many times its longest run time for capacity."""


def run_minutes(settings: Settings) -> int:
    """Longest a run holds the lease: Glue jobs, training, evaluation, experiment, roll-out."""
    training = settings.training
    return (
        GLUE_JOBS * GLUE_ATTEMPTS * settings.processing.timeout_minutes
        + SPOT_PATIENCE * training.max_runtime_minutes
        + training.evaluation_minutes
        + rollout_minutes(settings.serving)
    )


def _lease_needs(settings: Settings) -> str:
    return (
        f"allowed: at least {run_minutes(settings)}, or a second run starts while the first still "
        f"works: {GLUE_JOBS * GLUE_ATTEMPTS} * processing.timeout_minutes (curate and features, "
        f"each with a second try) + {SPOT_PATIENCE} * training.max_runtime_minutes + "
        "training.evaluation_minutes and, in serving.mode realtime, serving.experiment_minutes, "
        "three endpoint updates (15 minutes and their baking each) and "
        f"{SETTLES_IN_A_RUN} * {QUIET_MINUTES} minutes for alarms to be quiet"
    )


# The evaluation is a processing job on the type that trained.
_PLACE = Place(
    "training",
    "training-",
    ("training", "processing"),
    f"{AWS}sagemaker/latest/APIReference/API_ResourceConfig.html",
    lambda settings: settings.training,
)


RULES: tuple[Rule, ...] = (
    Rule("lease-outlives-run", "training.lease_minutes",
         ("training.max_runtime_minutes", "training.evaluation_minutes",
          "processing.timeout_minutes", "serving.experiment_minutes", "serving.bake_seconds",
          "serving.update"),
         lambda s: s.training.lease_minutes < run_minutes(s),
         _lease_needs),
    Rule("training-schedule", "training.schedule", (),
         lambda s: is_bad_schedule(s.training.schedule),
         SCHEDULES, SCHEDULE_PAGE),
    *instance_rules(_PLACE),
)  # fmt: skip
