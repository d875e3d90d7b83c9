"""The preflight of ``make deploy`` asks a real account's APIs: here, the local platform's.

A new account lacks nearly everything; one whose owner has done what the answers say lacks nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from config.load import load_deployment
from config.settings import Settings
from core.names import Scope
from local.account import PUSH_LOGS, raise_quotas
from local.platform import Platform
from local.services.apigateway.logging_role import MISSING, UNFIT
from operations.assembly import bootstrap_needed, templates
from operations.deployed import Deployed
from operations.preflight import Answer, Inquiry, State, answers, given
from operations.preflight.answer import ask
from stacks import registry
from tests.support.probe_stack import Template, deploy, deployed, failure_reasons, trust
from tests.synth import assembly

pytestmark = [pytest.mark.platform, pytest.mark.timeout(300)]

PROD = load_deployment("prod").settings
OWNER = PROD.owner.model_copy(update={"email": "alarms@millrace.io"})
OWNED = PROD.model_copy(update={"owner": OWNER})
"""With an address that somebody reads."""
ENDPOINTS = "ml.m5.xlarge for endpoint usage"
WANTED = {
    ("sagemaker", ENDPOINTS): 32,
    ("sagemaker", "ml.m5.2xlarge for processing job usage"): 1,
    ("sagemaker", "ml.m5.large for processing job usage"): 1,
    ("sagemaker", "ml.m5.2xlarge for spot training job usage"): 1,
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An account in which nobody has done anything yet."""
    with Platform(tmp_path_factory.mktemp("account")) as running:
        yield running


def _inquiry(
    platform: Platform,
    credentials: dict[str, str] | None = None,
    settings: Settings = PROD,
) -> Inquiry:
    folder = assembly("prod")

    def client(service: str, region: str) -> Any:
        return platform.client(service, credentials, region)

    deployed_now = Deployed.read(
        platform.client("cloudformation"), Scope("flights", "prod", "flights")
    )
    return Inquiry(settings, templates(folder), deployed_now, bootstrap_needed(folder), client)


def _ask(
    platform: Platform,
    credentials: dict[str, str] | None = None,
    settings: Settings = PROD,
) -> dict[str, Answer]:
    found = answers(_inquiry(platform, credentials, settings))
    return {answer.subject: answer for answer in found}


def _of_capabilities(inquiry: Inquiry) -> set[str]:
    """Subjects of optional capabilities, whose own tests look at the answers."""
    return {
        answer.subject
        for part in registry.parts("preflight")
        for answer in ask(part.SUBJECT, partial(part.answers, inquiry))
    }


def _api(**stage: Any) -> Template:
    of_api = {"RestApiId": {"Ref": "Api"}}
    method = {
        **of_api, "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "HttpMethod": "GET",
        "AuthorizationType": "NONE",
        "Integration": {"Type": "MOCK", "RequestTemplates": {"application/json": "{}"}},
    }  # fmt: skip
    return {
        "Resources": {
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "logged"}},
            "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
            "Deployment": {
                "Type": "AWS::ApiGateway::Deployment", "DependsOn": "Method", "Properties": of_api,
            },
            "Stage": {
                "Type": "AWS::ApiGateway::Stage",
                "Properties": {
                    **of_api, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1", **stage,
                },
            },
        },
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}},
    }  # fmt: skip


LEVELS = {"MethodSettings": [{"HttpMethod": "*", "ResourcePath": "/*", "LoggingLevel": "INFO"}]}
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:access"
ACCESS = {"AccessLogSetting": {"DestinationArn": GROUP, "Format": "$context.requestId"}}


def test_a_new_account_is_told_all_that_it_lacks_at_once(account: Platform) -> None:
    found = _ask(account)
    stopping = {subject for subject, answer in found.items() if answer.stops}
    assert {f"{service}: {name}" for service, name in WANTED} <= stopping
    assert {"CDK bootstrap", "API Gateway's logging role", given.OWNER} <= stopping
    assert found[given.ZONES].state == State.OK
    endpoints = found[f"sagemaker: {ENDPOINTS}"]
    assert endpoints.state == State.TOO_LOW
    assert endpoints.remedy.endswith("--quota-code L-2F737F8D --desired-value 32")
    unknown = [subject for subject, answer in found.items() if answer.state == State.NO_ANSWER]
    assert unknown
    assert all(subject.startswith("service-linked role") for subject in unknown)


@pytest.mark.parametrize("stage", [LEVELS, ACCESS], ids=["execution log", "access log"])
def test_a_stage_that_logs_is_refused_without_the_account_s_role(
    account: Platform, stage: dict[str, Any]
) -> None:
    name = "refused-" + "-".join(stage).lower()
    with pytest.raises(WaiterError):
        deploy(account, name, _api(**stage))
    assert any(MISSING in reason for reason in failure_reasons(account, name))


