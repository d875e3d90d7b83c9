"""A log group with the deployment's retention, encrypted under the logs key."""

from __future__ import annotations

from aws_cdk import Aws, Fn, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from config.settings import SharedSettings
from stacks.kit.nag import except_from_review

YEAR_DAYS = 365


def encrypted_log_group(
    scope: Construct,
    construct_id: str,
    *,
    settings: SharedSettings,
    key: kms.IKey,
    name: str | None = None,
) -> logs.LogGroup:
    """Create the group; it goes with its stack only where the settings allow losing data.

    The L1 property carries the retention: ``LogRetention`` would be a custom resource. ``name``
    is for groups that a service finds by their name.
    """
    group = logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        encryption_key=key,
        removal_policy=removal_policy(settings),
    )
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = settings.retention.log_days
    except_short_retention(resource, settings)
    return group


def unique_to_the_stack() -> str:
    """Part of the stack's id, for names: a retained group must not block the next deployment."""
    return Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))))


def named_log_group(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    settings: SharedSettings,
    key: kms.IKey,
    removal: RemovalPolicy | None = None,
) -> logs.CfnLogGroup:
    """Create a group by the name that a service writes to.

    The service would make it itself: with its own key, and for ever. A name that is the same in
    the next deployment goes with its stack (``removal``), or that deployment would find it taken.
    """
    group = logs.CfnLogGroup(
        scope,
        construct_id,
        log_group_name=name,
        kms_key_id=key.key_arn,
        retention_in_days=settings.retention.log_days,
    )
    group.apply_removal_policy(removal or removal_policy(settings))
    except_short_retention(group, settings)
    return group


def except_short_retention(group: logs.CfnLogGroup, settings: SharedSettings) -> None:
    """Where the settings keep logs for less than a year, as for a deployment to develop with."""
    if settings.retention.log_days >= YEAR_DAYS:
        return
    except_from_review(
        group,
        "control-tower:CT.CLOUDWATCH.PR.2",
        constraint="How long logs are kept is the setting retention.log_days, which is short in an "
        "environment whose logs nobody audits and whose every gigabyte costs.",
        evidence="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/"
        "Working-with-log-groups-and-streams.html",
        control="The audit trail is kept for more than a year in every environment, and the "
        "settings of production keep logs for a year.",
    )


def removal_policy(settings: SharedSettings) -> RemovalPolicy:
    """Retain, unless the settings are the first of the two keys that deletion needs."""
    if settings.retention.allow_data_deletion:
        return RemovalPolicy.DESTROY
    return RemovalPolicy.RETAIN
