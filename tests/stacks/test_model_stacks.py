"""Training, serving, API and monitoring: one assertion for each promise."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

import jsonschema
import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Match, Template

from config.contract import example_record
from config.load import REPOSITORY, Deployment, load_deployment
from config.settings import Settings
from core import names
from core.records import Valid, pseudonymiser, validate
from lambdas.router.http import SECURITY_HEADERS
from local.emulator import refusals
from operations.openapi import document
from stacks.api.request_models import batch_model, body_model, record_model
from stacks.api.rules import ONE_ADDRESS_SHARE
from stacks.application import build
from stacks.kit.container_image import framework_image
from stacks.serving.settings import Realtime
from stacks.training.seed_model import seed_model
from tests.support.apps import new_app
from tests.support.flows import DEFINITIONS
from tests.synth import ENVIRONMENTS, MODEL, resources, templates

pytestmark = pytest.mark.cdk

EACH = pytest.mark.parametrize("environment", ENVIRONMENTS)
RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")


def of(environment: str, stack: str, kind: str) -> dict[str, dict[str, Any]]:
    """Properties of a stack's resources of one type."""
    return {
        logical_id: resource.get("Properties", {})
        for owner, logical_id, resource in resources(environment, kind)
        if owner == stack
    }


def one(environment: str, stack: str, kind: str) -> dict[str, Any]:
    """Properties of the only such resource."""
    (found,) = of(environment, stack, kind).values()
    return found


def serving(deployment: Deployment, **settings: Any) -> Deployment:
    """The deployment with another ``serving`` section."""
    changed = deployment.settings.model_dump() | {"serving": settings}
    return replace(deployment, settings=Settings.model_validate(changed))


def variant_of(deployment: Deployment, **changes: Any) -> Deployment:
    """The deployment with some other settings of serving."""
    return serving(deployment, **deployment.settings.serving.model_dump() | changes)


def synthesised(deployment: Deployment) -> dict[str, Template]:
    """Templates of these stacks, in process."""
    app = new_app()
    build(app, deployment)
    return {
        stack.node.id.removesuffix(f"-{MODEL}"): Template.from_stack(cast("Stack", stack))
        for stack in app.node.children
        if stack.node.id.partition("-")[0]
        in ("training", "serving", "monitor", "api", "monitoring")
    }


# Serving


@EACH
def test_packages_come_from_the_pointers(environment: str) -> None:
    scope = names.Scope("flights", environment, MODEL)
    parameters = templates(environment)["serving"]["Parameters"]
    for variant in names.VARIANTS:
        parameter = parameters[f"{variant.capitalize()}Package"]
        assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
        assert parameter["Default"] == scope.pointer(variant)


@EACH
def test_each_variant_serves_its_own_pointer(environment: str) -> None:
    for logical_id, model in of(environment, "serving", "AWS::SageMaker::Model").items():
        variant = logical_id.removesuffix("Model")
        assert model["PrimaryContainer"] == {"ModelPackageName": {"Ref": f"{variant}Package"}}


