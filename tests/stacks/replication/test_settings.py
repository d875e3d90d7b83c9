"""Settings of replication that are refused, and those that make templates without a finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.replication.rules import RULES
from tests.support.choices import resource_types, synthesise
from tests.support.copies import ConfigurationCopy
from tests.support.settings_rows import Row, assert_refused

pytestmark = pytest.mark.cdk

REPLICATION: dict[str, Any] = {
    "region": "eu-central-1",
    "bucket_prefix": "replica-flights",
    "keys": {
        domain: f"arn:aws:kms:eu-central-1:444455556666:key/{domain}"
        for domain in ("raw", "data", "models", "logs")
    },
}
ROWS = (
    Row("replica-partition", {"replication": REPLICATION},
        {"replication.region": "cn-north-1"}, frozenset({"replica-keys"})),
    Row("replica-keys-partition", {"replication": REPLICATION},
        {"replication.keys.raw": "arn:aws-cn:kms:eu-central-1:444455556666:key/raw"}),
    Row("replica-region", {"replication": REPLICATION},
        {"replication.region": "eu-west-1"}, frozenset({"replica-keys"})),
    Row("replica-keys", {"replication": REPLICATION},
        {"replication.keys.raw": "arn:aws:kms:eu-west-1:444455556666:key/raw"}),
    Row("replica-keys-owner", {"replication": REPLICATION},
        {"replication.keys.logs": "arn:aws:kms:eu-central-1:777788889999:key/logs"}),
    Row("replica-keys-owner", {"replication": REPLICATION, "replication.account": "444455556666"},
        {"replication.account": "777788889999"}),
    Row("replica-keys-owner", {"replication": REPLICATION, "account": "444455556666",
        "owner.email": "alarms@millrace.io"}, {"account": "777788889999"}),
    Row("replica-keys-owner", {"replication": REPLICATION, "account": "777788889999",
        "owner.email": "alarms@millrace.io", "replication.account": "444455556666"},
        {"replication.keys.raw": "arn:aws:kms:eu-central-1:777788889999:key/raw"}),
    Row("replica-bucket-names", {"replication": REPLICATION},
        {"replication.bucket_prefix": "replica..flights"}),
    Row("replica-bucket-names", {"replication": REPLICATION},
        {"replication.bucket_prefix": "xn--flights"}),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_bad_combination_is_refused_and_its_neighbour_is_not(
    row: Row, configuration: ConfigurationCopy
) -> None:
    assert_refused(row, configuration)


def test_every_rule_has_a_row() -> None:
    assert {rule.id for rule in RULES} == {row.rule for row in ROWS}


def test_no_section_is_told_what_a_section_has(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"replication": []})
    (problem,) = configuration.problems()
    assert problem.allowed == "allowed: a section with account, region, bucket_prefix, keys"


def test_replicas_in_the_same_account_synthesise(
    configuration: ConfigurationCopy, tmp_path: Path
) -> None:
    configuration.change_settings({"replication": REPLICATION})
    assert resource_types(synthesise(configuration, tmp_path / "assembly"))
