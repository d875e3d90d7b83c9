"""Step Functions: the services that a machine calls, and where it logs."""

from __future__ import annotations

import re

from local.emulator.refusals import Properties, refuses
from local.services.states.refusals import MACHINE, states

_LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]+:\d{12}:log-group:[^:]+:\*")
# https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
_SYNC = {
    "athena": {"startQueryExecution"},
    "batch": {"submitJob"},
    "bedrock": {"createModelCustomizationJob"},
    "codebuild": {"startBuild", "startBuildBatch"},
    "databrew": {"startJobRun"},
    "ecs": {"runTask"},
    "glue": {"startJobRun"},
    "sagemaker": {
        "createTrainingJob",
        "createTransformJob",
        "createProcessingJob",
        "createHyperParameterTuningJob",
        "createLabelingJob",
    },
    "states": {"startExecution"},
}
_SERVICE = re.compile(r"arn:[^:]+:states:::(?P<service>[\w-]+):(?P<action>[\w:-]+)(?P<how>\.\S+)?")


@refuses("integration-that-waits", MACHINE)
def _sync(properties: Properties) -> str | None:
    for name, state in states(properties):
        match = _SERVICE.fullmatch(str(state.get("Resource", "")).strip())
        if match is None:
            continue
        action, how = match["action"], match["how"] or ""
        if how.startswith(".sync") and action not in _SYNC.get(match["service"], set()):
            return (
                f"{name}: The resource provided {state['Resource']} is not recognized. The value "
                "is not a valid resource ARN, or the resource is not available in this region. "
                f"Allowed with .sync: {', '.join(sorted(_SYNC))}"
            )
    return None


@refuses("sdk-integration-exists", MACHINE)
def _sdk(properties: Properties) -> str | None:
    from local.emulator import sdk_calls

    for name, state in states(properties):
        match = _SERVICE.fullmatch(str(state.get("Resource", "")).strip())
        if match is None or match["service"] != "aws-sdk":
            continue
        service, _, action = match["action"].partition(":")
        try:
            known = sdk_calls.operation(sdk_calls.botocore_service(service), action) is not None
        except sdk_calls.UnknownCallError:
            known = False
        if not known or not action[:1].islower():
            return f"{name}: The resource provided {state['Resource']} is not recognized."
    return None


@refuses("log-group-arn-ends-with-a-star", MACHINE)
def _log_group(properties: Properties) -> str | None:
    for entry in properties.get("LoggingConfiguration", {}).get("Destinations", []):
        arn = entry.get("CloudWatchLogsLogGroup", {}).get("LogGroupArn", "")
        if not _LOG_GROUP.fullmatch(arn):
            return f"LogGroupArn {arn!r}: allowed: the ARN of a log group with :* at its end"
    return None


@refuses("logging-has-a-destination", MACHINE)
def _log_level(properties: Properties) -> str | None:
    logging = properties.get("LoggingConfiguration", {})
    if logging.get("Level", "OFF") != "OFF" and not logging.get("Destinations"):
        return (
            f"Invalid Logging Configuration: level {logging['Level']} without Destinations; "
            "allowed: exactly one log group"
        )
    return None