@EACH
def test_a_new_package_gives_models_and_configuration_new_names(environment: str) -> None:
    """Both are create-only: with a fixed name CloudFormation could not replace them."""
    version = [
        {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": f"{variant.capitalize()}Package"}]}]}
        for variant in names.VARIANTS
    ]
    config = one(environment, "serving", "AWS::SageMaker::EndpointConfig")
    assert all(part in config["EndpointConfigName"]["Fn::Join"][1] for part in version)
    models = of(environment, "serving", "AWS::SageMaker::Model").values()
    assert [part in m["ModelName"]["Fn::Join"][1] for m, part in zip(models, version, strict=True)]


def test_another_shape_gives_another_name() -> None:
    deployment = load_deployment("dev")
    first, second = (
        synthesised(variant_of(deployment, capture_percent=percent))["serving"]
        for percent in (100, 50)
    )
    kind = "AWS::SageMaker::EndpointConfig"
    (one_config,) = first.find_resources(kind).values()
    (other,) = second.find_resources(kind).values()
    name = "EndpointConfigName"
    assert one_config["Properties"][name] != other["Properties"][name]


@EACH
def test_endpoint_keeps_weights_and_rolls_back_on_alarms(environment: str) -> None:
    endpoint = one(environment, "serving", "AWS::SageMaker::Endpoint")
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["EndpointName"] == f"flights-{environment}-{MODEL}"
    guards = endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    alarms = of(environment, "serving", "AWS::CloudWatch::Alarm").values()
    new_fleet = {
        alarm["AlarmName"] for alarm in alarms if "EndpointConfigName" in json.dumps(alarm)
    }
    assert {guard["AlarmName"] for guard in guards} == new_fleet
    assert len(guards) == 2 * len(names.VARIANTS)


@EACH
def test_guardrails_are_rates_that_ring_while_the_new_fleet_bakes(environment: str) -> None:
    endpoint = load_deployment(environment).settings.serving
    assert isinstance(endpoint, Realtime)
    baking = endpoint.bake_seconds
    alarms = of(environment, "serving", "AWS::CloudWatch::Alarm").values()
    for alarm in (a for a in alarms if "-guard-" in a["AlarmName"]):
        if alarm["AlarmName"].endswith("errors"):
            rate, *counts = alarm["Metrics"]
            assert rate["Expression"] == "IF(errors >= 3, 100 * errors / invocations, 0)"
            periods = {count["MetricStat"]["Period"] for count in counts}
        else:
            periods = {alarm["Period"]}
        (period,) = periods
        assert period <= 60
        assert baking == 0 or (alarm["EvaluationPeriods"] + 1) * period <= baking


@EACH
def test_an_update_of_the_serving_stack_reads_the_pointers_and_no_other_parameter(
    environment: str,
) -> None:
    """CloudFormation resolves every SSM-typed parameter with the rights of the roll-out."""
    parameters = templates(environment)["serving"]["Parameters"]
    scope = names.Scope("flights", environment, MODEL)
    assert {p["Default"] for p in parameters.values()} == {
        scope.pointer(variant) for variant in names.VARIANTS
    }


@EACH
def test_requests_and_answers_are_captured_under_the_models_key(environment: str) -> None:
    config = one(environment, "serving", "AWS::SageMaker::EndpointConfig")
    capture = config["DataCaptureConfig"]
    assert capture["EnableCapture"] is True
    assert capture["InitialSamplingPercentage"] == 100
    assert [option["CaptureMode"] for option in capture["CaptureOptions"]] == ["Input", "Output"]
    assert capture["DestinationS3Uri"]["Fn::Join"][1][-1] == "/capture"
    assert "ModelsKey" in json.dumps(capture["KmsKeyId"])
    assert capture["KmsKeyId"] == config["KmsKeyId"]


def test_an_instance_with_local_storage_gets_no_volume_key() -> None:
    deployment = variant_of(load_deployment("dev"), instance_type="ml.m5d.large")
    synthesised(deployment)["serving"].has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": Match.absent()}
    )


def test_serving_off_removes_the_endpoint_and_the_api_says_so() -> None:
    found = synthesised(serving(load_deployment("dev"), mode="off"))
    for kind in ("Endpoint", "EndpointConfig"):
        found["serving"].resource_count_is(f"AWS::SageMaker::{kind}", 0)
    found["serving"].resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)
    found["serving"].has_parameter("ChampionPackage", Match.any_value())
    found["api"].has_resource_properties(
        "AWS::Lambda::Function",
        {"Environment": {"Variables": Match.object_like({"MILLRACE_ENDPOINT_NAME": ""})}},
    )
    assert "InvokeEndpoint" not in json.dumps(found["api"].to_json())
    found["monitor"].resource_count_is("AWS::StepFunctions::StateMachine", 0)


def test_an_unguarded_update_has_no_deployment_configuration() -> None:
    """Variants come and go by such updates alone; their alarms stay, for experiments."""
    found = synthesised(variant_of(load_deployment("dev"), update="unguarded"))["serving"]
    found.has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {"DeploymentConfig": Match.absent(), "RetainAllVariantProperties": True},
    )
    alarms = found.find_resources("AWS::CloudWatch::Alarm").values()
    guards = [alarm for alarm in alarms if "EndpointConfigName" in json.dumps(alarm)]
    assert len(guards) == 2 * len(names.VARIANTS)


