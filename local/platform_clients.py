"""Clients of a running platform: one for each service, Region and key.

Making a client takes longer than most calls: it reads the service's model, compiles the rules of
its endpoints and loads the certificates.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any, NamedTuple

# As many as a demo has threads that call at once.
_CONNECTIONS = 32
_making = threading.Lock()


class Asked(NamedTuple):
    """What tells one client from another."""

    service: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str | None


@cache
def _session() -> Any:
    """One session for all clients: it keeps the service models that it has read."""
    import boto3

    return boto3.Session()


class Clients:
    """The clients of one endpoint; threads may share them, and do not share their making."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, Asked], Any] = {}

    def get(self, endpoint: str, ca_bundle: str, asked: Asked) -> Any:
        """The client made for the same request before, or a new one."""
        with _making:
            if (endpoint, asked) not in self._made:
                self._made[endpoint, asked] = _made(endpoint, ca_bundle, asked)
            return self._made[endpoint, asked]

    def close(self) -> None:
        """Drop the clients and their connections."""
        for client in self._made.values():
            client.close()
        self._made.clear()


def _made(endpoint: str, ca_bundle: str, asked: Asked) -> Any:
    from botocore.config import Config

    return _session().client(
        asked.service,
        region_name=asked.region,
        aws_access_key_id=asked.access_key_id,
        aws_secret_access_key=asked.secret_access_key,
        aws_session_token=asked.session_token,
        endpoint_url=endpoint,
        verify=ca_bundle,
        config=Config(
            retries={"max_attempts": 2},
            read_timeout=120,
            max_pool_connections=_CONNECTIONS,
            s3={"addressing_style": "path"},
        ),
    )
