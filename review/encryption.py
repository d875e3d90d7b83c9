"""Every store and stream and the key it lies under.

A service-owned key is no key of ours: it is flagged, and its reason is the acknowledgement beside
the resource or an entry of ``docs/review/service-owned-keys.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from config.load import REPOSITORY
from review.assembly import Assembly, Resource
from review.findings import Acknowledgement
from review.resolve import text

REASONS = REPOSITORY / "docs" / "review" / "service-owned-keys.yaml"
SERVICE_OWNED = "service-owned"
# What is encrypted, and where the template names its key. `*` is each element of a list.
_PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "AWS::ApiGateway::Stage": (("response cache", "MethodSettings/*/CacheDataEncrypted"),),
    "AWS::Athena::WorkGroup": (
        (
            "query results",
            "WorkGroupConfiguration/ResultConfiguration/EncryptionConfiguration/KmsKey",
        ),
    ),
    "AWS::Backup::BackupVault": (("recovery points", "EncryptionKeyArn"),),
    "AWS::CloudTrail::Trail": (("log files", "KMSKeyId"),),
    "AWS::DynamoDB::Table": (("items", "SSESpecification/KMSMasterKeyId"),),
    "AWS::ECR::Repository": (("images", "EncryptionConfiguration/KmsKey"),),
    "AWS::Events::EventBus": (("events", "KmsKeyIdentifier"),),
    "AWS::Glue::SecurityConfiguration": (
        ("job output", "EncryptionConfiguration/S3Encryptions/*/KmsKeyArn"),
        ("job logs", "EncryptionConfiguration/CloudWatchEncryption/KmsKeyArn"),
        ("job bookmarks", "EncryptionConfiguration/JobBookmarksEncryption/KmsKeyArn"),
    ),
    "AWS::KinesisFirehose::DeliveryStream": (
        ("records in the stream", "DeliveryStreamEncryptionConfigurationInput/KeyARN"),
        (
            "delivered objects",
            "ExtendedS3DestinationConfiguration/EncryptionConfiguration/KMSEncryptionConfig/AWSKMSKeyARN",
        ),
        (
            "source backup",
            "ExtendedS3DestinationConfiguration/S3BackupConfiguration/EncryptionConfiguration/"
            "KMSEncryptionConfig/AWSKMSKeyARN",
        ),
    ),
    "AWS::Kinesis::Stream": (("records", "StreamEncryption/KeyId"),),
    "AWS::Lambda::Function": (("environment variables", "KmsKeyArn"),),
    "AWS::Logs::LogGroup": (("log events", "KmsKeyId"),),
    "AWS::S3::Bucket": (
        (
            "objects",
            "BucketEncryption/ServerSideEncryptionConfiguration/*/ServerSideEncryptionByDefault/"
            "KMSMasterKeyID",
        ),
    ),
    "AWS::SNS::Topic": (("messages", "KmsMasterKeyId"),),
    "AWS::SQS::Queue": (("messages", "KmsMasterKeyId"),),
    "AWS::SageMaker::EndpointConfig": (
        ("instance volumes", "KmsKeyId"),
        ("captured requests", "DataCaptureConfig/KmsKeyId"),
    ),
    "AWS::Scheduler::Schedule": (("call input", "KmsKeyArn"),),
    "AWS::SecretsManager::Secret": (("secret value", "KmsKeyId"),),
    "AWS::StepFunctions::StateMachine": (("execution data", "EncryptionConfiguration/KmsKeyId"),),
}
_JOBS = ("TrainingJobName", "ProcessingJobName")
_CATALOG = "AWS::Glue::DataCatalogEncryptionSettings"


@dataclass(frozen=True, slots=True, order=True)
class Encrypted:
    """One thing at rest and its key."""

    name: str
    type: str
    what: str
    key: str
    reason: str = ""
    """Why the key is not ours; empty for our own keys and where nobody gave a reason."""
    evidence: str = ""

    @property
    def ours(self) -> bool:
        """Whether the key is one of the deployment's customer-managed keys."""
        return self.key != SERVICE_OWNED