def test_serverless_has_one_variant_without_vpc_capture_or_guardrails() -> None:
    found = synthesised(serving(load_deployment("dev"), mode="serverless"))["serving"]
    found.has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "ProductionVariants": [Match.object_like({"ServerlessConfig": Match.any_value()})],
            "DataCaptureConfig": Match.absent(),
        },
    )
    found.has_resource_properties("AWS::SageMaker::Model", {"VpcConfig": Match.absent()})
    found.has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {"DeploymentConfig": Match.absent(), "RetainAllVariantProperties": Match.absent()},
    )


# Training


def test_training_never_references_the_serving_stack() -> None:
    """Only its name stands there: a reference would be a cycle."""
    text = json.dumps(templates("dev")["training"])
    outputs = re.findall(r'"Fn::GetStackOutput": \{"StackName": "([^"]+)"', text)
    assert "Millrace-flights-dev-serving" in text
    assert not any(name.endswith("-serving") for name in outputs)


@EACH
def test_seed_and_group_survive_replacement_and_deletion(environment: str) -> None:
    for kind in ("ModelPackage", "ModelPackageGroup"):
        for stack, logical_id, resource in resources(environment, f"AWS::SageMaker::{kind}"):
            assert resource["DeletionPolicy"] == "Retain", (stack, logical_id)
            assert resource["UpdateReplacePolicy"] == "Retain", (stack, logical_id)


def test_seed_archive_is_byte_stable_and_follows_the_contract() -> None:
    contract = load_deployment("dev").contract
    first, again = seed_model(contract), seed_model(dict(contract))
    assert first == again
    assert seed_model({**contract, "seed": 0.5}) != first


def test_model_archives_end_as_sagemaker_asks() -> None:
    package = one("dev", "training", "AWS::SageMaker::ModelPackage")
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"]["Fn::Sub"].endswith(".tar.gz")
    assert container["Environment"] == names.MODEL_ENVIRONMENT


def test_the_seed_names_no_instance_type() -> None:
    """A version need not, and one that did would refuse every other type for ever."""
    package = one("dev", "training", "AWS::SageMaker::ModelPackage")
    assert [name for name in package["InferenceSpecification"] if "InstanceTypes" in name] == []


def test_the_image_installs_our_code_without_an_index() -> None:
    """The value 0 switches build isolation off; tests/container tries both values."""
    assert names.MODEL_ENVIRONMENT.items() >= names.PIP_ENVIRONMENT.items()
    jobs = [
        state["Parameters"]
        for flow in DEFINITIONS.values()
        for state in flow["States"].values()
        if "createTrainingJob" in state.get("Resource", "")
    ]
    assert jobs
    assert all(job["Environment"].items() >= names.PIP_ENVIRONMENT.items() for job in jobs)


