"""``docs/aws-required-grants.yaml`` is true of the templates, and speaks of all that they use."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.load import REPOSITORY
from operations.required_grants import (
    TABLE,
    HeldGrant,
    RequiredGrant,
    conditions_of,
    has_form,
    read_table,
    table,
)
from review.assembly import Assembly
from review.held import held
from review.integrations import integrations
from tests.support.named_tests import missing
from tests.support.planted_integrations import PLANTS, Templates
from tests.support.yaml_files import parsed
from tests.synth import ENVIRONMENTS, assembly

SHORTEST_REASON = 30
PAGES = ("https://docs.aws.amazon.com/", "https://repost.aws/knowledge-center/")
ENTRIES = table().entries
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b"
THROUGH_SQS = {"StringEquals": {"kms:ViaService": "sqs.{region}.amazonaws.com"}}
ENTRY = RequiredGrant(
    integration="Lambda dead letters",
    principal="lambda.amazonaws.com",
    actions=("kms:Decrypt",),
    resources=("arn:{partition}:kms:{region}:{account}:key/{messages}",),
    conditions=conditions_of(THROUGH_SQS),
    page="",
    why="",
    role="training/*",
)
HELD = HeldGrant(
    role="training/Gate",
    services=("lambda.amazonaws.com",),
    action="kms:Decrypt",
    resource=KEY,
    conditions=conditions_of({"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}}),
)


@cache
def _assembly(environment: str) -> Assembly:
    return Assembly.read(assembly(environment))


@cache
def _held() -> list[HeldGrant]:
    return [grant for environment in ENVIRONMENTS for grant in held(_assembly(environment))]


def _absent(entry: RequiredGrant) -> list[str]:
    """Actions and resource forms of an entry that no grant of any template has."""
    fitting = [grant for grant in _held() if entry.fits(grant)]
    actions = {grant.action for grant in fitting}
    forms = {entry.form_of(grant.resource) for grant in fitting}
    return [*(set(entry.actions) - actions), *(set(entry.resources) - forms)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.integration}: {e.actions[0]}")
def test_each_entry_is_in_the_templates(entry: RequiredGrant) -> None:
    assert _absent(entry) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"principal": "batch.amazonaws.com"},
        {"actions": ("kms:ReEncrypt*",)},
        {"resources": ("*",)},
        {"conditions": ()},
        {"role": "nowhere/*"},
    ],
    ids=str,
)
def test_an_entry_that_no_template_has_is_noticed(wrong: dict[str, Any]) -> None:
    entry = next(e for e in ENTRIES if e.integration == "Lambda dead letters" and e.conditions)
    assert _absent(entry) == []
    assert _absent(replace(entry, **wrong))


@pytest.mark.parametrize(
    "other",
    [
        {"services": ("glue.amazonaws.com",)},
        {"action": "kms:Encrypt"},
        {"resource": "*"},
        {"resource": "arn:aws:kms:eu-west-1:111122223333:key/*"},
        {"resource": "arn:aws:kms:*:111122223333:key/0a1b"},
        {"conditions": ()},
        {"conditions": conditions_of({"StringEquals": {"kms:ViaService": "*"}})},
        {"conditions": (*HELD.conditions, ("Bool", "aws:securetransport", ("true",)))},
        {"role": "api/Router"},
    ],
    ids=str,
)
def test_a_grant_fits_only_as_a_whole(other: dict[str, Any]) -> None:
    assert ENTRY.fits(HELD)
    assert not ENTRY.fits(replace(HELD, **other))


def test_a_name_in_braces_is_one_name() -> None:
    form = "arn:{partition}:s3:::{raw}/backup/{stream}/*"
    assert has_form("arn:aws-cn:s3:::bucket/backup/events/*", form)
    for wider in ("bucket/backup/*/*", "bucket/backup/a/b/*", "bucket/*", "*/backup/events/*"):
        assert not has_form(f"arn:aws:s3:::{wider}", form), wider


def test_the_table_speaks_of_every_integration_and_of_no_other() -> None:
    used = {name for environment in ENVIRONMENTS for name in integrations(_assembly(environment))}
    assert used - table().integrations == set()
    assert table().integrations - used == set()


def test_an_integration_has_entries_or_needs_none() -> None:
    assert not {entry.integration for entry in ENTRIES} & table().nothing_more.keys()


def test_each_entry_gives_page_reason_and_proof() -> None:
    for entry in ENTRIES:
        assert entry.page.startswith(PAGES), entry
        assert len(entry.why) >= SHORTEST_REASON and entry.why.endswith("."), entry
        assert entry.principal.endswith(".amazonaws.com"), entry
        assert not any("*" in action for action in entry.actions), entry
    for name, reason in table().nothing_more.items():
        assert len(reason) >= SHORTEST_REASON and reason.endswith("."), name


def test_every_test_that_the_table_names_exists() -> None:
    proofs = [entry.proven_by.split("::") for entry in table().proven]
    assert proofs
    assert missing(REPOSITORY, [(file, name) for file, name in proofs]) == []


@pytest.mark.parametrize("member", ["page", "condition", "proven_by"])
def test_an_incomplete_entry_is_refused(member: str, tmp_path: Path) -> None:
    content = parsed(TABLE.read_text())
    del content["proven_by_tests"][0][member]
    path = tmp_path / "table.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match="members are"):
        read_table(path)


@pytest.mark.parametrize(("plant", "name"), PLANTS, ids=[name for _, name in PLANTS])
def test_a_planted_integration_is_noticed(plant: Callable[[Templates], None], name: str) -> None:
    found = _assembly("dev")
    templates = copy.deepcopy(found.templates)
    plant(templates)
    planted = integrations(Assembly(templates, found.stack_names, found.names))
    assert name in planted.keys() - table().integrations