def test_a_stage_is_refused_a_log_that_is_added_later(account: Platform) -> None:
    gateway = account.client("apigateway")
    with deployed(account, "quiet", _api()) as found:
        for path, value in (("/accessLogSettings/destinationArn", GROUP),
                            ("/*/*/logging/loglevel", "INFO")):  # fmt: skip
            change = {"op": "replace", "path": path, "value": value}
            with pytest.raises(ClientError, match=MISSING):
                gateway.update_stage(
                    restApiId=found["Api"], stageName="v1", patchOperations=[change]
                )


@pytest.mark.parametrize("lacks", ["trust", "policy"])
def test_a_role_that_api_gateway_cannot_log_with_is_refused(account: Platform, lacks: str) -> None:
    iam, name = account.client("iam"), f"unfit-{lacks}"
    service = "lambda.amazonaws.com" if lacks == "trust" else "apigateway.amazonaws.com"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(service)))
    if lacks != "policy":
        iam.attach_role_policy(RoleName=name, PolicyArn=PUSH_LOGS)
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role["Role"]["Arn"]}
    with pytest.raises(ClientError, match=UNFIT):
        account.client("apigateway").update_account(patchOperations=[change])


def test_who_may_not_ask_is_told_so_and_not_stopped_by_it(account: Platform) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="guest")
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    guest = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    found = _ask(account, guest, OWNED)
    assert found["API Gateway's logging role"].state == State.NOT_ALLOWED
    assert found["SageMaker quotas"].said == "ListAWSDefaultServiceQuotas: AccessDeniedException"
    theirs = _of_capabilities(_inquiry(account, guest, OWNED))
    states = {answer.state for subject, answer in found.items() if subject not in theirs}
    assert states == {State.OK, State.NOT_ALLOWED}


def test_an_owner_s_steps_leave_nothing_that_stops(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In an account of its own: the others look at one where nobody took these steps."""
    with Platform(tmp_path_factory.mktemp("owned")) as owned:
        owned.bootstrap()
        raise_quotas(owned.client("service-quotas"), WANTED)
        for part in registry.parts("here"):
            part.bring(owned, PROD)
        found = _ask(owned, settings=OWNED)
    assert not [answer for answer in found.values() if answer.state != State.OK]
    assert "32; wanted: 8" in found[f"sagemaker: {ENDPOINTS}"].said


def test_lake_formation_in_charge_is_noticed(account: Platform) -> None:
    client = account.client("lakeformation")
    before = client.get_data_lake_settings()["DataLakeSettings"]
    client.put_data_lake_settings(DataLakeSettings={**before, "CreateTableDefaultPermissions": []})
    try:
        assert "new tables" in _ask(account)["Lake Formation's defaults"].said
    finally:
        client.put_data_lake_settings(DataLakeSettings=before)


def test_a_quota_is_not_lowered_by_a_request(account: Platform) -> None:
    client = account.client("service-quotas")
    with pytest.raises(ClientError, match="IllegalArgument"):
        client.request_service_quota_increase(
            ServiceCode="vpc", QuotaCode="L-F678F1CE", DesiredValue=5
        )


def test_an_applied_value_is_found_where_it_was_none_before(account: Platform) -> None:
    client = account.client("service-quotas")
    asked = {"ServiceCode": "firehose", "QuotaCode": "L-14BB0BE7"}
    with pytest.raises(ClientError, match="NoSuchResource"):
        client.get_service_quota(**asked)
    assert client.get_aws_default_service_quota(**asked)["Quota"]["Value"] == 5000
    client.request_service_quota_increase(**asked, DesiredValue=6000)
    assert client.get_service_quota(**asked)["Quota"]["Value"] == 6000
    assert client.list_service_quotas(ServiceCode="firehose")["Quotas"][0]["Value"] == 6000


def test_the_image_of_another_tag_or_registry_is_not_there(account: Platform) -> None:
    ecr, name = account.client("ecr"), "sagemaker-xgboost"
    missing = ecr.batch_get_image(
        registryId="141502667606", repositoryName=name, imageIds=[{"imageTag": "9.9-9"}]
    )
    assert missing["failures"][0]["failureCode"] == "ImageNotFound"
    with pytest.raises(ClientError, match="RepositoryNotFound"):
        ecr.batch_get_image(
            registryId="999999999999", repositoryName=name, imageIds=[{"imageTag": "3.2-0"}]
        )
    with pytest.raises(ClientError):
        ecr.describe_images(registryId="141502667606", repositoryName=name)


def test_a_service_linked_role_has_the_service_s_name(account: Platform) -> None:
    iam = account.client("iam")
    made = iam.create_service_linked_role(AWSServiceName="wafv2.amazonaws.com")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForWAFV2Logging"
    assert made["Arn"].endswith(
        "/aws-service-role/wafv2.amazonaws.com/AWSServiceRoleForWAFV2Logging"
    )
    assert iam.get_role(RoleName="AWSServiceRoleForWAFV2Logging")["Role"]["Arn"] == made["Arn"]
    with pytest.raises(ClientError, match="has been taken"):
        iam.create_service_linked_role(AWSServiceName="wafv2.amazonaws.com")