def test_every_passed_role_is_held_to_its_service() -> None:
    passed = [
        statement
        for _stack, _id, policy in resources("dev", "AWS::IAM::ManagedPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        and "iam:PassRole" in json.dumps(statement.get("Action", ""))
    ]
    assert len(passed) >= 5
    for statement in passed:
        assert statement["Condition"]["StringEquals"]["iam:PassedToService"], statement


def test_deploy_role_touches_this_deployments_models_only() -> None:
    (policy,) = (
        properties
        for logical_id, properties in of("dev", "training", "AWS::IAM::ManagedPolicy").items()
        if logical_id.startswith("ServingDeploy")
    )
    actions = set()
    for statement in policy["PolicyDocument"]["Statement"]:
        given = statement["Action"]
        actions |= {given} if isinstance(given, str) else set(given)
        if "sagemaker:" in json.dumps(given):
            resource = json.dumps(statement["Resource"])
            assert "flights-dev" in resource
    services = {action.split(":")[0] for action in actions}
    assert services == {"cloudformation", "cloudwatch", "iam", "kms", "sagemaker", "ssm"}
    assert not {action for action in actions if action.startswith("ssm:Put")}
    assert {a for a in actions if a.startswith("cloudformation:")} == {
        "cloudformation:DescribeStacks"
    }


@EACH
def test_a_stopped_execution_is_cleaned_up_and_its_event_not_lost(environment: str) -> None:
    rules = of(environment, "training", "AWS::Events::Rule").values()
    (rule,) = (r for r in rules if r["EventPattern"]["source"] == ["aws.states"])
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert len(rule["Targets"]) == 2
    for target in rule["Targets"]:
        assert target["DeadLetterConfig"]


@EACH
def test_every_change_of_stack_or_endpoint_is_reconciled_and_its_event_not_lost(
    environment: str,
) -> None:
    rules = of(environment, "training", "AWS::Events::Rule").values()
    changes = {r["EventPattern"]["source"][0]: r for r in rules if r.get("EventPattern")}
    assert changes["aws.sagemaker"]["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": [f"flights-{environment}-{MODEL}"]},
    }
    for source in ("aws.cloudformation", "aws.sagemaker"):
        (target,) = changes[source]["Targets"]
        assert "Rollout" in json.dumps(target["Arn"])
        assert target["DeadLetterConfig"]


@EACH
def test_state_machines_log_everything_and_are_traced(environment: str) -> None:
    machines = resources(environment, "AWS::StepFunctions::StateMachine")
    assert len(machines) == 2
    for _stack, _id, machine in machines:
        properties = machine["Properties"]
        assert properties["LoggingConfiguration"]["Level"] == "ALL"
        assert properties["TracingConfiguration"] == {"Enabled": True}


@EACH
def test_an_execution_never_outlives_its_lease(environment: str) -> None:
    training = load_deployment(environment).settings.training
    definition = json.dumps(one(environment, "training", "AWS::StepFunctions::StateMachine"))
    (seconds,) = re.findall(r'\\"TimeoutSeconds\\": (\d+), \\"States\\"', definition)
    lease = training.lease_minutes * 60
    assert int(seconds) == lease if training.approval == "automatic" else int(seconds) > lease


@EACH
def test_jobs_run_no_longer_than_the_lease_counts(environment: str) -> None:
    training = load_deployment(environment).settings.training
    definition = json.dumps(one(environment, "training", "AWS::StepFunctions::StateMachine"))
    jobs = re.findall(r'MaxRuntimeInSeconds\\\\*": (\d+)', definition)
    assert [int(seconds) for seconds in jobs] == [
        training.max_runtime_minutes * 60,
        training.evaluation_minutes * 60,
    ]


