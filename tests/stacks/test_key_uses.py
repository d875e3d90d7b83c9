"""``docs/key-uses.yaml`` is true of the templates, and speaks of all that lies under a key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from ministack.core import iam_evaluator as evaluator

from config.load import REPOSITORY
from stacks import registry
from tests.support.literals import ACCOUNT, REGION, literal
from tests.support.named_tests import missing
from tests.support.yaml_files import parsed
from tests.synth import resources

TABLE = REPOSITORY / "docs" / "key-uses.yaml"
Row = dict[str, Any]
OTHER = "other"
NAMED = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue"}
WITHOUT_A_USE = {"AWS::IAM::ManagedPolicy", "AWS::KMS::Key", "AWS::S3::BucketPolicy"}


def _rows() -> list[Row]:
    tables = (TABLE, *registry.files(TABLE.name))
    read = [parsed(path.read_text()) for path in tables]
    return [row | {"key": key} for table in read for key, rows in table.items() for row in rows]


ROWS = _rows()


def _named(row: Row) -> str:
    return f"{row['key']}: {row['who']} {row['actions'][0]} {row.get('through', '')}"


@cache
def _key(domain: str) -> tuple[str, str]:
    """ARN and policy of a domain's key."""
    for stack, logical_id, key in resources("prod", "AWS::KMS::Key"):
        if logical_id.lower().startswith(f"{domain}key"):
            arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{logical_id}"
            policy = literal("prod", stack, key["Properties"]["KeyPolicy"])
            return arn, json.dumps(policy)
    raise LookupError(domain)


@cache
def _role(place: str) -> tuple[str, tuple[str, ...]]:
    """ARN of a role by ``<stack>/<construct>``, and the documents of its policies."""
    stack, _, construct = place.partition("/")
    ((logical_id, role),) = (
        (found, resource)
        for owner, found, resource in resources("prod", "AWS::IAM::Role")
        if owner == stack and re.fullmatch(rf"{construct}Role[0-9A-F]{{8}}", found)
    )
    attached = literal("prod", stack, role["Properties"].get("ManagedPolicyArns", []))
    documents = tuple(
        json.dumps(literal("prod", owner, policy["Properties"]["PolicyDocument"]))
        for owner, found, policy in resources("prod", "AWS::IAM::ManagedPolicy")
        if found in attached or (owner == stack and {"Ref": logical_id} in _holders(policy))
    )
    return f"arn:aws:iam::{ACCOUNT}:role{role['Properties']['Path']}{logical_id}", documents


def _holders(policy: dict[str, Any]) -> list[Any]:
    return list(policy["Properties"].get("Roles", []))


def _filled(text: str) -> str:
    """A context value; a name in braces stands for the ARN (or name) of that construct."""

    def fill(found: re.Match[str]) -> str:
        if found[1] == "account":
            return ACCOUNT
        for stack, logical_id, resource in resources("prod"):
            named = re.fullmatch(rf"{found[1]}(Bucket|Topic|Queue|)[0-9A-F]{{8}}", logical_id)
            if named and resource["Type"] in NAMED:
                return str(literal("prod", stack, {"Fn::GetAtt": [logical_id, "Arn"]}))
        raise LookupError(found[1])

    return re.sub(r"\{(\w+)\}", fill, text)


def _context(row: Row) -> dict[str, str]:
    sent = {f"kms:encryptioncontext:{k.lower()}": _filled(v)
            for k, v in row.get("context", {}).items()}  # fmt: skip
    if through := row.get("through"):
        sent["kms:viaservice"] = f"{through}.{REGION}.amazonaws.com"
    if row.get("grant"):
        sent["kms:grantisforawsresource"] = "true"
    if row["who"].startswith("service "):
        sent["aws:principalisawsservice"] = "true"
        if row.get("sourceless"):
            return sent
        source = _filled(row.get("source", "arn:aws:any"))
        return sent | {"aws:sourceaccount": ACCOUNT, "aws:sourcearn": source}
    return sent | {"kms:calleraccount": ACCOUNT, "aws:principalisawsservice": "false"}


def _allowed(row: Row, action: str, context: dict[str, str]) -> bool:
    arn, policy = _key(row["key"])
    kind, _, name = row["who"].partition(" ")
    documents: tuple[str, ...] = (
        '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}',
    )
    principal = f"arn:aws:iam::{ACCOUNT}:role/Administrator"
    if kind == "named":
        principal = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    if kind == "role":
        principal, documents = _role(name)
    if kind == "service":
        principal = name
    request = evaluator.EvalContext(
        principal_arn=principal, principal_type="Service" if kind == "service" else "AssumedRole",
        principal_account="" if kind == "service" else ACCOUNT, action=action, resource_arn=arn,
        region=REGION, secure_transport=True, service_context=context,
    )  # fmt: skip
    if kind == "service":
        found = evaluator.evaluate_resource_policy(policy, request, service=name)
        return bool(found.decision == "Allow")
    held = evaluator.evaluate(request, [evaluator.parse_policy_document(d) for d in documents])
    found = evaluator.combine_resource_policy(held, request, policy, ACCOUNT, required=True)
    return bool(found.decision == "Allow")


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_every_use_is_admitted(row: Row) -> None:
    for action in row["actions"]:
        assert _allowed(row, action, _context(row)), action


def _foreign(row: Row) -> Iterator[dict[str, str]]:
    """The same request through another service, for another resource, for nobody."""
    sent = _context(row)
    if "kms:viaservice" in sent:
        yield sent | {"kms:viaservice": f"workspaces.{REGION}.amazonaws.com"}
    for key in row.get("context", {}):
        name = f"kms:encryptioncontext:{key.lower()}"
        yield sent | {name: f"arn:aws:s3:::somebody-elses/{OTHER}"}
    if row.get("grant"):
        yield {k: v for k, v in sent.items() if k != "kms:grantisforawsresource"}
    if row["who"].startswith("service "):
        yield sent | {"aws:sourceaccount": "444455556666", "aws:sourcearn": "arn:aws:s3:::a"}


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_no_use_is_admitted_for_somebody_else(row: Row) -> None:
    for foreign in _foreign(row):
        if row["who"].startswith("service logs.") and foreign["aws:sourceaccount"] != ACCOUNT:
            continue  # CloudWatch Logs names no source: the group in the context is the guard.
        for action in row["actions"]:
            assert not _allowed(row, action, foreign), (action, foreign)
    if row["who"].startswith("named "):
        for action in row["actions"]:
            assert not _allowed(row | {"who": "account"}, action, _context(row)), action


def test_everything_under_a_key_has_a_row() -> None:
    found = set()
    for _, _, resource in resources("prod"):
        if resource["Type"] in WITHOUT_A_USE:
            continue
        text = json.dumps(resource.get("Properties", {}))
        for domain in re.findall(
            r"(?:GetAtt|\")(Data|Raw|Models|Logs|Messages)Key[0-9A-F]{8}", text
        ):
            found.add((domain.lower(), resource["Type"]))
    told = {(row["key"], kind) for row in ROWS for kind in row["of"]}
    assert found - told == set()
    assert told - found == set()


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_every_row_has_a_page_and_a_test_or_a_reason(row: Row) -> None:
    assert row["page"].startswith("https://")
    if "shown" in row:
        file, _, name = row["shown"].partition("::")
        assert missing(REPOSITORY, [(file, name)]) == []
    else:
        assert len(row["why"]) > 20
