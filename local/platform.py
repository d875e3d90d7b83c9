"""Starts, describes and stops the local platform, and runs the unmodified ``cdk`` CLI against it.

    with Platform() as platform:
        platform.bootstrap()
        platform.deploy("demo")
        boto3.Session(**platform.session_arguments()).client("s3", **platform.client_arguments())

One platform per state directory (``out/local``). Whatever ends this process, SIGKILL included,
ends the emulator and everything it started: see ``local.emulator.process_guard``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from local import account
from local.emulator import process_guard
from local.emulator.certificate import Certificate, ensure_certificate
from local.emulator.environment import EmulatorSettings, emulator_environment
from local.platform_clients import Asked, Clients
from local.platform_processes import (
    ROOT,
    STOP_SECONDS,
    PlatformError,
    cdk_executable,
    end_group,
    free_port,
    path_with_node,
    terminate,
)

__all__ = ["ACCOUNT", "ROOT", "Platform", "PlatformError", "PlatformInfo"]

ACCOUNT = "123456789012"
START_SECONDS = 60.0
OPERATOR = "operator"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
# The settings' break-glass role: who assumes it may look into buckets from this machine.
BREAK_GLASS = "millrace-break-glass"


@dataclasses.dataclass(frozen=True, slots=True)
class PlatformInfo:
    """What ``platform.json`` holds: enough to use, recognise and stop a running platform."""

    endpoint: str
    port: int
    pid: int
    platform_id: str
    account: str
    region: str
    ca_bundle: str
    certificate: str
    access_key_id: str
    secret_access_key: str

    def alive(self) -> bool:
        """Whether the recorded process still runs and is the one that was started."""
        try:
            environment = psutil.Process(self.pid).environ()
        except psutil.Error:
            return False
        return bool(environment.get(process_guard.MARK) == self.platform_id)


class Platform:
    """One run of the emulator with its own certificate, port, credentials and state."""

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        region: str = "eu-west-1",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """``variables`` are the emulator's, beside those of this process."""
        self.state_dir = (state_dir or ROOT / "out" / "local").resolve()
        self.region = region
        self._variables = dict(variables or {})
        self.info: PlatformInfo | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._commands: set[subprocess.Popen[Any]] = set()
        self._clients = Clients()

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Platform:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def description(self) -> Path:
        """Path of ``platform.json``."""
        return self.state_dir / "platform.json"

    @classmethod
    def running(cls, state_dir: Path | None = None) -> Platform | None:
        """A handle on the platform another process started in this directory, or None."""
        platform = cls(state_dir)
        info = platform._recorded()
        if info is None or not info.alive():
            return None
        platform.info, platform.region = info, info.region
        return platform

    def start(self) -> Platform:
        """Start the emulator and wait until it answers; replaces a platform left by a crash."""
        self._replace_stale()
        self._clear_run_state()
        certificate = ensure_certificate(self.state_dir / "tls", self.region)
        try:
            self._launch(certificate)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the emulator and all its children; safe to call twice and after a crash."""
        info = self.info or self._recorded()
        self._clients.close()
        for command in list(self._commands):
            end_group(command)
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        if info is not None:
            terminate(info.pid, info.platform_id)
            process_guard.end_marked(info.platform_id)
        if self._process is not None:
            self._process.wait(timeout=STOP_SECONDS)
            self._process = None
        self.description.unlink(missing_ok=True)
        self.info = None

    def _recorded(self) -> PlatformInfo | None:
        try:
            return PlatformInfo(**json.loads(self.description.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _replace_stale(self) -> None:
        recorded = self._recorded()
        if recorded is None:
            return
        if recorded.alive():
            raise PlatformError(
                f"a platform already runs in {self.state_dir} (pid {recorded.pid}, "
                f"{recorded.endpoint}); stop it with `python -m local.cli down`"
            )
        process_guard.end_marked(recorded.platform_id)
        self.description.unlink(missing_ok=True)

    def _clear_run_state(self) -> None:
        """Every run starts empty: what a former run recorded would be counted as this run's."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        for entry in self.state_dir.iterdir():
            if entry.name == "tls":
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _launch(self, certificate: Certificate) -> None:
        port, platform_id = free_port(), uuid.uuid4().hex
        self._root_secret = root_secret = secrets.token_urlsafe(30)
        read_end, self._pipe = os.pipe()
        temporary = self.state_dir / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = emulator_environment(
            EmulatorSettings(
                account=ACCOUNT,
                region=self.region,
                port=port,
                platform_id=platform_id,
                root_secret=root_secret,
                state_dir=self.state_dir,
                certificate=certificate,
            )
        )
        with (self.state_dir / "emulator.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.emulator"],
                cwd=ROOT,
                env=environment | self._variables | {"MILLRACE_PARENT_PIPE": str(read_end)},
                pass_fds=(read_end,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        os.close(read_end)
        self.info = PlatformInfo(
            endpoint=f"https://localhost:{port}",
            port=port,
            pid=self._process.pid,
            platform_id=platform_id,
            account=ACCOUNT,
            region=self.region,
            ca_bundle=str(certificate.bundle),
            certificate=str(certificate.certificate),
            access_key_id=ACCOUNT,
            secret_access_key=root_secret,
        )
        self._write_description()
        self._wait_until_healthy()
        self._create_operator()

    def _write_description(self) -> None:
        assert self.info is not None
        self.description.touch(mode=0o600)
        self.description.write_text(json.dumps(dataclasses.asdict(self.info), indent=2) + "\n")

    def _wait_until_healthy(self) -> None:
        assert self.info is not None and self._process is not None
        import ssl

        trust = ssl.create_default_context(cafile=self.info.certificate)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise PlatformError(f"the emulator ended at start:\n{self._log_tail()}")
            try:
                url = f"{self.info.endpoint}/_ministack/health"
                with urllib.request.urlopen(url, timeout=2, context=trust):  # noqa: S310 (our own)
                    return
            except OSError:
                time.sleep(0.1)
        raise PlatformError(f"the emulator did not answer within {START_SECONDS:.0f} s")

    def _log_tail(self, lines: int = 25) -> str:
        log = self.state_dir / "emulator.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    def _create_operator(self) -> None:
        """Swap the root credentials for an IAM user's, so that a person's calls are evaluated."""
        assert self.info is not None
        iam = self.client("iam")
        user = iam.create_user(UserName=OPERATOR)["User"]["Arn"]
        iam.attach_user_policy(UserName=OPERATOR, PolicyArn=ADMINISTRATOR)
        trust = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
        iam.create_role(
            RoleName=BREAK_GLASS,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.attach_role_policy(RoleName=BREAK_GLASS, PolicyArn=ADMINISTRATOR)
        key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
        self.info = dataclasses.replace(
            self.info, access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"]
        )
        self._write_description()

    # -- use ----------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """Variables for the ``cdk`` CLI, boto3 and any child: endpoint, operator, trust."""
        assert self.info is not None, "the platform is not running"
        return {
            "AWS_ENDPOINT_URL": self.info.endpoint,
            "AWS_ACCESS_KEY_ID": self.info.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.info.secret_access_key,
            "AWS_REGION": self.info.region,
            "AWS_DEFAULT_REGION": self.info.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": self.info.account,
            "CDK_DEFAULT_REGION": self.info.region,
            "AWS_CA_BUNDLE": self.info.certificate,
            "REQUESTS_CA_BUNDLE": self.info.ca_bundle,
            "SSL_CERT_FILE": self.info.ca_bundle,
            "NODE_EXTRA_CA_CERTS": self.info.certificate,
        }

    def client(
        self,
        service: str,
        credentials: Mapping[str, str] | None = None,
        region: str | None = None,
    ) -> Any:
        """A boto3 client as the operator, or with other ``AWS_…`` credentials or Region."""
        assert self.info is not None, "the platform is not running"
        keys = {**self.environment(), **(credentials or {})}
        asked = Asked(
            service,
            region or self.info.region,
            keys["AWS_ACCESS_KEY_ID"],
            keys["AWS_SECRET_ACCESS_KEY"],
            (credentials or {}).get("AWS_SESSION_TOKEN"),
        )
        return self._clients.get(self.info.endpoint, self.info.certificate, asked)

    def assume(self, role_arn: str, session_name: str = OPERATOR) -> dict[str, str]:
        """Credentials of a role (STS AssumeRole as the operator), as ``AWS_…`` variables."""
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        keys = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def break_glass(self) -> dict[str, str]:
        """Credentials of the role that buckets answer from outside their network; for an hour."""
        assert self.info is not None, "the platform is not running"
        return self.assume(f"arn:aws:iam::{self.info.account}:role/{BREAK_GLASS}")

    def root_of(self, account: str) -> dict[str, str]:
        """Root credentials of another account of this run: what somebody else brings is theirs."""
        return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": self._root_secret}

    # -- cdk ----------------------------------------------------------------------------------

    def run_cdk(
        self, arguments: Sequence[str], *, cwd: Path | None = None, capture: bool = False
    ) -> str:
        """Run the CLI; return its output when captured. Raises ``PlatformError`` on failure."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        environment |= self.environment() | {"PATH": path_with_node(), "CI": "1"}
        environment["JSII_RUNTIME_PACKAGE_CACHE"] = "enabled"
        environment["CDK_DISABLE_CLI_TELEMETRY"] = "true"
        command = subprocess.Popen(
            [str(cdk_executable()), *arguments],
            cwd=cwd or ROOT,
            env=environment,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.STDOUT if capture else None,
            text=True,
            start_new_session=True,
        )
        self._commands.add(command)
        try:
            output, _ = command.communicate()
        finally:
            end_group(command)
            self._commands.discard(command)
        if command.returncode != 0:
            tail = "\n".join((output or "").splitlines()[-40:])
            raise PlatformError(f"cdk {' '.join(arguments)} failed ({command.returncode})\n{tail}")
        return output or ""

    def bootstrap(self, *, capture: bool = True) -> str:
        """What an account's owner does before the first deploy: ``local.account``, then the CDK's.

        ``cdk bootstrap`` of the platform's account and Region, with the default qualifier.
        """
        assert self.info is not None, "the platform is not running"
        account.prepare(self.client)
        target = f"aws://{self.info.account}/{self.info.region}"
        # From a folder without a cdk.json: bootstrapping then does not synthesise the app.
        empty = self.state_dir / "bootstrap"
        empty.mkdir(exist_ok=True)
        return self.run_cdk(["bootstrap", target], cwd=empty, capture=capture)

    def deploy(
        self, environment: str, *extra: str, app: str | None = None, capture: bool = False
    ) -> str:
        """``cdk deploy --all`` of the app with one settings file (context key ``env``)."""
        options = ["-c", f"env={environment}", "--require-approval", "never"]
        options += ["--concurrency", "2", *(("--app", app) if app else ()), *extra]
        return self.run_cdk(["deploy", "--all", *options], capture=capture)

    def destroy(
        self, environment: str, *extra: str, app: str | None = None, capture: bool = False
    ) -> str:
        """``cdk destroy --all --force`` of the app with one settings file."""
        options = ["-c", f"env={environment}", "--force", *(("--app", app) if app else ()), *extra]
        return self.run_cdk(["destroy", "--all", *options], capture=capture)
