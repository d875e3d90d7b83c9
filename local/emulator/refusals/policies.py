"""Policy documents as the rules read them: statements, actions, and which element holds what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

IDENTITY_TYPES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role")
RESOURCE_TYPES = (
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::EC2::VPCEndpoint",
    "AWS::Backup::BackupVault",
)
ALL_TYPES = IDENTITY_TYPES + RESOURCE_TYPES
_RESOURCE_DOCUMENTS = ("PolicyDocument", "KeyPolicy", "AccessPolicy")

Document = dict[str, Any]
Statement = dict[str, Any]


def listed(value: Any) -> list[Any]:
    """One entry or several, as policies allow either."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _inline(properties: Document) -> Iterator[Document]:
    documents = (policy.get("PolicyDocument") for policy in properties.get("Policies") or [])
    yield from (document for document in documents if isinstance(document, dict))


def identity(properties: Document) -> Iterator[Document]:
    """Documents that say what a role may do: a managed policy's, a role's inline ones."""
    document = properties.get("PolicyDocument")
    if isinstance(document, dict):
        yield document
    yield from _inline(properties)


def on_resource(properties: Document) -> Iterator[Document]:
    """Documents that say who may do something with the resource that they are on."""
    documents = (properties.get(name) for name in _RESOURCE_DOCUMENTS)
    yield from (document for document in documents if isinstance(document, dict))


def trust(properties: Document) -> Iterator[Document]:
    """The document that says who may become a role."""
    document = properties.get("AssumeRolePolicyDocument")
    if isinstance(document, dict):
        yield document


def every(properties: Document) -> Iterator[Document]:
    """Every document of a resource."""
    yield from trust(properties)
    yield from on_resource(properties)
    yield from _inline(properties)


def statements(documents: Iterator[Document]) -> Iterator[Statement]:
    """Each statement of the documents."""
    for document in documents:
        yield from (entry for entry in listed(document.get("Statement")) if isinstance(entry, dict))


def actions(statement: Statement) -> list[str]:
    """What a statement speaks of, by either element."""
    return [str(name) for name in listed(statement.get("Action") or statement.get("NotAction"))]


def resources(statement: Statement) -> list[str]:
    """What a statement holds for, by either element."""
    return [str(n) for n in listed(statement.get("Resource") or statement.get("NotResource"))]


def characters(document: Document) -> int:
    """A document's length as IAM counts it: without white space."""
    return len("".join(json.dumps(document, ensure_ascii=False).split()))


def size(document: Document) -> int:
    """A document's bytes without the white space between its elements."""
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