def test_image_table_is_complete_and_names_the_region_that_is_missing() -> None:
    assert framework_image("xgboost", "eu-west-1") == (
        "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    )
    with pytest.raises(ValueError, match=r"xx-nowhere-1.*allowed: af-south-1"):
        framework_image("xgboost", "xx-nowhere-1")


# API


@pytest.mark.parametrize("text", ["1400", "1400.0", "1.4e3"])
def test_a_model_takes_integers_that_are_spelled_as_numbers(text: str) -> None:
    """Draft 4, by which API Gateway reads it, has no integer with a fraction or an exponent."""
    event = load_deployment("dev").contract["event"]
    record = example_record(event) | {"distance_miles": json.loads(text)}
    model = jsonschema.Draft4Validator(record_model(load_deployment("dev").contract))
    assert model.is_valid(record)
    found = validate(json.dumps(record).encode(), event, pseudonymiser(b"k" * 32))
    assert isinstance(found, Valid)


def test_request_models_follow_the_contract() -> None:
    deployment = load_deployment("dev")
    contract = deployment.contract
    models = {m["Name"]: m["Schema"] for m in of("dev", "api", "AWS::ApiGateway::Model").values()}
    assert models["FlightsRecord"] == record_model(contract)
    assert models["FlightsBatch"] == batch_model(contract, deployment.settings.api.batch_records)
    assert models["Body"] == body_model()
    fields = contract["event"]["fields"]
    assert list(models["FlightsRecord"]["properties"]) == [field["name"] for field in fields]
    fewer = {**contract, "event": {**contract["event"], "fields": fields[:-1]}}
    assert fields[-1]["name"] not in record_model(fewer)["properties"]


def test_a_contract_without_required_fields_gives_a_model_that_api_gateway_takes() -> None:
    field = {"name": "gate", "type": "string", "required": False, "classification": "public"}
    field["allowed"] = ["A", "B", "A"]
    model = record_model({"event": {"name": "departures", "fields": [field]}})
    properties = {"RestApiId": "api", "Schema": model}
    assert list(refusals.reasons("AWS::ApiGateway::Model", properties)) == []
    assert model["properties"]["gate"]["enum"] == ["A", "B", None]


@EACH
def test_every_body_is_validated_whatever_its_content_type(environment: str) -> None:
    methods = of(environment, "api", "AWS::ApiGateway::Method").values()
    posts = [method for method in methods if method["HttpMethod"] == "POST"]
    assert len(posts) == 2
    for method in posts:
        assert method["RequestModels"] == {"$default": {"Ref": _model(environment, "Body")}}
        assert method["RequestValidatorId"]
    (validator,) = of(environment, "api", "AWS::ApiGateway::RequestValidator").values()
    assert validator["ValidateRequestBody"] is True


@EACH
def test_the_gateway_asks_for_an_object_and_leaves_fields_to_the_router(environment: str) -> None:
    """It logs what its validator found, which may quote a value, and its answer names no field."""
    model = of(environment, "api", "AWS::ApiGateway::Model")[_model(environment, "Body")]
    asked = {
        key: value for key, value in model["Schema"].items() if key not in ("$schema", "title")
    }
    assert asked == {"type": "object"}


def _model(environment: str, name: str) -> str:
    """Logical id of a model."""
    models = of(environment, "api", "AWS::ApiGateway::Model")
    (found,) = (logical_id for logical_id, model in models.items() if model["Name"] == name)
    return found


@EACH
def test_of_a_classified_field_the_model_knows_the_type_alone(environment: str) -> None:
    """Whoever asks it quotes what it refuses."""
    record = of(environment, "api", "AWS::ApiGateway::Model")[_model(environment, "FlightsRecord")][
        "Schema"
    ]
    assert record["properties"]["tail_number"] == {"type": ["string", "null"]}
    assert record["properties"]["carrier"]["pattern"]


@EACH
def test_every_method_is_authorised_by_iam(environment: str) -> None:
    methods = of(environment, "api", "AWS::ApiGateway::Method").values()
    assert len(methods) == 3
    assert {method["AuthorizationType"] for method in methods} == {"AWS_IAM"}


def test_cognito_is_the_other_choice() -> None:
    deployment = load_deployment("dev")
    settings = deployment.settings
    api = settings.api.model_copy(update={"auth": "cognito"})
    changed = replace(deployment, settings=settings.model_copy(update={"api": api}))
    found = synthesised(changed)["api"]
    found.all_resources_properties(
        "AWS::ApiGateway::Method", {"AuthorizationType": "COGNITO_USER_POOLS"}
    )
    found.has_resource_properties("AWS::Cognito::UserPool", {"MfaConfiguration": "ON"})


@EACH
def test_stage_is_throttled_logged_and_never_traces_bodies(environment: str) -> None:
    api = load_deployment(environment).settings.api
    stage = one(environment, "api", "AWS::ApiGateway::Stage")
    (setting,) = stage["MethodSettings"]
    assert stage["StageName"] == "v1"
    assert setting["ThrottlingRateLimit"] == api.requests_per_second
    assert setting["ThrottlingBurstLimit"] == api.burst
    assert setting["DataTraceEnabled"] is False
    assert setting["LoggingLevel"] == "INFO"
    assert stage["TracingEnabled"] is True
    assert json.loads(stage["AccessLogSetting"]["Format"])["requestId"] == "$context.requestId"


@EACH
def test_nothing_throttles_by_keys_that_nobody_has(environment: str) -> None:
    """A usage plan limits requests with an API key alone, and no method asks for one."""
    assert resources(environment, "AWS::ApiGateway::UsagePlan") == []
    methods = resources(environment, "AWS::ApiGateway::Method")
    assert methods
    assert not any(m["Properties"].get("ApiKeyRequired") for _, _, m in methods)


@EACH
def test_one_address_gets_its_share_of_the_stage_s_rate(environment: str) -> None:
    acl = one(environment, "api", "AWS::WAFv2::WebACL")
    (rate,) = [r["Statement"]["RateBasedStatement"] for r in acl["Rules"] if r["Name"] == "Rate"]
    (setting,) = one(environment, "api", "AWS::ApiGateway::Stage")["MethodSettings"]
    allowed = rate["Limit"] / rate["EvaluationWindowSec"]
    assert allowed >= setting["ThrottlingRateLimit"] * ONE_ADDRESS_SHARE


@EACH
def test_account_wide_logging_role_is_left_alone(environment: str) -> None:
    assert resources(environment, "AWS::ApiGateway::Account") == []


@EACH
def test_waf_blocks_bodies_that_it_cannot_inspect(environment: str) -> None:
    acl = one(environment, "api", "AWS::WAFv2::WebACL")
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    body = rules["BodySize"]["Statement"]["SizeConstraintStatement"]
    assert body["FieldToMatch"]["Body"]["OversizeHandling"] == "MATCH"
    answer = rules["BodySize"]["Action"]["Block"]["CustomResponse"]
    assert answer["ResponseCode"] == 413
    assert {"Name": "X-Content-Type-Options", "Value": "nosniff"} in answer["ResponseHeaders"]
    content = acl["CustomResponseBodies"][answer["CustomResponseBodyKey"]]["Content"]
    assert json.loads(content)["error"]["code"] == "too_large"
    assert "Rate" in rules
    managed = [name for name in rules if name.startswith("AWSManagedRules")]
    assert len(managed) == 2
    assert one(environment, "api", "AWS::WAFv2::WebACLAssociation")


@EACH
def test_waf_keeps_no_query_string_no_credential_and_no_sample(environment: str) -> None:
    logging = one(environment, "api", "AWS::WAFv2::LoggingConfiguration")
    redacted = logging["RedactedFields"]
    assert {"QueryString": {}} in redacted
    headers = {entry["SingleHeader"]["Name"] for entry in redacted if "SingleHeader" in entry}
    assert headers >= {"authorization", "cookie", "x-amz-security-token", "x-api-key"}
    acl = one(environment, "api", "AWS::WAFv2::WebACL")
    seen = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert {entry["SampledRequestsEnabled"] for entry in seen} == {False}


@EACH
def test_gateway_answers_have_our_shape_and_quote_nothing(environment: str) -> None:
    answers = of(environment, "api", "AWS::ApiGateway::GatewayResponse").values()
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "BAD_REQUEST_BODY"} <= {
        answer["ResponseType"] for answer in answers
    }
    for answer in answers:
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert set(body["error"]) == {"code", "field", "message"}
        assert "$context" not in json.dumps(body)
        sent = {
            name.removeprefix("gatewayresponse.header."): value[1:-1]
            for name, value in answer["ResponseParameters"].items()
        }
        assert {"Content-Type": "application/json", **sent} == SECURITY_HEADERS


