"""``AWS::ApiGateway::ClientCertificate``: a certificate that API Gateway shows to HTTP back ends.

MiniStack has none. The certificate is a real one, readable through ``GetClientCertificate``; no
integration here connects to an HTTP back end, so nothing is ever asked for it.
https://docs.aws.amazon.com/apigateway/latest/api/API_ClientCertificate.html
"""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.emulator.extensions import ResourceType, Tables
from local.emulator.private_tables import pin, replace

KIND = "AWS::ApiGateway::ClientCertificate"
VALID_DAYS = 365
# The router of both versions of the API.
_API = "ministack.services.apigateway"
pin(_API, handle_request="callable")
pin("ministack.services.apigateway_v1", _v1_error="callable")
_certificates: dict[str, dict[str, Any]] = {}


def assert_known(identifier: str | None) -> None:
    """ValueError, worded as API Gateway does, for an id that no certificate has."""
    if identifier is not None and identifier not in _certificates:
        raise ValueError(f"Invalid client certificate identifier specified: {identifier}")


def _signed(name: str, start: datetime.datetime, end: datetime.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _create(_logical: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    identifier = secrets.token_hex(3)
    start = datetime.datetime.now(datetime.UTC)
    end = start + datetime.timedelta(days=VALID_DAYS)
    _certificates[identifier] = {
        "clientCertificateId": identifier,
        "description": props.get("Description", ""),
        "pemEncodedCertificate": _signed("ApiGateway", start, end),
        "createdDate": int(start.timestamp()),
        "expirationDate": int(end.timestamp()),
        "tags": {tag["Key"]: tag["Value"] for tag in props.get("Tags", [])},
    }
    return identifier, {"ClientCertificateId": identifier}


def _update(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str, _logical: str | None
) -> tuple[str, dict[str, Any]]:
    _certificates[physical_id]["description"] = new.get("Description", "")
    return physical_id, {"ClientCertificateId": physical_id}


def _delete(physical_id: str, _props: dict[str, Any]) -> None:
    _certificates.pop(physical_id, None)


def _answered(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, *rest: Any) -> Any:
        parts = path.strip("/").split("/")
        if method != "GET" or parts[0] != "clientcertificates":
            return await original(method, path, *rest)
        if len(parts) == 1:
            body: dict[str, Any] = {"item": list(_certificates.values())}
        elif parts[1] in _certificates:
            body = _certificates[parts[1]]
        else:
            from ministack.services import apigateway_v1

            message = "Invalid Client Certificate identifier specified"
            return apigateway_v1._v1_error("NotFoundException", message, 404)
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    return handle_request


def attach(tables: Tables) -> None:
    """Provision certificates and answer for them."""
    tables.add_resource_type(ResourceType(KIND, _create, _delete, update=_update))
    replace(_API, "handle_request", _answered)
