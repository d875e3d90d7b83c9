"""Who asks comes first: whoever AWS does not know gets one line, and nothing else happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from config.load import load_deployment
from core.names import Scope
from operations import deploy as deploying
from operations import destroy, named, verify_aws
from operations.deployed import NotRead
from operations.preflight import Inquiry, State, before
from operations.preflight import __main__ as asking
from operations.preflight.answer import ask
from operations.preflight.before import preflight, read_deployed
from operations.preflight.caller import right_account
from operations.preflight.trails import trails

ACCOUNT, OTHER = "111122223333", "444455556666"
SCOPE = Scope("flights", "dev", "flights")
SETTINGS = load_deployment("dev").settings


def _client(service: str) -> Any:
    clients: Any = boto3.client
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return clients(service, region_name="eu-west-1", **keys)


@pytest.fixture
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nobody has signed in."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def _no_synth(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: list[str]) -> None:
        raise AssertionError(f"cdk {arguments} although nobody may deploy")

    monkeypatch.setattr(before, "run_cdk", run)
    monkeypatch.setattr(deploying, "run_cdk", run)
    monkeypatch.setattr(destroy, "run_cdk", run)


@pytest.mark.usefixtures("_nobody", "_no_synth")
@pytest.mark.parametrize("command", [deploying.deploy, destroy.main, verify_aws.main])
@pytest.mark.parametrize("profile", [None, "nowhere"])
def test_without_credentials_one_line_is_said_and_nothing_begins(
    command: Any,
    profile: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(typer.Exit) as ended:
        command("dev")
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert len((said.out + said.err).splitlines()) == 1
    assert (profile or "Unable to locate credentials") in said.err


@pytest.mark.usefixtures("_nobody", "_no_synth")
@pytest.mark.parametrize("command", [asking.main, deploying.deploy, destroy.main, verify_aws.main])
def test_a_mistake_in_the_settings_is_told_without_a_traceback(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        command("deb")
    assert ended.value.exit_code == 1
    assert "environment: 'deb' — allowed: demo, dev, prod" in capsys.readouterr().err


def test_who_is_of_another_account_destroys_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def destroyed(*_: object, **__: object) -> None:
        raise AssertionError("destroyed in another account")

    dev = load_deployment("dev")
    elsewhere = replace(dev, settings=dev.settings.model_copy(update={"account": ACCOUNT}))
    client = _client("sts")
    monkeypatch.setattr(before, "_client", lambda *_: client)
    monkeypatch.setattr(named, "deployment", lambda _: elsewhere)
    monkeypatch.setattr(destroy, "destroy_deployment", destroyed)
    with Stubber(client) as stub, pytest.raises(typer.Exit) as ended:
        identity = {"Account": OTHER, "UserId": "A", "Arn": f"arn:aws:iam::{OTHER}:root"}
        stub.add_response("get_caller_identity", identity)
        destroy.main("dev", delete_data=True)
    assert ended.value.exit_code == 1
    assert OTHER in capsys.readouterr().out


@pytest.mark.usefixtures("_no_synth")
def test_credentials_that_aws_does_not_take_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = _client("sts")
    monkeypatch.setattr(before, "_client", lambda *_: client)
    with Stubber(client) as stub, pytest.raises(typer.Exit):
        stub.add_client_error("get_caller_identity", "ExpiredToken", http_status_code=403)
        preflight(SETTINGS)
    assert "GetCallerIdentity: ExpiredToken" in capsys.readouterr().err


@pytest.mark.parametrize(("expected", "stops"), [(None, False), (ACCOUNT, False), (OTHER, True)])
def test_another_account_than_the_settings_stops(expected: str | None, stops: bool) -> None:
    settings = SETTINGS.model_copy(update={"account": expected})
    answer = right_account(settings, ACCOUNT)
    assert answer.stops is stops
    assert ACCOUNT in answer.said
    assert not stops or OTHER in answer.said


@pytest.mark.usefixtures("_no_synth")
def test_in_another_account_nothing_else_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = _client("sts")
    monkeypatch.setattr(before, "_client", lambda *_: client)
    with Stubber(client) as stub, pytest.raises(typer.Exit):
        stub.add_response("get_caller_identity", {"Account": ACCOUNT})
        preflight(SETTINGS.model_copy(update={"account": OTHER}))
    said = capsys.readouterr().out
    assert ACCOUNT in said
    assert OTHER in said
    assert said.splitlines()[-1].startswith("Nothing was deployed")


def _refusing() -> tuple[Any, Stubber]:
    client = _client("cloudformation")
    stub = Stubber(client)
    stub.add_client_error("describe_stacks", "AccessDenied", http_status_code=403)
    return client, stub


def test_who_may_not_describe_stacks_gets_answers_that_say_so() -> None:
    client, stub = _refusing()
    with stub:
        deployed = read_deployed(client, SCOPE)
    assert isinstance(deployed, NotRead)
    cloudtrail = _client("cloudtrail")
    asked = Inquiry(SETTINGS, {}, deployed, ("/cdk-bootstrap/q/version", 6), lambda *_: cloudtrail)
    (answer,) = ask("CloudTrail", lambda: trails(asked))
    assert (answer.state, answer.said) == (State.NOT_ALLOWED, "DescribeStacks: AccessDenied")


def test_a_deploy_without_describe_stacks_ends_before_it_changes_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client, stub = _refusing()
    calls: list[list[str]] = []
    monkeypatch.setattr(deploying, "preflight", lambda _: {})
    monkeypatch.setattr(deploying, "run_cdk", calls.append)
    monkeypatch.setattr(deploying.boto3, "client", lambda *_, **__: client)
    with stub, pytest.raises(typer.Exit) as ended:
        deploying.deploy("dev")
    assert ended.value.exit_code == 1
    assert "Nothing was deployed: DescribeStacks: AccessDenied" in capsys.readouterr().err
    assert not calls


def test_verify_says_in_one_line_that_it_may_not_look(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeStacks")

    monkeypatch.setattr(verify_aws, "assert_caller", lambda _: None)
    monkeypatch.setattr("operations.subject.Deployed.read", refused)
    with pytest.raises(typer.Exit) as ended:
        verify_aws.main("dev")
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert len((said.out + said.err).splitlines()) == 1
    assert "AccessDenied" in said.err
