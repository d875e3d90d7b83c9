"""An inquiry about a planted account: what is to be deployed, and a client with planned answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.stub import Stubber

from config.load import load_deployment
from config.settings import Settings
from core.names import Scope
from operations.deployed import Deployed
from operations.preflight import Answer, Inquiry

SCOPE = Scope("flights", "prod", "flights")
NOTHING = Deployed(SCOPE, (), (), {})
BOOTSTRAP = ("/cdk-bootstrap/hnb659fds/version", 6)

Stub = Callable[[Stubber], None]


def _assembly(*resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "Millrace-flights-prod-api": {
            "Resources": {
                f"R{index}": {"Type": kind, "Properties": properties}
                for index, (kind, properties) in enumerate(resources)
            }
        }
    }


def inquiry(
    client: Any = None,
    *resources: tuple[str, dict[str, Any]],
    settings: Settings | None = None,
    deployed: Deployed = NOTHING,
) -> Inquiry:
    """About resources of these types and properties, with the settings of prod."""
    settings = settings or load_deployment("prod").settings
    return Inquiry(settings, _assembly(*resources), deployed, BOOTSTRAP, lambda *_: client)


def stubbed(
    service: str,
    stub: Stub,
    question: Callable[[Inquiry], Iterator[Answer]],
    *resources: tuple[str, dict[str, Any]],
    **more: Any,
) -> list[Answer]:
    """The answers with a client that gives the stubbed responses, each of which must be used."""
    clients: Any = boto3.client
    client = clients(service, region_name="eu-west-1")
    with Stubber(client) as stubber:
        stub(stubber)
        found = list(question(inquiry(client, *resources, **more)))
        stubber.assert_no_pending_responses()
    return found