def encryption_map(
    assembly: Assembly, acknowledgements: Iterable[Acknowledgement] = ()
) -> list[Encrypted]:
    """All stores and streams with their keys, by name."""
    known = list(acknowledgements)
    found = [
        _explained(item, known)
        for item in (*_stores(assembly), *_catalog(assembly), *_job_volumes(assembly))
    ]
    return sorted(found)


def _stores(assembly: Assembly) -> Iterator[Encrypted]:
    for resource in assembly.resources(*_PLACES):
        for what, place in _PLACES[resource.type]:
            yield from _store(assembly, resource, what, place)


def _store(assembly: Assembly, resource: Resource, what: str, place: str) -> Iterator[Encrypted]:
    if not _holds(resource, what):
        return
    keys = {
        text(assembly, resource.stack, value).strip("<>")
        for value in _values(resource.properties, place.split("/"))
    }
    for key in sorted(keys) or [SERVICE_OWNED]:
        yield Encrypted(resource.name, resource.type, what, key)


def _holds(resource: Resource, what: str) -> bool:
    """Whether the resource has such a store at all: a cache that is off, a backup not kept."""
    given = resource.properties
    if what == "response cache":
        return bool(given.get("CacheClusterEnabled"))
    if what == "environment variables":
        return bool(given.get("Environment", {}).get("Variables"))
    if what == "captured requests":
        return bool(given.get("DataCaptureConfig", {}).get("EnableCapture"))
    if what == "source backup":
        destination = given.get("ExtendedS3DestinationConfiguration", {})
        return bool(destination.get("S3BackupMode") == "Enabled")
    return True


def _values(value: Any, place: list[str]) -> Iterator[Any]:
    if not place:
        yield value
    elif place[0] == "*":
        for item in value if isinstance(value, list) else []:
            yield from _values(item, place[1:])
    elif isinstance(value, dict) and place[0] in value:
        yield from _values(value[place[0]], place[1:])


def _catalog(assembly: Assembly) -> Iterator[Encrypted]:
    """The metadata of tables lies in the account's one Data Catalog."""
    keys = [
        text(assembly, resource.stack, value).strip("<>")
        for resource in assembly.resources(_CATALOG)
        for value in _values(
            resource.properties,
            ["DataCatalogEncryptionSettings", "EncryptionAtRest", "SseAwsKmsKeyId"],
        )
    ]
    for database in assembly.resources("AWS::Glue::Database"):
        yield Encrypted(
            database.name, database.type, "table definitions", keys[0] if keys else SERVICE_OWNED
        )


def _job_volumes(assembly: Assembly) -> Iterator[Encrypted]:
    """Volumes and output of jobs that state machines start, from the states' own requests."""
    for machine in assembly.resources("AWS::StepFunctions::StateMachine"):
        written = text(assembly, machine.stack, machine.properties.get("DefinitionString", "{}"))
        for state, request in _requests(json.loads(written)):
            name = f"{machine.name}/{state}"
            for what, member in (("job volume", "VolumeKmsKeyId"), ("job output", "KmsKeyId")):
                for key in sorted(set(_members(request, member))) or [SERVICE_OWNED]:
                    yield Encrypted(name, "SageMaker job", what, key.strip("<>"))


def _requests(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in document.get("States", {}).items():
        request = state.get("Parameters") or state.get("Arguments") or {}
        if "RoleArn" in request and any(key.startswith(_JOBS) for key in request):
            yield name, request
        for branch in (*state.get("Branches", []), state.get("ItemProcessor", {})):
            yield from _requests(branch)


def _members(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _members(item, name)


def _explained(item: Encrypted, acknowledgements: list[Acknowledgement]) -> Encrypted:
    if item.ours:
        return item
    for known in acknowledgements:
        if "Encryption" in known.rule and item.name.startswith(known.path):
            constraint, evidence, _ = known.parts
            return replace(item, reason=constraint, evidence=evidence)
    for entry in _reasons():
        same = (entry["type"], entry["what"]) == (item.type, item.what)
        if same and item.name.startswith(entry.get("path", "")):
            return replace(item, reason=entry["reason"], evidence=entry["evidence"])
    return item


def _reasons() -> list[dict[str, str]]:
    if not REASONS.is_file():
        return []
    found: list[dict[str, str]] = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    return found