# Monitoring


def _alarms(environment: str) -> list[dict[str, Any]]:
    return [
        alarm["Properties"]
        for stack, _id, alarm in resources(environment, "AWS::CloudWatch::Alarm")
        if stack in ("serving", "monitor", "monitoring")
    ]


def _anchors() -> set[str]:
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    return {heading.lower().replace(" ", "-") for heading in headings}


def _linked(environment: str) -> set[str]:
    composites = [
        composite["Properties"]
        for _, _, composite in resources(environment, "AWS::CloudWatch::CompositeAlarm")
    ]
    assert len(composites) == 2
    linked = set()
    others = of(environment, "audit", "AWS::CloudWatch::Alarm").values()
    for alarm in [*_alarms(environment), *composites, *others]:
        found = re.search(r"docs/runbook\.md#([a-z-]+)$", alarm["AlarmDescription"])
        assert found, alarm["AlarmDescription"]
        linked.add(found[1])
    return linked


def test_every_alarm_has_its_section_in_the_runbook() -> None:
    """And every section an alarm, in some settings file."""
    linked = set().union(*map(_linked, ENVIRONMENTS))
    assert linked <= _anchors()
    assert _anchors() - linked == {
        "before-the-first-deploy",
        "budget",
        "without-an-alarm",
    }


