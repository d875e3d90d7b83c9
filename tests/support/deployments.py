"""Deployments that tests ask questions of: one platform each, deployed with the real CLI."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from config.load import load_deployment
from local.cli import api_urls
from local.platform import ROOT, Platform
from local.services.sagemaker.server import WORKERS_VARIABLE
from operations.subject import Subject
from stacks import registry
from tests.synth import assembly

PATIENCE_SECONDS = 60.0
# One process answers for a model: tests/container and the full loop have two of them.
VARIABLES = {WORKERS_VARIABLE: "1"}


class LocalSession(boto3.Session):
    """A session of the break-glass role, which may look into buckets; it calls the platform."""

    def __init__(self, platform: Platform) -> None:
        assert platform.info is not None
        self._platform, self._keys = platform, platform.break_glass()
        super().__init__(
            aws_access_key_id=self._keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self._keys["AWS_SESSION_TOKEN"],
            region_name=platform.info.region,
        )

    def client(self, service_name: str, *_: Any, **__: Any) -> Any:
        """A client at the platform's endpoint."""
        return self._platform.client(service_name, self._keys)


def subject_of(platform: Platform, environment: str) -> Subject:
    """What ``operations.checks`` asks, pointed at a local platform instead of an account."""
    assert platform.info is not None
    (url,) = api_urls(platform).values()
    return Subject(
        load_deployment(environment, ROOT),
        LocalSession(platform),
        api_url=url,
        ca_bundle=platform.info.certificate,
        patience_seconds=PATIENCE_SECONDS,
    )


@contextmanager
def deployed_platform(
    state_dir: Path, environment: str, variables: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """A platform of its own with every stack of one settings file.

    The templates are the session's: other tests hold them against the packs, and
    ``tests/local/test_full_loop.py`` deploys what the CLI itself has synthesised.
    """
    with Platform(state_dir, variables=variables) as platform:
        platform.bootstrap()
        for capability in registry.parts("here"):
            capability.bring(platform, load_deployment(environment, ROOT).settings)
        app = shutil.copytree(assembly(environment), state_dir / "cdk.out")
        platform.deploy(environment, app=str(app), capture=True)
        yield platform
