"""Glue: jobs, connections, encryption, names in the catalog."""

from __future__ import annotations

from typing import Any

from local.emulator.refusals import Properties, refuses

JOB = "AWS::Glue::Job"
LONGEST_RUN = 10080
VERSIONS = ("0.9", "1.0", "2.0", "3.0", "4.0", "5.0", "5.1")
_FLEX_WORKERS = ("G.1X", "G.2X")


def _version(properties: Properties) -> float:
    return float(properties.get("GlueVersion", 5.1))


def _command(properties: Properties) -> str:
    return str(properties["Command"].get("Name", ""))


@refuses("glue-workers-or-capacity", JOB)
def _capacity(properties: Properties) -> str | None:
    if "MaxCapacity" not in properties:
        return None
    if "WorkerType" in properties or "NumberOfWorkers" in properties:
        return "Please do not set Max Capacity if using Worker Type and Number of Workers."
    if _command(properties) == "glueetl" and _version(properties) >= 2:
        return f"MaxCapacity is not allowed with Glue version {properties.get('GlueVersion')}"
    return None


@refuses("glue-workers-both", JOB)
def _both(properties: Properties) -> str | None:
    given = [name for name in ("WorkerType", "NumberOfWorkers") if name in properties]
    if len(given) != 1:
        return None
    return f"Please set both Worker Type and Number of Workers, not {given[0]} alone"


@refuses("glue-worker-fits-command", JOB)
def _worker(properties: Properties) -> str | None:
    worker, command = properties.get("WorkerType"), _command(properties)
    if worker == "G.025X" and command != "gluestreaming":
        return f"Worker type G.025X is for gluestreaming alone, not {command}"
    if worker == "Z.2X" and command != "glueray":
        return f"Worker type Z.2X is for glueray alone, not {command}"
    return None


@refuses("glue-flex", JOB)
def _flex(properties: Properties) -> str | None:
    if properties.get("ExecutionClass") != "FLEX":
        return None
    if _command(properties) != "glueetl" or _version(properties) < 3:
        return "ExecutionClass FLEX needs the command glueetl and Glue version 3.0 or later"
    if properties.get("WorkerType", "G.1X") not in _FLEX_WORKERS:
        return f"ExecutionClass FLEX takes {_FLEX_WORKERS}, not {properties['WorkerType']}"
    return None


@refuses("glue-timeout", JOB)
def _timeout(properties: Properties) -> str | None:
    minutes = int(properties.get("Timeout", 1))
    return f"Timeout {minutes}: allowed at most {LONGEST_RUN}" if minutes > LONGEST_RUN else None


@refuses("glue-version-known", JOB)
def _known(properties: Properties) -> str | None:
    version = properties.get("GlueVersion")
    if version is None or version in VERSIONS:
        return None
    return f"Invalid Glue version {version}; allowed: {VERSIONS}"


@refuses("glue-python-three", JOB)
def _python(properties: Properties) -> str | None:
    python = str(properties["Command"].get("PythonVersion", "3"))
    if _command(properties) != "glueetl" or _version(properties) < 2 or python == "3":
        return None
    return f"PythonVersion {python}: allowed with Glue version 2.0 and later: 3"


@refuses("glue-network-connection", "AWS::Glue::Connection")
def _connection(properties: Properties) -> str | None:
    given = properties["ConnectionInput"]
    place = given.get("PhysicalConnectionRequirements") or {}
    missing = [name for name in ("SubnetId", "SecurityGroupIdList") if not place.get(name)]
    if given["ConnectionType"] != "NETWORK" or not missing:
        return None
    return f"A NETWORK connection needs {missing} in PhysicalConnectionRequirements"


def _modes(configuration: Any) -> list[dict[str, Any]]:
    parts = [configuration.get("CloudWatchEncryption"), configuration.get("JobBookmarksEncryption")]
    parts += configuration.get("S3Encryptions") or []
    return [part for part in parts if part]


@refuses("glue-encryption-needs-key", "AWS::Glue::SecurityConfiguration")
def _encryption(properties: Properties) -> str | None:
    for part in _modes(properties["EncryptionConfiguration"]):
        mode = next((str(v) for name, v in part.items() if name.endswith("Mode")), "")
        if mode.endswith("KMS") and not part.get("KmsKeyArn"):
            return f"KmsKeyArn is required with {mode}"
    return None


@refuses("glue-catalog-names-lower", "AWS::Glue::Database", "AWS::Glue::Table")
def _lower(properties: Properties) -> str | None:
    for section in ("DatabaseInput", "TableInput"):
        name = str((properties.get(section) or {}).get("Name", ""))
        if name != name.lower():
            return f"{section}/Name {name}: allowed: lower case, Glue folds others"
    return None
