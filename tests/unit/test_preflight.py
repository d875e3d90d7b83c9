"""The account is asked before a deploy, and each answer says what to change where."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from rich.console import Console

from config.load import load_deployment
from operations.deployed import Deployed, Resource
from operations.preflight import Answer, State, show
from operations.preflight.answer import ask
from operations.preflight.concurrency import concurrency, wanted_concurrency
from operations.preflight.given import owner, zones
from operations.preflight.names import lengths, longest, taken
from operations.preflight.region import (
    bootstrap,
    image,
    lake_formation,
    logging_role,
    prefix_lists,
    throttle,
)
from tests.support.preflight import BOOTSTRAP, NOTHING, SCOPE
from tests.support.preflight import inquiry as _inquiry
from tests.support.preflight import stubbed as _stubbed

ROUTER = Resource("api", "Router", "AWS::Lambda::Function", "router-1")
ROUTER_DEPLOYED = Deployed(SCOPE, ("api",), (ROUTER,), {})
# -- answers ---------------------------------------------------------------------------------------


def _denied() -> Iterator[Answer]:
    clients: Any = boto3.client
    client = clients("apigateway", region_name="eu-west-1")
    with Stubber(client) as stub:
        stub.add_client_error("get_account", "AccessDeniedException")
        client.get_account()
    yield Answer("never", State.OK, "")


def test_a_refusal_to_answer_is_said_and_does_not_stop() -> None:
    (answer,) = ask("logging role", _denied)
    assert answer.state == State.NOT_ALLOWED
    assert answer.said == "GetAccount: AccessDeniedException"
    assert not answer.stops


def test_a_service_that_cannot_be_reached_does_not_stop() -> None:
    def unreachable() -> Iterator[Answer]:
        raise EndpointConnectionError(endpoint_url="https://nowhere.example")

    (answer,) = ask("quotas", unreachable)
    assert answer.state == State.NO_ANSWER
    assert "nowhere.example" in answer.said


@pytest.mark.parametrize("state", State)
def test_the_table_has_every_answer_and_each_remedy_once(state: State) -> None:
    found = [Answer(f"subject {n}", state, f"said {n}", "do this") for n in range(3)]
    console = Console(file=io.StringIO(), width=200)
    stops = show(found, console)
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert stops is (state in {State.TOO_LOW, State.MISSING})
    assert printed.count("do this") == 1
    assert printed.splitlines()[-1].startswith("Nothing was deployed") is stops
    assert all(answer.said in printed for answer in found)


# -- concurrency -----------------------------------------------------------------------------------


def _functions(*reserved: int | None) -> list[tuple[str, dict[str, Any]]]:
    queue: tuple[str, dict[str, Any]] = ("AWS::SQS::Queue", {})
    return [
        ("AWS::Lambda::Function", {} if n is None else {"ReservedConcurrentExecutions": n})
        for n in reserved
    ] + [queue]


def _concurrency(reserved: int, deployed: Deployed, unreserved: int, ours: int) -> Answer:
    def stub(stubber: Stubber) -> None:
        limit = {"UnreservedConcurrentExecutions": unreserved, "ConcurrentExecutions": 1000}
        stubber.add_response("get_account_settings", {"AccountLimit": limit}, {})
        if deployed.resources:
            found = {"ReservedConcurrentExecutions": ours} if ours else {}
            stubber.add_response("get_function_concurrency", found, {"FunctionName": "router-1"})

    (answer,) = _stubbed("lambda", stub, concurrency, *_functions(reserved), deployed=deployed)
    return answer


def test_reservations_of_all_templates_are_added() -> None:
    assert wanted_concurrency(_inquiry(None, *_functions(30, None, 5))) == 35


def test_without_reservations_the_account_is_not_asked() -> None:
    assert not list(concurrency(_inquiry(None, *_functions(None))))


@pytest.mark.parametrize(
    ("reserved", "deployed", "unreserved", "ours"),
    [(60, NOTHING, 160, 0), (60, ROUTER_DEPLOYED, 100, 60), (60, ROUTER_DEPLOYED, 160, 0)],
    ids=["new", "given back by the update", "deployed without"],
)
def test_what_the_quota_allows_passes(
    reserved: int, deployed: Deployed, unreserved: int, ours: int
) -> None:
    assert _concurrency(reserved, deployed, unreserved, ours).state == State.OK


@pytest.mark.parametrize(
    ("reserved", "deployed", "unreserved", "ours", "allowed", "enough"),
    [
        (61, NOTHING, 160, 0, 60, 1001),
        (5, NOTHING, 10, 0, 0, 1095),
        (61, ROUTER_DEPLOYED, 100, 60, 60, 1001),
    ],
    ids=["one too many", "new account", "given back by the update"],
)
def test_more_than_the_quota_allows_is_refused_with_the_number(  # noqa: PLR0917 - one case
    reserved: int, deployed: Deployed, unreserved: int, ours: int, allowed: int, enough: int
) -> None:
    answer = _concurrency(reserved, deployed, unreserved, ours)
    assert answer.state == State.TOO_LOW
    assert f"{allowed} can be reserved; wanted: {reserved}" in answer.said
    assert f"--desired-value {enough}" in answer.remedy


# -- the Region's singletons -----------------------------------------------------------------------


def _lists(s3: str, dynamodb: str) -> Answer:
    names = ["com.amazonaws.eu-west-1.dynamodb", "com.amazonaws.eu-west-1.s3"]
    found = [
        {"PrefixListName": name, "PrefixListId": prefix_list}
        for name, prefix_list in zip(names, (dynamodb, s3), strict=True)
    ]
    asked = {"Filters": [{"Name": "prefix-list-name", "Values": names}]}
    (answer,) = _stubbed(
        "ec2",
        lambda stub: stub.add_response("describe_prefix_lists", {"PrefixLists": found}, asked),
        prefix_lists,
    )
    return answer


def test_prefix_lists_of_the_region_pass() -> None:
    assert _lists("pl-6da54004", "pl-6fa54006").state == State.OK


def test_swapped_prefix_lists_are_refused_with_the_right_ids() -> None:
    answer = _lists("pl-6fa54006", "pl-6da54004")
    assert answer.stops
    assert "com.amazonaws.eu-west-1.s3 is pl-6fa54006, not pl-6da54004" in answer.said


def test_without_prefix_lists_the_region_is_not_asked() -> None:
    settings = load_deployment("prod").settings
    network = settings.network.model_copy(update={"prefix_lists": None})
    settings = settings.model_copy(update={"network": network})
    assert not list(prefix_lists(_inquiry(None, settings=settings)))


STAGE = ("AWS::ApiGateway::Stage", {"MethodSettings": [{"LoggingLevel": "INFO"}]})


@pytest.mark.parametrize(
    ("account", "state"),
    [({}, State.MISSING), ({"cloudwatchRoleArn": "arn:aws:iam::1:role/logs"}, State.OK)],
    ids=["new account", "role set"],
)
def test_a_stage_that_logs_needs_the_account_s_role(account: dict[str, str], state: State) -> None:
    (answer,) = _stubbed(
        "apigateway", lambda stub: stub.add_response("get_account", account), logging_role, STAGE
    )
    assert answer.state == state


@pytest.mark.parametrize(("rate", "burst"), [(True, True), (False, True), (True, False)])
def test_a_stage_cannot_have_more_than_the_region(rate: bool, burst: bool) -> None:
    limits = {"rateLimit": 200.0 if rate else 199.0, "burstLimit": 400 if burst else 399}
    setting = {"ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400}
    found = _stubbed(
        "apigateway",
        lambda stub: stub.add_response("get_account", {"throttleSettings": limits}),
        throttle,
        ("AWS::ApiGateway::Stage", {"MethodSettings": [setting]}),
    )
    assert [answer.stops for answer in found] == [not rate, not burst]


def test_a_stage_that_does_not_log_needs_no_role() -> None:
    quiet = ("AWS::ApiGateway::Stage", {"MethodSettings": [{"LoggingLevel": "OFF"}]})
    assert not list(logging_role(_inquiry(None, quiet)))


@pytest.mark.parametrize(
    ("version", "state"), [("6", State.OK), ("5", State.TOO_LOW), (None, State.MISSING)]
)
def test_the_bootstrap_has_the_version_that_the_templates_need(
    version: str | None, state: State
) -> None:
    def stub(stubber: Stubber) -> None:
        if version is None:
            stubber.add_client_error("get_parameter", "ParameterNotFound")
        else:
            found = {"Parameter": {"Value": version}}
            stubber.add_response("get_parameter", found, {"Name": BOOTSTRAP[0]})

    (answer,) = _stubbed("ssm", stub, bootstrap)
    assert answer.state == state
    assert answer.remedy == ("" if state == State.OK else "make bootstrap ENV=prod")


BY_IAM = {
    "Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"},
    "Permissions": ["ALL"],
}


@pytest.mark.parametrize(
    ("databases", "tables", "told"),
    [([BY_IAM], [BY_IAM], "IAM decides"), ([BY_IAM], [], "new tables"), ([], [], "databases and")],
)
def test_lake_formation_is_named_where_it_decides(
    databases: list[Any], tables: list[Any], told: str
) -> None:
    settings = {
        "CreateDatabaseDefaultPermissions": databases,
        "CreateTableDefaultPermissions": tables,
    }
    (answer,) = _stubbed(
        "lakeformation",
        lambda stub: stub.add_response("get_data_lake_settings", {"DataLakeSettings": settings}),
        lake_formation,
        ("AWS::Glue::Database", {}),
    )
    assert told in answer.said
    assert answer.stops is (told != "IAM decides")


@pytest.mark.parametrize("there", [True, False])
def test_the_image_is_asked_for_as_a_pull_would(there: bool) -> None:
    uri = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    tag = {"imageTag": "3.2-0"}
    asked = {
        "registryId": "141502667606", "repositoryName": "sagemaker-xgboost", "imageIds": [tag],
    }  # fmt: skip
    failure = {"imageId": tag, "failureCode": "ImageNotFound"}
    found = {"images": [{"imageId": tag}] if there else [], "failures": [] if there else [failure]}
    (answer,) = _stubbed(
        "ecr",
        lambda stub: stub.add_response("batch_get_image", found, asked),
        image,
        ("AWS::SageMaker::Model", {"PrimaryContainer": {"Image": uri}}),
    )
    assert answer.stops is not there
    assert uri in answer.said


# -- what the settings name ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "stops"),
    [
        ("ml-platform@example.com", True),
        ("ml@mail.example.org", True),
        ("ml@alarms.test", True),
        ("ml@example.co.uk", False),
        ("example.com@millrace.io", False),
    ],
)
def test_alarms_that_go_to_an_example_stop_the_deploy(email: str, stops: bool) -> None:
    settings = load_deployment("prod").settings
    whose = settings.owner.model_copy(update={"email": email})
    (answer,) = owner(_inquiry(settings=settings.model_copy(update={"owner": whose})))
    assert answer.stops is stops
    assert email in answer.said


@pytest.mark.parametrize("state", ["available", "impaired", None])
def test_zones_are_those_that_the_account_has(state: str | None) -> None:
    found = [{"ZoneName": f"eu-west-1{letter}", "State": "available"} for letter in "ab"]
    found += [{"ZoneName": "eu-west-1c", "State": state}] if state else []
    (answer,) = _stubbed(
        "ec2",
        lambda stub: stub.add_response(
            "describe_availability_zones", {"AvailabilityZones": found}, {}
        ),
        zones,
    )
    assert answer.stops is (state != "available")
    assert ("eu-west-1c not there" in answer.said) is answer.stops


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "member"), longest())
def test_a_name_is_refused_from_one_character_too_many(kind: str, member: str) -> None:
    most = longest()[kind, member]
    (fits,) = lengths(_inquiry(None, (kind, {member: "x" * most})))
    (long,) = lengths(_inquiry(None, (kind, {member: "x" * (most + 1)})))
    assert (fits.state, long.state) == (State.OK, State.TOO_LOW)
    assert f"{most + 1} characters; allowed: {most}" in long.said


TRAIL = ("AWS::CloudTrail::Trail", {"TrailName": "millrace-flights-prod"})


@pytest.mark.parametrize("there", [True, False])
def test_a_name_that_somebody_else_holds_is_named(there: bool) -> None:
    def stub(stubber: Stubber) -> None:
        if there:
            stubber.add_response("get_trail", {"Trail": {"Name": "millrace-flights-prod"}})
        else:
            stubber.add_client_error("get_trail", "TrailNotFoundException")

    (answer,) = _stubbed("cloudtrail", stub, taken, TRAIL)
    assert answer.stops is there


@pytest.mark.parametrize("kind", ["Metric", "Composite"])
@pytest.mark.parametrize("there", [True, False])
def test_an_alarm_that_somebody_else_holds_is_named(kind: str, there: bool) -> None:
    name, found = "flights-prod-champion-errors", f"{kind}Alarms"
    template = "AWS::CloudWatch::" + ("Alarm" if kind == "Metric" else "CompositeAlarm")
    asked = {"AlarmNames": [name], "AlarmTypes": [f"{kind}Alarm"]}
    response = {found: [{"AlarmName": name}] if there else []}
    (answer,) = _stubbed(
        "cloudwatch",
        lambda stub: stub.add_response("describe_alarms", response, asked),
        taken,
        (template, {"AlarmName": name}),
    )
    assert answer.stops is there
    assert name in answer.said


@pytest.mark.parametrize(("others", "stops"), [("", True), ("-2", False), (None, False)])
def test_a_log_group_that_somebody_else_holds_is_named(others: str | None, stops: bool) -> None:
    """A prefix finds longer names, too, which are other groups."""
    name = "/aws/sagemaker/Endpoints/flights-prod"
    groups = [] if others is None else [{"logGroupName": name + others}]
    asked = {"logGroupNamePrefix": name}
    (answer,) = _stubbed(
        "logs",
        lambda stub: stub.add_response("describe_log_groups", {"logGroups": groups}, asked),
        taken,
        ("AWS::Logs::LogGroup", {"LogGroupName": name}),
        ("AWS::Logs::LogGroup", {"LogGroupName": {"Fn::Join": ["", ["a", {"Ref": "R"}]]}}),
    )
    assert answer.stops is stops


def test_only_names_that_no_stack_of_ours_has_are_asked_for() -> None:
    ours = Resource("serving", "Alarm", "AWS::CloudWatch::Alarm", "ours")
    deployed = Deployed(SCOPE, ("serving",), (ours,), {})
    (answer,) = _stubbed(
        "cloudwatch",
        lambda stub: stub.add_response("describe_alarms", {"MetricAlarms": []}),
        taken,
        ("AWS::CloudWatch::Alarm", {"AlarmName": "ours"}),
        ("AWS::CloudWatch::Alarm", {"AlarmName": "new"}),
        deployed=deployed,
    )
    assert answer.said == "free: new"


def test_a_name_of_our_own_is_not_asked_for() -> None:
    ours = Resource("audit", "Trail", "AWS::CloudTrail::Trail", "millrace-flights-prod")
    deployed = Deployed(SCOPE, ("audit",), (ours,), {})
    assert not list(taken(_inquiry(None, TRAIL, deployed=deployed)))
