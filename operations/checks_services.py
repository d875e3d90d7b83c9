"""Checks of ``make verify-aws`` on what services do by themselves around what was deployed."""

from __future__ import annotations

from core import names
from glue_jobs import failed
from operations.preflight.trails import has_management
from operations.subject import CheckFailedError, Subject
from stacks.api.rules import address_needs

GROUP = "AWS::Logs::LogGroup"


def log_groups_forget(subject: Subject) -> str:
    """Every log group has retention and key, those that Glue and the endpoint write to included."""
    client = subject.session.client("logs")
    ours = {group.physical_id for group in subject.deployed.of_type(GROUP)}
    if not ours:
        raise CheckFailedError(f"no {GROUP} is deployed")
    scope = subject.scope
    prefixes = {f"/aws-glue/jobs/{scope.stack_prefix}-role", "/aws/sagemaker/Endpoints/"}
    found = {
        group["logGroupName"]: group
        for prefix in {*ours, *prefixes}
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
        if group["logGroupName"] in ours or _made_for(scope.instance, scope.environment, group)
    }
    wrong = [
        name
        for name, group in sorted(found.items())
        if "retentionInDays" not in group or "kmsKeyId" not in group
    ]
    wrong += sorted(ours - found.keys())
    if wrong:
        raise CheckFailedError(f"without retention or key, or not there: {', '.join(wrong)}")
    return f"{len(found)} log groups forget, under a key"


def trail_is_logging(subject: Subject) -> str:
    """Each trail delivers; objects' events go to the bucket alone, management events to one group.

    Where the settings leave management events to the account's trail, there is one.
    """
    client = subject.session.client("cloudtrail")
    ours = {trail.physical_id for trail in subject.deployed.of_type("AWS::CloudTrail::Trail")}
    if not ours:
        raise CheckFailedError("no AWS::CloudTrail::Trail is deployed")
    off = [name for name in sorted(ours) if not client.get_trail_status(Name=name)["IsLogging"]]
    if off:
        raise CheckFailedError(f"off: {', '.join(off)}")
    trails = client.describe_trails()["trailList"]
    with_management = {t["Name"] for t in trails if has_management(client, t)}
    for trail in trails:
        logs = "CloudWatchLogsLogGroupArn" in trail
        if trail["Name"] in ours and logs is not (trail["Name"] in with_management):
            raise CheckFailedError(f"{trail['Name']} {'has' if logs else 'has no'} log group")
    if not with_management:
        raise CheckFailedError("no trail has management events")
    return f"{', '.join(sorted(ours))} deliver; management: {', '.join(sorted(with_management))}"


def failed_records_have_a_type(subject: Subject) -> str:
    """Firehose's error output lies below an output type that the curate job knows.

    Look after ``records_reach_their_place``, which has a record fail. What is in the objects only
    roles of the deployment can read: that the curate job could shows in ``rejected``.
    """
    s3, bucket = subject.session.client("s3"), subject.deployed.bucket("raw")
    prefix = names.RAW_ERRORS[names.EVENTS]
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    errors = f"s3://{bucket}/{prefix}"
    kinds = {failed.output_type(f"s3://{bucket}/{item['Key']}", errors) for item in found}
    unknown = kinds - {failed.BEFORE_TRANSFORM, failed.AFTER_TRANSFORM}
    if unknown or not kinds:
        raise CheckFailedError(f"below {errors} are objects of {sorted(kinds) or 'no type'}")
    return f"{len(found)} objects of {', '.join(sorted(kinds))}"


def stage_is_limited(subject: Subject) -> str:
    """The stage throttles as the settings say, and WAF lets one address have its share of it."""
    gateway, firewall = subject.session.client("apigateway"), subject.session.client("wafv2")
    wanted = subject.deployment.settings.api
    api = subject.deployed.rest_api()
    (stage,) = gateway.get_stages(restApiId=api)["item"]
    setting = stage["methodSettings"]["*/*"]
    rate, burst = setting["throttlingRateLimit"], setting["throttlingBurstLimit"]
    if (rate, burst) != (wanted.requests_per_second, wanted.burst):
        raise CheckFailedError(f"the stage allows {rate:g} a second and bursts of {burst}")
    name, identifier, scope = subject.deployed.one("AWS::WAFv2::WebACL", "api").split("|")
    acl = firewall.get_web_acl(Name=name, Id=identifier, Scope=scope)["WebACL"]
    limits = [
        rule["Statement"]["RateBasedStatement"]["Limit"]
        for rule in acl["Rules"]
        if "RateBasedStatement" in rule["Statement"]
    ]
    if not limits or min(limits) < address_needs(subject.deployment.settings):
        raise CheckFailedError(f"WAF's limits for an address are {limits}")
    return f"{rate:g} a second, an address {min(limits)} in five minutes"


def _made_for(instance: str, environment: str, group: dict[str, object]) -> bool:
    """Whether Glue or SageMaker would have made the group for this deployment."""
    name = str(group["logGroupName"])
    return (
        f"-role/millrace/{instance}/{environment}/" in name
        or name == f"/aws/sagemaker/Endpoints/{instance}-{environment}"
    )
