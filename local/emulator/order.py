"""In which order the emulator's extensions are attached: a later one wraps what stands by then.

A new service is a folder of ``local/services`` and its modules' lines here. Rules that refuse
properties (``refusals*.py``) need no line: ``local.emulator.refusals`` finds them.
"""

from __future__ import annotations

_PERMISSIONS = (
    "local.emulator.parsed_policies",
    "local.emulator.iam_recorder",
    "local.emulator.role_trust",
    "local.emulator.service_roles",
    "local.emulator.tried_permissions",
    "local.emulator.condition_keys",
    "local.services.ec2.network_origin",
)
# CloudFormation types that MiniStack lacks, or provisions with properties left out. Those that it
# provisions partly are wrapped, so that an upgrade which adds the missing part only makes ours
# redundant.
_TYPES = (
    "local.services.apigateway.types",
    "local.services.apigateway.client_certificates",
    "local.services.s3.types",
    "local.services.iam.types",
    "local.services.secretsmanager.types",
    "local.services.sns.types",
    "local.services.logs.types",
    "local.services.dynamodb.types",
    "local.services.wafv2.types",
    "local.services.backup.types",
    "local.services.ec2.types",
    "local.services.cloudtrail.types",
    "local.services.budgets.types",
    "local.services.glue.types",
    "local.services.athena.types",
    "local.services.glue.optimizers",
    "local.services.cloudwatch.types",
    "local.services.wafv2.logs",
)
_STACKS = (
    "local.services.cloudformation.template_checks",
    "local.services.cloudformation.template_conditions",
    "local.services.cloudformation.stack_parameters",
    "local.services.cloudformation.stack_roles",
    "local.services.cloudformation.resource_tags",
    "local.services.cloudformation.stack_events",
    "local.services.cloudformation.custom_answers",
    "local.services.cloudformation.patient_answers",
)
_BEHAVIOUR = (
    "local.services.kms.key_policies",
    "local.services.cloudtrail.checks",
    "local.services.s3.missing_objects",
    "local.services.s3.replicas",
    "local.services.lambda_.errors",
    "local.services.sns.subjects",
    "local.emulator.dispatchers",
    "local.emulator.dead_letters",
    "local.services.lambda_.failed_events",
    "local.services.scheduler.deliveries",
    "local.services.cloudwatch.alarms",
    "local.services.firehose.extension",
    "local.services.athena.queries",
    "local.services.cognito.user_pools",
    "local.services.apigateway.stages",
    "local.services.apigateway.signatures",
    "local.services.wafv2.web_acl",
    "local.services.apigateway.access_logs",
    "local.services.cloudwatch.metrics",
    "local.services.logs.metric_filters",
    "local.emulator.refusals",
    "local.services.sagemaker",
    "local.services.glue.engine",
    "local.services.glue.iceberg",
    "local.services.glue.catalog",
    "local.services.states.executions",
    "local.services.states.limits",
    "local.services.states.texts",
    "local.services.states.redrive",
)
# What an account has before anything is deployed into it: quotas, defaults, AWS's own things, about
# which the preflight of ``make deploy`` asks. MiniStack has no Service Quotas and no Lake
# Formation, makes up ids of AWS's prefix lists and names of service-linked roles, and knows only
# the account's own container registry. Last: linked roles wrap the types that the others add.
_ACCOUNT = (
    "local.services.servicequotas.quotas",
    "local.services.lakeformation.settings",
    "local.services.apigateway.logging_role",
    "local.services.iam.linked_roles",
    "local.services.ec2.prefix_lists",
    "local.services.ecr.registries",
)
EXTENSIONS = (*_PERMISSIONS, *_TYPES, *_STACKS, *_BEHAVIOUR, *_ACCOUNT)