@EACH
def test_every_alarm_but_those_of_the_audit_lights_the_one_light(environment: str) -> None:
    composites = resources(environment, "AWS::CloudWatch::CompositeAlarm")
    rules = json.dumps([composite["Properties"]["AlarmRule"] for _, _, composite in composites])
    alarms = resources(environment, "AWS::CloudWatch::Alarm")
    assert [name for stack, name, _ in alarms if stack != "audit" and name not in rules] == []


@EACH
def test_every_alarm_tells_somebody(environment: str) -> None:
    assert len(_alarms(environment)) > 30
    for alarm in _alarms(environment):
        assert alarm["AlarmActions"], alarm["AlarmDescription"]
        assert alarm["OKActions"], alarm["AlarmDescription"]


@EACH
def test_every_function_has_an_alarm_on_errors_and_on_throttles(environment: str) -> None:
    functions = resources(environment, "AWS::Lambda::Function")
    watched = [
        alarm["MetricName"]
        for alarm in _alarms(environment)
        if alarm.get("Namespace") == "AWS/Lambda"
    ]
    assert watched.count("Errors") == watched.count("Throttles") == len(functions)


@EACH
def test_a_breach_of_the_contracts_criteria_starts_retraining(environment: str) -> None:
    (breach,) = (
        alarm
        for alarm in _alarms(environment)
        if alarm.get("MetricName") == names.METRIC_MODEL_BREACH
    )
    assert breach["Namespace"] == names.METRIC_NAMESPACE
    assert breach["Dimensions"] == [{"Name": "Endpoint", "Value": f"flights-{environment}-{MODEL}"}]
    assert breach["Threshold"] == 1
    rules = of(environment, "monitor", "AWS::Events::Rule").values()
    (rule,) = rules
    assert rule["EventPattern"]["detail-type"] == ["CloudWatch Alarm State Change"]
    assert rule["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}
    (target,) = rule["Targets"]
    assert "RetrainingFlowMachine" in json.dumps(target["Arn"])
    assert target["RoleArn"]
    assert target["DeadLetterConfig"]


@EACH
def test_alarm_periods_come_from_the_settings(environment: str) -> None:
    period = load_deployment(environment).settings.monitoring.alarm_period_seconds
    lambdas = [alarm for alarm in _alarms(environment) if alarm.get("Namespace") == "AWS/Lambda"]
    assert {alarm["Period"] for alarm in lambdas} == {period}


@EACH
def test_budget_counts_this_deployment_alone(environment: str) -> None:
    budget = one(environment, "monitoring", "AWS::Budgets::Budget")["Budget"]
    filters = {
        clause["Tags"]["Key"]: clause["Tags"]["Values"]
        for clause in budget["FilterExpression"]["And"]
    }
    assert filters == {"instance": ["flights"], "environment": [environment]}


@EACH
def test_the_description_of_the_api_is_what_is_deployed(environment: str) -> None:
    described = document(templates(environment)["api"])
    routes = {(path, verb) for path, verbs in described["paths"].items() for verb in verbs}
    assert routes == {
        (f"/{MODEL}{names.ROUTE_HEALTH}", "get"),
        (f"/{MODEL}{names.ROUTE_PREDICTIONS}", "post"),
        (f"/{MODEL}{names.ROUTE_BATCH}", "post"),
    }
    contract = load_deployment(environment).contract
    fields = described["components"]["schemas"]["FlightsRecord"]["properties"]
    assert list(fields) == [field["name"] for field in contract["event"]["fields"]]
    record = described["components"]["schemas"]["FlightsRecord"]
    jsonschema.Draft202012Validator(record).validate(example_record(contract["event"]))
