"""WAF in front of the API: managed rules, a rate by address, and a limit on bodies.

WAF inspects a part of a body and lets the rest pass unless told otherwise; here a body above the
limit is blocked, so nothing reaches the API that was not inspected. WAF answers 413 to it, as its
custom responses come before the API's gateway responses; 403 would hide the reason.
https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-response-for-blocked-requests.html
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from stacks.api.gateway_responses import STATIC_HEADERS, TOO_LARGE, body_of
from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Foundation
from stacks.kit.log_group import (
    except_short_retention,
    removal_policy,
    unique_to_the_stack,
)

INSPECTED_KILOBYTES = (16, 32, 48, 64)
# The managed size rule stops bodies above 8 KB; ours says how large a batch may be.
COUNTED_ONLY = "SizeRestrictions_BODY"
# Credentials, and what may quote a query string. Routes take no query and no value in their path.
REDACTED_HEADERS = ("authorization", "cookie", "referer", "x-amz-security-token", "x-api-key")
_ACL = waf.CfnWebACL
_Redacted = waf.CfnLoggingConfiguration.FieldToMatchProperty


@dataclass(frozen=True, slots=True)
class WebAclProps:
    """What is protected and where its log goes."""

    foundation: Foundation
    stage_arn: str


class WebAcl(Construct):
    """``acl``, its association with the stage, and its log."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: WebAclProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._settings = stack.settings.api
        self.acl = self._define_acl()
        self.association = waf.CfnWebACLAssociation(
            self, "Association", resource_arn=props.stage_arn, web_acl_arn=self.acl.attr_arn
        )
        self._add_log(props.foundation)

    def _define_acl(self) -> waf.CfnWebACL:
        return _ACL(
            self,
            "Acl",
            scope="REGIONAL",
            description="Millrace prediction API",
            default_action=_ACL.DefaultActionProperty(allow=_ACL.AllowActionProperty()),
            # WAF keeps the name All for itself.
            visibility_config=self._visibility("WebAcl"),
            association_config=_ACL.AssociationConfigProperty(
                request_body={
                    "API_GATEWAY": _ACL.RequestBodyAssociatedResourceTypeConfigProperty(
                        default_size_inspection_limit=self._inspected()
                    )
                }
            ),
            custom_response_bodies={
                TOO_LARGE[0]: _ACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON", content=body_of(*TOO_LARGE)
                )
            },
            rules=[
                self._body_size(0),
                self._rate(1),
                self._managed(2, "AWSManagedRulesCommonRuleSet", counted=[COUNTED_ONLY]),
                self._managed(3, "AWSManagedRulesKnownBadInputsRuleSet"),
            ],
        )

    def _inspected(self) -> str:
        wanted = self._settings.body_kilobytes
        return f"KB_{next(size for size in INSPECTED_KILOBYTES if size >= wanted)}"

    def _body_size(self, priority: int) -> waf.CfnWebACL.RuleProperty:
        statement = _ACL.SizeConstraintStatementProperty(
            comparison_operator="GT",
            size=self._settings.body_kilobytes * 1024,
            field_to_match=_ACL.FieldToMatchProperty(
                body=_ACL.BodyProperty(oversize_handling="MATCH")
            ),
            text_transformations=[_ACL.TextTransformationProperty(priority=0, type="NONE")],
        )
        return _ACL.RuleProperty(
            name="BodySize",
            priority=priority,
            action=_ACL.RuleActionProperty(block=self._too_large()),
            statement=_ACL.StatementProperty(size_constraint_statement=statement),
            visibility_config=self._visibility("BodySize"),
        )

    @staticmethod
    def _too_large() -> waf.CfnWebACL.BlockActionProperty:
        return _ACL.BlockActionProperty(
            custom_response=_ACL.CustomResponseProperty(
                response_code=413,
                custom_response_body_key=TOO_LARGE[0],
                response_headers=[
                    _ACL.CustomHTTPHeaderProperty(name=name, value=value)
                    for name, value in STATIC_HEADERS.items()
                ],
            )
        )

    def _rate(self, priority: int) -> waf.CfnWebACL.RuleProperty:
        return _ACL.RuleProperty(
            name="Rate",
            priority=priority,
            action=_ACL.RuleActionProperty(block=_ACL.BlockActionProperty()),
            statement=_ACL.StatementProperty(
                rate_based_statement=_ACL.RateBasedStatementProperty(
                    aggregate_key_type="IP",
                    evaluation_window_sec=300,
                    limit=self._settings.requests_per_five_minutes_per_address,
                )
            ),
            visibility_config=self._visibility("Rate"),
        )

    def _managed(
        self, priority: int, name: str, counted: list[str] | None = None
    ) -> waf.CfnWebACL.RuleProperty:
        overrides = [
            _ACL.RuleActionOverrideProperty(
                name=rule,
                action_to_use=_ACL.RuleActionProperty(count=_ACL.CountActionProperty()),
            )
            for rule in counted or []
        ]
        return _ACL.RuleProperty(
            name=name,
            priority=priority,
            override_action=_ACL.OverrideActionProperty(none={}),
            statement=_ACL.StatementProperty(
                managed_rule_group_statement=_ACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS", name=name, rule_action_overrides=overrides or None
                )
            ),
            visibility_config=self._visibility(name),
        )

    @staticmethod
    def _visibility(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
        # Samples show requests as they came: redaction applies to the log only.
        # https://docs.aws.amazon.com/waf/latest/developerguide/logging.html
        return _ACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
        )

    def _add_log(self, foundation: Foundation) -> None:
        unique = unique_to_the_stack()
        group = logs.LogGroup(
            self,
            "Log",
            # WAF delivers only to groups whose names start like this.
            log_group_name=f"aws-waf-logs-{self._stack.names.stack_prefix.lower()}-{unique}",
            encryption_key=foundation.keys.logs,
            removal_policy=removal_policy(self._stack.settings),
        )
        resource = group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)
        resource.retention_in_days = self._stack.settings.retention.log_days
        except_short_retention(resource, self._stack.settings)
        arn = self._stack.arn("logs", f"log-group:{group.log_group_name}")
        self.logging = waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[arn],
            redacted_fields=[
                _Redacted(query_string={}),
                *(_Redacted(single_header={"Name": name}) for name in REDACTED_HEADERS),
            ],
        )
