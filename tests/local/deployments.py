"""Deployments that tests ask questions of: one platform each, deployed with the real CLI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from config.load import load_deployment
from local.cli import api_urls
from local.platform import ROOT, Platform
from operations.subject import Subject

PATIENCE_SECONDS = 60.0


class LocalSession(boto3.Session):
    """The operator's session; its clients call the platform."""

    def __init__(self, platform: Platform) -> None:
        assert platform.info is not None
        super().__init__(
            aws_access_key_id=platform.info.access_key_id,
            aws_secret_access_key=platform.info.secret_access_key,
            region_name=platform.info.region,
        )
        self._platform = platform

    def client(self, service_name: str, *_: Any, **__: Any) -> Any:
        """A client as the operator, at the platform's endpoint."""
        return self._platform.client(service_name)


def subject_of(platform: Platform, environment: str) -> Subject:
    """What ``operations.checks`` asks, pointed at a local platform instead of an account."""
    assert platform.info is not None
    (url,) = api_urls(platform).values()
    return Subject(
        load_deployment(environment, ROOT),
        LocalSession(platform),
        api_url=url,
        ca_bundle=platform.info.ca_bundle,
        patience_seconds=PATIENCE_SECONDS,
    )


@contextmanager
def deployed_platform(state_dir: Path, environment: str) -> Iterator[Platform]:
    """A platform of its own with every stack of one settings file."""
    with Platform(state_dir) as platform:
        platform.bootstrap()
        platform.deploy(environment, "--output", str(state_dir / "cdk.out"), capture=True)
        yield platform
