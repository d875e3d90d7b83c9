"""Encryption settings of the Glue catalog and its jobs."""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import physical_name, succeed
from local.services.kms import key_policies

pin(
    "ministack.services.glue",
    _create_security_configuration="callable",
    _delete_security_configuration="callable",
)

Created = tuple[str, dict[str, Any]]


def _require_key(kind: str, reference: str | None) -> None:
    if reference and key_policies.customer_key(reference) is None:
        raise ValueError(f"{kind}: KMS key {reference} does not exist")


def _keys_in(value: Any) -> list[str]:
    """Every KMS key a nested encryption configuration names."""
    if isinstance(value, list):
        return [key for entry in value for key in _keys_in(entry)]
    if not isinstance(value, dict):
        return []
    own = [v for k, v in value.items() if k in ("KmsKeyArn", "SseAwsKmsKeyId", "KmsKeyId") and v]
    return own + [key for entry in value.values() for key in _keys_in(entry)]


def _create_security_configuration(logical_id: str, props: dict[str, Any], stack: str) -> Created:
    from ministack.services import glue

    kind = "AWS::Glue::SecurityConfiguration"
    configuration = dict(props["EncryptionConfiguration"])
    for key in _keys_in(configuration):
        _require_key(kind, key)
    if "S3Encryptions" in configuration:
        configuration["S3Encryption"] = configuration.pop("S3Encryptions")
    name = props.get("Name") or physical_name(stack, logical_id, 255)
    request = {"Name": name, "EncryptionConfiguration": configuration}
    succeed(kind, glue._create_security_configuration(request))
    return name, {}


def _delete_security_configuration(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import glue

    answer = glue._delete_security_configuration({"Name": physical_id})
    succeed("AWS::Glue::SecurityConfiguration", answer, missing_is_fine=True)


def _put_catalog_settings(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    kind = "AWS::Glue::DataCatalogEncryptionSettings"
    settings = props["DataCatalogEncryptionSettings"]
    for key in _keys_in(settings):
        _require_key(kind, key)
    return str(props["CatalogId"]), {}


def _update_catalog_settings(
    _physical: str, _old: dict[str, Any], new: dict[str, Any], stack: str, _logical: str | None
) -> Created:
    return _put_catalog_settings("", new, stack)


def _delete_catalog_settings(_physical_id: str, _props: dict[str, Any]) -> None:
    """Nothing is kept: no engine here encrypts the catalog's metadata."""


def types() -> list[ResourceType]:
    """The types of this module."""
    return [
        ResourceType(
            "AWS::Glue::SecurityConfiguration",
            _create_security_configuration,
            _delete_security_configuration,
            create_only=frozenset({"Name", "EncryptionConfiguration"}),
        ),
        ResourceType(
            "AWS::Glue::DataCatalogEncryptionSettings",
            _put_catalog_settings,
            _delete_catalog_settings,
            update=_update_catalog_settings,
            create_only=frozenset({"CatalogId"}),
        ),
    ]
