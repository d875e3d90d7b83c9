"""Names that deployment, handlers, jobs and tests must agree on, defined once.

This module has no third-party import: the CDK app, Lambda handlers, Spark jobs and SageMaker
containers all read it, so a prefix or a parameter name cannot drift between layers.
"""

from __future__ import annotations

from dataclasses import dataclass

PRODUCT = "millrace"

# Variants of the endpoint, in the order in which they are declared.
CHAMPION = "champion"
CHALLENGER = "challenger"
VARIANTS = (CHAMPION, CHALLENGER)

# Streams: one Firehose delivery stream each.
EVENTS = "events"
LABELS = "labels"
STREAMS = (EVENTS, LABELS)

# Of the Iceberg tables, in Spark.
CATALOG = "lake"
# Glue tables. `*_stream` is what Firehose writes; the others are Iceberg tables that the curate job
# writes: one row a record in the first two, and one an object that was taken in the last.
TABLE_EVENTS_STREAM = "events_stream"
TABLE_LABELS_STREAM = "labels_stream"
TABLE_EVENTS = "events"
TABLE_LABELS = "labels"
TABLE_REJECTED = "rejected"
TABLE_DELIVERIES = "deliveries"

# Partition of `*_stream`: the day, in UTC, on which the oldest record of an object arrived.
ARRIVED = "arrived"

# Columns that jobs add beside a record's own begin with this, and no field of a contract does
# (config/contract_fields.py): a field may be named label, fold or raw_x.
WORKING = "__"
LABEL_COLUMN = f"{WORKING}label"

# Prefixes inside the zone buckets, all ending in a slash. What models do not share lies one folder
# lower, below the model's name (:meth:`Scope.below`).
RAW_BACKUP = {EVENTS: "backup/events/", LABELS: "backup/labels/"}
# Firehose has one destination bucket for data and errors; errors hold classified values in clear,
# so both lie in the raw zone (docs/adr/0023).
RAW_STREAM = {EVENTS: "stream/events/", LABELS: "stream/labels/"}
RAW_ERRORS = {EVENTS: "errors/events/", LABELS: "errors/labels/"}
CURATED_TABLES = "tables/"
CURATED = {
    table: f"{CURATED_TABLES}{table}/"
    for table in (
        TABLE_EVENTS,
        TABLE_LABELS,
        TABLE_REJECTED,
        TABLE_DELIVERIES,
    )
}
CURATED_QUERY_RESULTS = "query_results/"
FEATURES_RUNS = "runs/"
ARTIFACTS_MODELS = "models/"
ARTIFACTS_EVALUATIONS = "evaluations/"
MONITORING_CAPTURE = "capture/"
MONITORING_REPORTS = "reports/"
MONITORING_OUTCOMES = "outcomes/"

# Files that a features run leaves beside its data.
FEATURE_SPEC_FILE = "feature_spec.json"
STATISTICS_FILE = "statistics.json"
EVALUATION_FILE = "evaluation.json"
BASELINE_FILE = "baseline.json"
CONTRACT_FILE = "contract.json"

# What the outcomes job leaves for the monitor job: a file, and a folder with labels.
OUTCOMES_FILE = "outcomes.json"
OUTCOMES_LABELS = "labels/"

# CloudWatch namespace and metrics of the monitor job, beside the task's. Dimension: Endpoint.
METRIC_NAMESPACE = "Millrace/Model"
METRIC_MODEL_BREACH = "CriteriaBreached"
METRIC_DRIFTED_FEATURES = "DriftedFeatures"
METRIC_LABELLED = "LabelledPredictions"

# Service prefix of the environment variables that handlers read.
ENV_PREFIX = "MILLRACE_"

# Lease table: partition key attribute and the one item. No TTL on this table: an item that
# DynamoDB deletes takes the fencing counter with it.
# Output of the serving stack that the rollout function compares with the endpoint.
OUTPUT_ENDPOINT_CONFIG = "EndpointConfigName"

LEASE_KEY = "lease"
LEASE_RETRAINING = "retraining"

# Property of the pointers' custom resource: ARN of the seed model package.
POINTERS_PACKAGE_PROPERTY = "PackageArn"

# Statement of every bucket's policy that denies calls from outside.
PERIMETER_STATEMENT = "DenyOutsidePerimeter"

# API: routes below the stage and the model's name, and the header that asks for one variant.
ROUTE_PREDICTIONS = "/predictions"
ROUTE_BATCH = "/predictions/batch"
ROUTE_HEALTH = "/health"
VARIANT_HEADER = "X-Millrace-Variant"

# The image's toolkit installs our code with pip when a server or training job starts. pip would
# build it in isolation, for which it fetches setuptools, and the subnets are isolated. The value 0
# of the first variable switches isolation off, 1 leaves it on (docs/container.md).
PIP_ENVIRONMENT = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}

# Environment of every model package's container (docs/architecture.md).
MODEL_ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    **PIP_ENVIRONMENT,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """One instance of Millrace in one environment, and one of its models where that matters."""

    instance: str
    environment: str
    model: str = ""
    """Empty for what all models share."""

    @property
    def shared(self) -> Scope:
        """The scope of what all models share."""
        return Scope(self.instance, self.environment)

    @property
    def model_prefix(self) -> str:
        """Start of every SageMaker name of a model: ``flights-dev-late``.

        Raises:
            ValueError: the scope is no model's.
        """
        return f"{self.instance}-{self.environment}-{self._model}"

    def model_stack(self, capability: str) -> str:
        """Short name of a model's stack: ``training-late``."""
        return f"{capability}-{self._model}"

    def route(self, route: str) -> str:
        """A route of the model's in the API: ``/late/predictions``."""
        return f"/{self._model}{route}"

    def below(self, prefix: str) -> str:
        """The model's folder below a prefix of a bucket: ``runs/late/``."""
        return f"{prefix}{self._model}/"

    @property
    def _model(self) -> str:
        if not self.model:
            raise ValueError(f"{self.stack_prefix} is no scope of one model")
        return self.model

    @property
    def stack_prefix(self) -> str:
        """Prefix of stack names: ``Millrace-flights-dev``."""
        return f"Millrace-{self.instance}-{self.environment}"

    def stack(self, name: str) -> str:
        """CloudFormation name of a stack, for the few places that may not hold a reference."""
        return f"{self.stack_prefix}-{name}"

    def rule(self, purpose: str) -> str:
        """Name of an EventBridge rule; the dead-letter queue's policy knows rules by it.

        A generated name would not do: CloudFormation cuts the stack's name short in it.
        """
        return f"{self.stack_prefix}-{purpose}"

    def short_stack(self, stack_name: str) -> str:
        """The stack's construct id, by which the cdk CLI selects it."""
        return stack_name.removeprefix(f"{self.stack_prefix}-")

    @property
    def role_path(self) -> str:
        """IAM path of every role, which key, bucket and boundary policies match."""
        return f"/{PRODUCT}/{self.instance}/{self.environment}/"

    @property
    def service_role_path(self) -> str:
        """IAM path, below ``role_path``, of roles with which a service itself calls S3.

        It does so from its own network: bucket policies let this path in without our endpoint.
        """
        return f"{self.role_path}service/"

    @property
    def parameter_root(self) -> str:
        """Root of the SSM parameters."""
        return f"/{PRODUCT}/{self.instance}/{self.environment}"

    def pointer(self, variant: str) -> str:
        """SSM parameter that holds the ARN of the model package a variant serves."""
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}; allowed: {', '.join(VARIANTS)}")
        return f"{self.parameter_root}/models/{self._model}/{variant}"
