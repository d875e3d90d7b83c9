"""Singletons of an account and Region that a deployment needs and does not make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry

LOGGING_ROLE = "API Gateway's logging role"
BOOTSTRAP = "CDK bootstrap"
PREFIX_LISTS = "prefix lists"
LAKE_FORMATION = "Lake Formation's defaults"
IMAGE = "container image"


def logging_role(inquiry: Inquiry) -> Iterator[Answer]:
    """A stage that logs is refused without the role: one for all APIs of the account and Region.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    """
    if not any(_logs(stage) for stage in inquiry.resources("AWS::ApiGateway::Stage")):
        return
    role = inquiry.client("apigateway").get_account().get("cloudwatchRoleArn")
    if role:
        yield Answer(LOGGING_ROLE, State.OK, role)
        return
    yield Answer(
        LOGGING_ROLE,
        State.MISSING,
        "none is set, so the stage of the api stack would be refused: 'CloudWatch Logs role ARN "
        "must be set in account settings to enable logging'",
        "docs/first-deploy.md, section The account: make the role, then "
        f"aws apigateway update-account --region {inquiry.settings.region} --patch-operations "
        "op=replace,path=/cloudwatchRoleArn,value=<arn of the role>",
    )


def _logs(stage: dict[str, Any]) -> bool:
    levels = [method.get("LoggingLevel", "OFF") for method in stage.get("MethodSettings", [])]
    return "AccessLogSetting" in stage or any(level != "OFF" for level in levels)


def throttle(inquiry: Inquiry) -> Iterator[Answer]:
    """A stage's rate has no effect above the account's, which all APIs of the Region share.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    """
    methods = [
        method
        for stage in inquiry.resources("AWS::ApiGateway::Stage")
        for method in stage.get("MethodSettings", [])
        if "ThrottlingRateLimit" in method
    ]
    if not methods:
        return
    limits = inquiry.client("apigateway").get_account()["throttleSettings"]
    for what, key, member, setting in (
        ("requests a second", "rateLimit", "ThrottlingRateLimit", "api.requests_per_second"),
        ("burst", "burstLimit", "ThrottlingBurstLimit", "api.burst"),
    ):
        wanted = max(method[member] for method in methods)
        low = wanted > limits[key]
        yield Answer(
            f"API Gateway: {what}",
            State.TOO_LOW if low else State.OK,
            f"{limits[key]:g}; wanted: {wanted} ({setting})",
            f"a lower {setting} in the settings file, or ask AWS to raise the Region's throttle"
            if low
            else "",
        )


def bootstrap(inquiry: Inquiry) -> Iterator[Answer]:
    """The assembly, and nearly every template, asks for a version of the bootstrap stack."""
    name, needed = inquiry.bootstrap
    remedy = f"make bootstrap ENV={inquiry.settings.environment}"
    try:
        found = inquiry.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        said = f"{name} does not exist; wanted: version {needed}"
        yield Answer(BOOTSTRAP, State.MISSING, said, remedy)
        return
    low = int(found) < needed
    said = f"version {found}; wanted: {needed}"
    yield Answer(BOOTSTRAP, State.TOO_LOW if low else State.OK, said, remedy if low else "")


def prefix_lists(inquiry: Inquiry) -> Iterator[Answer]:
    """Security groups name S3 and DynamoDB by AWS's lists of the Region.

    EC2 refuses an id that it does not know, but not one of another service: workloads would then
    wait for connections.
    https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
    """
    settings = inquiry.settings
    given = settings.network.prefix_lists
    if given is None:
        return
    names = {f"com.amazonaws.{settings.region}.{name}": pl for pl, name in given.services.items()}
    asked = [{"Name": "prefix-list-name", "Values": sorted(names)}]
    found = {
        item["PrefixListName"]: item["PrefixListId"]
        for item in inquiry.client("ec2").describe_prefix_lists(Filters=asked)["PrefixLists"]
    }
    wrong = [
        f"{name} is {found.get(name, 'unknown')}, not {pl}"
        for name, pl in sorted(names.items())
        if found.get(name) != pl
    ]
    if wrong:
        said = f"in {settings.region} {'; '.join(wrong)}"
        yield Answer(PREFIX_LISTS, State.MISSING, said, "network.prefix_lists in the settings file")
    else:
        yield Answer(PREFIX_LISTS, State.OK, ", ".join(sorted(names.values())))


def lake_formation(inquiry: Inquiry) -> Iterator[Answer]:
    """Whether IAM decides on new databases and tables, as every policy here assumes.

    Where an administrator took ``IAMAllowedPrincipals`` out of the defaults, the tables of this
    deployment answer nobody but him, whatever IAM says.
    https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html
    """
    if not any(True for _ in inquiry.resources("AWS::Glue::Database")):
        return
    found = inquiry.client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    governed = [
        what
        for what, key in (
            ("databases", "CreateDatabaseDefaultPermissions"),
            ("tables", "CreateTableDefaultPermissions"),
        )
        if not any(_is_iam(grant) for grant in found.get(key, []))
    ]
    if not governed:
        yield Answer(LAKE_FORMATION, State.OK, "IAM decides on new databases and tables")
        return
    admins = [item["DataLakePrincipalIdentifier"] for item in found.get("DataLakeAdmins", [])]
    said = (
        f"new {' and '.join(governed)} are Lake Formation's to grant (administrators: "
        f"{', '.join(admins) or 'none'}), so Firehose, Glue and Athena would be refused"
    )
    yield Answer(
        LAKE_FORMATION, State.MISSING, said, "docs/first-deploy.md, section Lake Formation"
    )


def _is_iam(grant: dict[str, Any]) -> bool:
    who = grant.get("Principal", {}).get("DataLakePrincipalIdentifier")
    return who == "IAM_ALLOWED_PRINCIPALS" and "ALL" in grant.get("Permissions", [])


def image(inquiry: Inquiry) -> Iterator[Answer]:
    """Whether the registry that the committed table names has the image's tag.

    The repositories are AWS's; their policies let every account pull, so the question is a pull's.
    """
    uris = sorted(_images(inquiry))
    for uri in uris:
        host, _, rest = uri.partition("/")
        repository, _, tag = rest.partition(":")
        found = inquiry.client("ecr", host.split(".")[3]).batch_get_image(
            registryId=host.split(".")[0], repositoryName=repository, imageIds=[{"imageTag": tag}]
        )
        if found["images"]:
            yield Answer(IMAGE, State.OK, uri)
        else:
            reason = ", ".join(item["failureCode"] for item in found["failures"])
            yield Answer(IMAGE, State.MISSING, f"{uri}: {reason}", "config/images.yaml")


def _images(inquiry: Inquiry) -> set[str]:
    """Images that models and jobs name."""
    found = {
        image
        for model in inquiry.resources("AWS::SageMaker::Model")
        if isinstance(image := model.get("PrimaryContainer", {}).get("Image"), str)
    }
    return found | {
        text
        for definition in inquiry.definitions()
        for text in _texts(definition)
        if ".dkr.ecr." in text
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
