"""The environment of the emulator process, which its Lambdas, jobs and servers inherit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from local.emulator import process_guard
from local.emulator.certificate import Certificate
from local.platform_processes import path_with_node

# What a developer's shell may hold and an engine must not see.
_NOT_INHERITED = ("AWS_", "MINISTACK_", "LAMBDA_", "PYTEST_")


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """One run: its account and Region, port, identity, root secret, state and certificate."""

    account: str
    region: str
    port: int
    platform_id: str
    root_secret: str
    state_dir: Path
    certificate: Certificate


def emulator_environment(settings: EmulatorSettings) -> dict[str, str]:
    """Loopback only, TLS and IAM on, Lambdas as local processes, everything trusting us."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
    }
    return {
        **inherited,
        **settings.certificate.trust_environment(),
        "PATH": path_with_node(),
        "TMPDIR": str(settings.state_dir / "tmp"),
        "PYTHONUNBUFFERED": "1",
        process_guard.MARK: settings.platform_id,
        "MILLRACE_STATE_DIR": str(settings.state_dir),
        **_credentials(settings),
        **_ministack(settings),
    }


def _credentials(settings: EmulatorSettings) -> dict[str, str]:
    """The root credentials: a 12-digit key id names the account; the secret is new every run."""
    return {
        "AWS_ACCESS_KEY_ID": settings.account,
        "AWS_SECRET_ACCESS_KEY": settings.root_secret,
        "AWS_ENDPOINT_URL": f"https://localhost:{settings.port}",
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _ministack(settings: EmulatorSettings) -> dict[str, str]:
    return {
        "MINISTACK_ACCOUNT_ID": settings.account,
        "MINISTACK_REGION": settings.region,
        "MINISTACK_HOST": "localhost",
        "MINISTACK_SSL_CERT": str(settings.certificate.certificate),
        "MINISTACK_SSL_KEY": str(settings.certificate.key),
        "USE_SSL": "1",
        "AUTH": "true",
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        # On by default, and listening on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
    }
