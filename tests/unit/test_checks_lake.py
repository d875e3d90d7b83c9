"""The check of curated tables: new, raised, short of a field, and taken from Iceberg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest

from core import names
from operations.checks_lake import curated_tables_are_icebergs
from operations.subject import CheckFailedError
from tests.support.spark_jobs import CONTRACT

EVENT = [field["name"] for field in CONTRACT["event"]["fields"]]
ICEBERG = {"table_type": "ICEBERG", "metadata_location": "s3://curated/events/metadata/1.json"}


def _checked(columns: Sequence[dict[str, Any]], parameters: dict[str, str]) -> str:
    """The answer for a catalog whose table of events is this one, and all others are new."""

    def get_table(*, Name: str, **_: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        mine = Name == names.TABLE_EVENTS
        storage = {"Columns": columns if mine else [{"Name": "key"}]}
        given = parameters if mine else ICEBERG
        return {"Table": {"StorageDescriptor": storage, "Parameters": given}}

    subject = mock.Mock()
    subject.deployment.contract = CONTRACT
    subject.session.client.return_value.get_table = get_table
    return curated_tables_are_icebergs(subject)


def test_a_new_table_waits_for_the_first_run() -> None:
    assert _checked([{"Name": EVENT[0]}], ICEBERG) == "4 tables; with all fields: none yet"


def test_a_raised_table_may_have_more_columns_than_the_contract() -> None:
    columns = [{"Name": name} for name in [*EVENT, "dropped"]]
    assert _checked(columns, ICEBERG).endswith("with all fields: events")


def test_a_column_of_an_earlier_schema_does_not_count() -> None:
    *most, last = EVENT
    columns: list[dict[str, Any]] = [{"Name": name} for name in most]
    columns.append({"Name": last, "Parameters": {"iceberg.field.current": "false"}})
    with pytest.raises(CheckFailedError, match=rf"events lacks .*{last}"):
        _checked(columns, ICEBERG)


@pytest.mark.parametrize("lost", ICEBERG)
def test_a_table_that_a_template_updated_is_found(lost: str) -> None:
    with pytest.raises(CheckFailedError, match=r"^events: "):
        _checked([{"Name": EVENT[0]}], {k: v for k, v in ICEBERG.items() if k != lost})
