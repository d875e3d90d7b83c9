"""Quotas are compared with what the templates start, and a request's command is ready to copy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from config.load import load_deployment
from core.names import Scope
from operations.deployed import Deployed, Resource
from operations.preflight import Answer, Inquiry, State
from operations.preflight.account import firehose, identities, network
from operations.preflight.instances import needs
from operations.preflight.linked_roles import linked_roles
from operations.preflight.quotas import Need, Quotas
from operations.preflight.trails import trails

SCOPE = Scope("flights", "prod", "flights")
NOTHING = Deployed(SCOPE, (), (), {})
KIND = "ml.m5.large for endpoint usage"


def _inquiry(*resources: tuple[str, dict[str, Any]], client: Any = None,
             deployed: Deployed = NOTHING) -> Inquiry:  # fmt: skip
    template = {
        "Resources": {
            f"R{n}": {"Type": kind, "Properties": properties}
            for n, (kind, properties) in enumerate(resources)
        }
    }
    settings = load_deployment("prod").settings
    return Inquiry(
        settings, {"s": template}, deployed, ("/cdk-bootstrap/q/version", 6), lambda *_: client
    )


class Account:
    """Service Quotas of an account with these defaults and applied values, by quota name."""

    def __init__(self, defaults: dict[str, float], applied: dict[str, float] | None = None,
                 *, adjustable: bool = True) -> None:  # fmt: skip
        self._found = {
            "list_aws_default_service_quotas": defaults,
            "list_service_quotas": applied or {},
        }
        self._adjustable = adjustable

    def get_paginator(self, operation: str) -> Account:
        self._operation = operation
        return self

    def paginate(self, ServiceCode: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - AWS's name
        for name, value in self._found[self._operation].items():
            yield {
                "Quotas": [
                    {"QuotaName": name, "QuotaCode": f"L-{ServiceCode}", "Value": value,
                     "Adjustable": self._adjustable}
                ]
            }  # fmt: skip


def _compared(account: Account, *wanted: Need) -> list[Answer]:
    return list(Quotas(account, "eu-west-1").compare(wanted))


@pytest.mark.parametrize(
    ("applied", "state"), [({}, State.TOO_LOW), ({KIND: 3.0}, State.TOO_LOW), ({KIND: 4.0}, "ok")]
)
def test_an_applied_value_comes_before_the_default(applied: dict[str, float], state: str) -> None:
    (answer,) = _compared(Account({KIND: 0.0}, applied), Need("sagemaker", KIND, 4, "an endpoint"))
    assert answer.state == state
    assert "wanted: 4 (an endpoint)" in answer.said


def test_a_request_asks_for_what_is_never_short() -> None:
    (answer,) = _compared(Account({KIND: 0.0}), Need("sagemaker", KIND, 4, "", ample=8))
    assert answer.remedy == (
        "aws service-quotas request-service-quota-increase --region eu-west-1 --service-code "
        "sagemaker --quota-code L-sagemaker --desired-value 8"
    )


def test_a_quota_that_is_short_at_the_maximum_only_does_not_stop() -> None:
    (answer,) = _compared(Account({KIND: 5.0}), Need("sagemaker", KIND, 4, "", ample=8))
    assert not answer.stops
    assert "8 would be enough" in answer.said
    assert "--desired-value 8" in answer.remedy


def test_a_quota_that_cannot_be_raised_has_no_request() -> None:
    account = Account({KIND: 0.0}, adjustable=False)
    (answer,) = _compared(account, Need("sagemaker", KIND, 1, ""))
    assert "does not raise" in answer.remedy


def test_a_quota_that_is_not_listed_is_said_and_does_not_stop() -> None:
    (answer,) = _compared(Account({}), Need("sagemaker", "no such", 1, ""))
    assert answer.state == State.NO_ANSWER


# -- instances -------------------------------------------------------------------------------------


def _endpoint(**policy: Any) -> tuple[str, dict[str, Any]]:
    return "AWS::SageMaker::Endpoint", {"DeploymentConfig": policy} if policy else {}


CONFIG = (
    "AWS::SageMaker::EndpointConfig",
    {
        "ProductionVariants": [
            {"VariantName": "champion", "InstanceType": "ml.m5.large", "InitialInstanceCount": 4},
            {"VariantName": "serverless"},
        ],
        "ShadowProductionVariants": [
            {"VariantName": "challenger", "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
        ],
    },
)


def _scaling(most: int) -> tuple[str, dict[str, Any]]:
    resource = "endpoint/flights-prod/variant/champion"
    return (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {"ResourceId": resource, "MaxCapacity": most},
    )


@pytest.mark.parametrize(
    ("policy", "count", "ample"),
    [
        ({"BlueGreenUpdatePolicy": {}}, 8, 12),
        ({}, 8, 12),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 30}}},
         6, 8),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}},
         5, 7),
    ],
    ids=["blue/green", "default", "rolling by share", "rolling by count"],
)  # fmt: skip
def test_a_roll_out_s_new_fleet_is_counted(policy: dict[str, Any], count: int, ample: int) -> None:
    found = {need.name: need for need in needs(_inquiry(CONFIG, _scaling(6), _endpoint(**policy)))}
    need = found["ml.m5.large for endpoint usage"]
    assert (need.count, need.ample) == (count, ample)
    assert found["ml.c5.large for endpoint usage"].count >= 2
    total = found["Number of instances across active endpoints"]
    assert total.count == count + found["ml.c5.large for endpoint usage"].count


def _machine(states: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    text = json.dumps({"StartAt": "A", "States": states})
    joined = {"Fn::Join": ["", [text[:5], text[5:]]]}
    return "AWS::StepFunctions::StateMachine", {"DefinitionString": joined}


def _task(action: str, **parameters: Any) -> dict[str, Any]:
    resource = f"arn:aws:states:::sagemaker:{action}.sync"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters}


def _cluster(kind: str, count: int = 1) -> dict[str, Any]:
    return {"InstanceType": kind, "InstanceCount": count}


TRAIN = _task("createTrainingJob", ResourceConfig=_cluster("ml.m5.large", 2))
SPOT = _task(
    "createTrainingJob", ResourceConfig=_cluster("ml.m5.large"), EnableManagedSpotTraining=True
)
PROCESS = _task(
    "createProcessingJob", ProcessingResources={"ClusterConfig": _cluster("ml.m5.large")}
)
TRANSFORM = _task("createTransformJob", TransformResources=_cluster("ml.m5.large"))


def _names(*resources: tuple[str, dict[str, Any]]) -> dict[str, int]:
    return {need.name: need.count for need in needs(_inquiry(*resources)) if need.name[:3] == "ml."}


def test_each_use_of_a_type_is_a_quota_of_its_own() -> None:
    machine = _machine({"A": TRAIN, "B": SPOT, "C": PROCESS, "D": TRANSFORM})
    assert _names(machine) == {
        "ml.m5.large for training job usage": 2,
        "ml.m5.large for spot training job usage": 1,
        "ml.m5.large for processing job usage": 1,
        "ml.m5.large for transform job usage": 1,
    }


def test_jobs_one_after_the_other_count_once_and_those_at_the_same_time_together() -> None:
    branches = [{"States": {"X": PROCESS}}, {"States": {"Y": PROCESS}}]
    parallel = {"Type": "Parallel", "Branches": branches}
    assert _names(_machine({"A": PROCESS, "B": PROCESS})) == {
        "ml.m5.large for processing job usage": 1
    }
    assert _names(_machine({"A": parallel, "B": PROCESS}), _machine({"A": PROCESS})) == {
        "ml.m5.large for processing job usage": 3
    }


# -- what the account holds ------------------------------------------------------------------------


def _client(service: str) -> Any:
    clients: Any = boto3.client
    return clients(service, region_name="eu-west-1")


@pytest.mark.parametrize(("there", "state"), [(4, State.OK), (5, State.TOO_LOW)])
def test_a_further_vpc_needs_room(there: int, state: State) -> None:
    client = _client("ec2")
    with Stubber(client) as stub:
        stub.add_response("describe_vpcs", {"Vpcs": [{"VpcId": f"vpc-{n}"} for n in range(there)]})
        inquiry = _inquiry(("AWS::EC2::VPC", {}), client=client)
        (answer,) = network(inquiry, Quotas(Account({"VPCs per Region": 5.0}), "eu-west-1"))
    assert answer.state == state


def test_a_vpc_that_is_ours_already_is_not_counted_again() -> None:
    ours = Deployed(SCOPE, ("network",), (Resource("network", "V", "AWS::EC2::VPC", "vpc-1"),), {})
    inquiry = _inquiry(("AWS::EC2::VPC", {}), client=_client("ec2"), deployed=ours)
    assert not list(network(inquiry, Quotas(Account({}), "eu-west-1")))


@pytest.mark.parametrize(("there", "state"), [(999, State.OK), (1000, State.TOO_LOW)])
def test_a_further_role_needs_room(there: int, state: State) -> None:
    client = _client("iam")
    summary = {"Roles": there, "RolesQuota": 1000, "Policies": 0, "PoliciesQuota": 1500}
    with Stubber(client) as stub:
        stub.add_response("get_account_summary", {"SummaryMap": summary})
        found = list(identities(_inquiry(("AWS::IAM::Role", {}), client=client)))
    assert [answer.state for answer in found] == [state, State.OK]
    assert ("--desired-value 1001" in found[0].remedy) is (state == State.TOO_LOW)


def test_firehose_s_direct_put_rate_is_told_for_the_region() -> None:
    client = _client("firehose")
    stream = ("AWS::KinesisFirehose::DeliveryStream", {"DeliveryStreamType": "DirectPut"})
    with Stubber(client) as stub:
        stub.add_response(
            "list_delivery_streams",
            {"DeliveryStreamNames": ["a"], "HasMoreDeliveryStreams": True},
        )
        stub.add_response(
            "list_delivery_streams", {"DeliveryStreamNames": ["b"], "HasMoreDeliveryStreams": False}
        )
        account = Account({"Delivery streams": 2.0})
        count, rate = firehose(_inquiry(stream, client=client), Quotas(account, "eu-west-1"))
    assert count.state == State.TOO_LOW
    assert "wanted: 3 (2 there, 1 new)" in count.said
    assert "5 MiB" in rate.said


# -- trails and service-linked roles ---------------------------------------------------------------

MANAGEMENT = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
DATA = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]


def _trails(others: list[list[Any]], ours: list[Any]) -> list[Answer]:
    client = _client("cloudtrail")
    listed = [
        {"Name": f"t{n}", "TrailARN": f"arn:aws:cloudtrail:eu-west-1:1:trail/t{n}"}
        for n in range(len(others))
    ]
    with Stubber(client) as stub:
        stub.add_response("describe_trails", {"trailList": listed})
        for selectors in others:
            stub.add_response("get_event_selectors", {"AdvancedEventSelectors": selectors})
        trail = ("AWS::CloudTrail::Trail", {"AdvancedEventSelectors": ours})
        return list(trails(_inquiry(trail, client=client)))


def test_a_sixth_trail_is_refused() -> None:
    assert _trails([DATA] * 5, DATA)[0].state == State.TOO_LOW
    assert _trails([DATA] * 4, DATA)[0].state == State.OK


@pytest.mark.parametrize(
    ("others", "ours", "stops", "told"),
    [
        ([], MANAGEMENT, False, "free first copy"),
        ([MANAGEMENT], MANAGEMENT, False, "further copy"),
        ([DATA, MANAGEMENT], DATA, False, "t1 has them"),
        ([DATA], DATA, True, "no trail has management events"),
    ],
)
def test_who_has_the_management_events_is_told(
    others: list[list[Any]], ours: list[Any], stops: bool, told: str
) -> None:
    answer = _trails(others, ours)[1]
    assert answer.stops is stops
    assert told in answer.said


@pytest.mark.parametrize(
    ("there", "decision", "state"),
    [
        (True, "", State.OK),
        (False, "allowed", State.OK),
        (False, "implicitDeny", State.MISSING),
        (False, "", State.NO_ANSWER),
    ],
    ids=["there", "may be made", "may not be made", "before the bootstrap"],
)
def test_a_service_linked_role_is_there_or_may_be_made(
    there: bool, decision: str, state: State
) -> None:
    iam, sts = _client("iam"), _client("sts")
    name = "AWSServiceRoleForWAFV2Logging"
    with Stubber(iam) as stub, Stubber(sts) as identity:
        if there:
            stub.add_response("get_role", {"Role": _role(name)}, {"RoleName": name})
        else:
            stub.add_client_error("get_role", "NoSuchEntity")
            identity.add_response("get_caller_identity", {"Account": "123456789012"})
            asked_for = {"RoleName": "cdk-q-cfn-exec-role-123456789012-eu-west-1"}
            if decision:
                role = _role(asked_for["RoleName"])
                stub.add_response("get_role", {"Role": role}, asked_for)
                result = {"EvalActionName": "iam:CreateServiceLinkedRole", "EvalDecision": decision}
                stub.add_response("simulate_principal_policy", {"EvaluationResults": [result]})
            else:
                stub.add_client_error("get_role", "NoSuchEntity", expected_params=asked_for)
        inquiry = _inquiry(("AWS::WAFv2::LoggingConfiguration", {}))
        clients = {"iam": iam, "sts": sts}
        asked = Inquiry(
            inquiry.settings, inquiry.assembly, NOTHING, inquiry.bootstrap,
            lambda service, _region: clients[service],
        )  # fmt: skip
        (answer,) = linked_roles(asked)
        stub.assert_no_pending_responses()
    assert answer.state == state
    assert ("bootstrap" in answer.remedy) is (state == State.NO_ANSWER)


def _role(name: str) -> dict[str, str]:
    return {
        "RoleName": name, "RoleId": "AROAEXAMPLE000000", "Path": "/",
        "Arn": f"arn:aws:iam::1:role/{name}", "CreateDate": "2026-01-01T00:00:00Z",
    }  # fmt: skip
