"""Tables of Iceberg that the catalog gives birth to: CreateTable with ``OpenTableFormatInput``.

Glue writes the first metadata file as the caller, into the table's own location, and keeps its
place among the table's parameters. Later ones are written by who changes the table (Spark), which
then moves that parameter by UpdateTable. Rules on the request stand in ``refusals_iceberg``.

https://docs.aws.amazon.com/lake-formation/latest/dg/creating-iceberg-tables.html
https://iceberg.apache.org/spec/#table-metadata-fields
"""

from __future__ import annotations

import contextvars
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json, get_region
from ministack.services import glue

from local.emulator import callers, refusals, service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.engines.storage import S3Uri
from local.iceberg_tables import FORMAT, KIND, PLACE
from local.services.cloudformation import stack_roles
from local.services.glue import hive_types
from local.services.kms import key_policies
from local.services.s3 import internal

TABLE = "AWS::Glue::Table"
VERSION = "2"
_MODULE = "ministack.services.glue"
_PUT = "s3:PutObject"
pin(_MODULE, _create_table="callable", _databases="scoped", _tables="scoped")
# The role under which CloudFormation is making a table.
_stack_role: contextvars.ContextVar[str] = contextvars.ContextVar("glue_stack_role", default="")


def asked_for(request: Mapping[str, Any]) -> bool:
    """Whether a request, or the properties of a resource, ask for a table of Iceberg."""
    return bool((request.get("OpenTableFormatInput") or {}).get("IcebergInput"))


def first_metadata(request: Mapping[str, Any]) -> tuple[S3Uri, bytes]:
    """The first metadata file of a table, and its place.

    Raises:
        ValueError: a column's type is none of Iceberg's.
    """
    from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
    from pyiceberg.table.metadata import new_table_metadata
    from pyiceberg.table.sorting import UNSORTED_SORT_ORDER

    storage = request["TableInput"]["StorageDescriptor"]
    location = str(storage["Location"]).rstrip("/")
    version = request["OpenTableFormatInput"]["IcebergInput"].get("Version", VERSION)
    made = new_table_metadata(
        hive_types.schema(storage.get("Columns") or []),
        UNPARTITIONED_PARTITION_SPEC,
        UNSORTED_SORT_ORDER,
        location,
        {"format-version": version},
    )
    place = S3Uri.parse(f"{location}/metadata/00000-{uuid.uuid4()}.metadata.json")
    return place, made.model_dump_json(exclude_none=True).encode()


def _born(original: Callable[..., Any]) -> Callable[..., Any]:
    def create_table(data: dict[str, Any]) -> Any:
        table = data.get("TableInput") or {}
        key = f"{data.get('DatabaseName')}/{table.get('Name')}"
        absent = data.get("DatabaseName") not in glue._databases
        if not asked_for(data) or absent or key in glue._tables:
            return original(data)
        try:
            for _, reason in refusals.by_rules(TABLE, data):
                raise ValueError(reason)
            place, body = first_metadata(data)
            _assert_may_write(place)
            internal.put(place.bucket, place.key, body, "application/json")
        except service_roles.AccessDeniedError as error:
            return error_response_json("AccessDeniedException", str(error), 400)
        except (ValueError, OSError) as error:
            return error_response_json("InvalidInputException", str(error), 400)
        own = {**(table.get("Parameters") or {}), KIND: FORMAT, PLACE: str(place)}
        return original({**data, "TableInput": {**table, "Parameters": own}})

    return create_table


def _assert_may_write(place: S3Uri) -> None:
    """Raise ``AccessDeniedError`` unless who makes the table may write its first file."""
    target, role = f"arn:aws:s3:::{place.bucket}/{place.key}", _stack_role.get()
    if role:
        service = stack_roles.SERVICE
        service_roles.assert_allowed(role, _PUT, target, service=service)
        key_policies.assert_service_role_may_use_key(
            role, _PUT, target, get_region(), service=service
        )
        return
    principal = callers.held_to_policies()
    if principal is None:
        return
    if callers.decide(principal, _PUT, target, from_service=True).decision != "Allow":
        raise service_roles.AccessDeniedError(
            principal.arn, _PUT, target, "no policy allows the action"
        )
    refused = key_policies.refused_writing(target, get_region())
    if refused:
        raise service_roles.AccessDeniedError(
            principal.arn, refused, str(key_policies.key_of_resource(target)), "of the key"
        )


def attach(tables: Tables) -> None:
    """Let CreateTable and CloudFormation write the first metadata of such tables."""
    replace(_MODULE, "_create_table", _born)
    entry = tables.resource_handlers[TABLE]
    create = entry["create"]

    def create_table(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        token = _stack_role.set(stack_roles.role_of(stack))
        try:
            return create(logical_id, properties, stack)
        finally:
            _stack_role.reset(token)

    entry["create"] = create_table
    # It writes an object, for which it waits.
    tables.blocking_types.add(TABLE)
