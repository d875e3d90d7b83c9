"""Lambda: environment, layers, concurrency and logs."""

from __future__ import annotations

import json
import re

from local.emulator.refusals import Properties, refuses

FUNCTION = "AWS::Lambda::Function"
_NAME = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
_ENVIRONMENT_BYTES = 4096
_BOUNDS = {"MemorySize": (128, 10_240), "Timeout": (1, 900)}
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: set by Lambda itself.
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def _variables(properties: Properties) -> dict[str, str]:
    found: dict[str, str] = properties.get("Environment", {}).get("Variables", {})
    return found


@refuses("reserved-variables", FUNCTION)
def _reserved(properties: Properties) -> str | None:
    taken = sorted(RESERVED & set(_variables(properties)))
    if taken:
        return (
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided contains reserved keys: {', '.join(taken)}"
        )
    return None


@refuses("variable-names", FUNCTION)
def _names(properties: Properties) -> str | None:
    ours = set(_variables(properties)) - RESERVED
    wrong = sorted(name for name in ours if not _NAME.fullmatch(name))
    if wrong:
        return f"Environment variable {wrong[0]!r}: allowed: {_NAME.pattern}"
    return None


@refuses("variables-size", FUNCTION)
def _size(properties: Properties) -> str | None:
    size = len(json.dumps(_variables(properties)).encode())
    if size > _ENVIRONMENT_BYTES:
        return (
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit: {size} bytes"
        )
    return None


@refuses("log-levels-need-json", FUNCTION)
def _log_levels(properties: Properties) -> str | None:
    logging = properties.get("LoggingConfig", {})
    levels = [name for name in ("ApplicationLogLevel", "SystemLogLevel") if name in logging]
    if levels and logging.get("LogFormat") != "JSON":
        return f"LoggingConfig {levels[0]}: allowed with LogFormat JSON"
    return None


@refuses("archive-needs-runtime", FUNCTION)
def _runtime(properties: Properties) -> str | None:
    if "ImageUri" in properties.get("Code", {}) or properties.get("PackageType") == "Image":
        return None
    absent = [name for name in ("Handler", "Runtime") if not properties.get(name)]
    return f"{' and '.join(absent)}: required for a .zip file archive" if absent else None


@refuses("function-time-and-memory", FUNCTION)
def _bounds(properties: Properties) -> str | None:
    for name, (least, most) in _BOUNDS.items():
        if not least <= int(properties.get(name, least)) <= most:
            return f"{name} {properties[name]}: allowed: {least} to {most}"
    return None
