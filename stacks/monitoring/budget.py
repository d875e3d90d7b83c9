"""A monthly budget of the deployment's own cost, told before and when it is passed."""

from __future__ import annotations

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.base_stack import BaseStack

THRESHOLDS = (("ACTUAL", 80), ("FORECASTED", 100))


def monthly_budget(
    scope: Construct, construct_id: str, *, stack: BaseStack, topic: sns.ITopic
) -> budgets.CfnBudget:
    """Cost by the tags ``instance`` and ``environment``.

    The two tags have to be activated as cost allocation tags in the billing console once per
    account (docs/runbook.md#budget).
    """
    tags = {"instance": stack.names.instance, "environment": stack.names.environment}
    subscriber = budgets.CfnBudget.SubscriberProperty(
        subscription_type="SNS", address=topic.topic_arn
    )
    return budgets.CfnBudget(
        scope,
        construct_id,
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(
                amount=stack.settings.monitoring.monthly_budget_usd, unit="USD"
            ),
            metrics=["UnblendedCost"],
            # An expression, because the values of a plain filter are alternatives.
            filter_expression=budgets.CfnBudget.ExpressionProperty(
                and_=[
                    budgets.CfnBudget.ExpressionProperty(
                        tags=budgets.CfnBudget.TagValuesProperty(
                            key=key, values=[value], match_options=["EQUALS"]
                        )
                    )
                    for key, value in tags.items()
                ]
            ),
        ),
        notifications_with_subscribers=[
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent
                ),
                subscribers=[subscriber],
            )
            for kind, percent in THRESHOLDS
        ],
    )
