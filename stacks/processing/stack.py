"""Spark on Glue: the curate job (unique tables), features jobs (training sets), outcomes jobs
(labels for the monitor).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from bundles.archives import contract_file, glue_bundle
from config.load import Deployment
from core import names
from stacks.data_lake.outputs import Lake
from stacks.kit.base_stack import BaseStack, scope_of
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Foundation
from stacks.kit.grants import (
    EVERYTHING,
    allow_folders,
    allow_objects,
    allow_pseudonyms,
    allow_tables,
)
from stacks.kit.job_surroundings import job_encryption
from stacks.kit.scheduled_call import ScheduledCall, ScheduledCallProps
from stacks.processing.outputs import Processing
from stacks.processing.spark_job import SparkJob, SparkJobProps
from stacks.processing.spark_runtime import SparkRuntimeProps, spark_runtime

CONCURRENT_FEATURE_RUNS = 2
CONCURRENT_OUTCOMES_RUNS = 2


@dataclass(frozen=True, slots=True)
class ProcessingProps:
    """What processing stands on."""

    foundation: Foundation
    lake: Lake


class ProcessingStack(BaseStack):
    """``outputs``: the jobs."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: ProcessingProps) -> None:
        super().__init__(
            scope,
            "processing",
            deployment=deployment,
            description="Millrace: Spark jobs that curate records and compute features",
        )
        self._props = props
        self._contracts = {
            model.settings.model: self._contract(model) for model in deployment.models
        }
        self._modules = assets.Asset(self, "Modules", path=str(glue_bundle()))
        self._runtime = spark_runtime(
            self,
            SparkRuntimeProps(
                vpc_arn=props.foundation.network.vpc.vpc_arn,
                modules=self._modules,
                contracts=list(self._contracts.values()),
            ),
        )
        self._encryption = job_encryption(
            self,
            "JobEncryption",
            stack=self,
            logs_key=props.foundation.keys.logs,
            key=props.foundation.keys.data,
        )
        self._outcomes_encryption = job_encryption(
            self,
            "OutcomesEncryption",
            stack=self,
            logs_key=props.foundation.keys.logs,
            key=props.foundation.keys.models,
            suffix="-outcomes",
        )
        self.outputs = Processing(
            curate=self._define_curate(),
            features={
                model.settings.model: self._define_features(model) for model in deployment.models
            },
            outcomes={
                model.settings.model: self._define_outcomes(model) for model in deployment.models
            },
        )
        self._schedule_curate()

    def _contract(self, model: Deployment) -> assets.Asset:
        path = str(contract_file(model.contract))
        return assets.Asset(self, f"{model.settings.model.capitalize()}Contract", path=path)

    def _define_curate(self) -> SparkJob:
        lake, security = self._props.lake, self._props.foundation.security
        raw = _url(lake.raw.bucket_name)
        arguments = {
            "input_streams": raw + _common(names.RAW_STREAM),
            "input_errors": raw + _common(names.RAW_ERRORS),
            "input_landing": _url(lake.landing.bucket_name),
            "correction_days": str(self.settings.processing.correction_days),
            "pseudonym_key": security.pseudonym_key.key_arn,
        }
        # Two runs would take the same objects: one at a time.
        job = self._define_job(
            "CurateJob",
            "curate",
            "Unique tables from streams, files and errors",
            arguments,
            # Of records every model's contract says the same.
            contract=next(iter(self._contracts.values())),
        )
        keys = security.keys
        received = [_common(names.RAW_STREAM), _common(names.RAW_ERRORS)]
        allow_objects(job.role, lake.raw, keys.raw, read=received)
        allow_folders(job.role, lake.raw, *names.RAW_STREAM.values(), *names.RAW_ERRORS.values())
        allow_objects(job.role, lake.landing, keys.raw, read=[EVERYTHING])
        allow_folders(job.role, lake.landing, *names.STREAMS)
        # It alone writes the tables.
        tables = [names.CURATED_TABLES]
        allow_objects(job.role, lake.curated, keys.data, replace=tables, listed=False)
        allow_tables(job.role, lake.database_name, names.CURATED, "glue:UpdateTable")
        job.locate(lake.raw, lake.landing, lake.curated)
        allow_pseudonyms(job.role, security)
        return job

    def _define_features(self, model: Deployment) -> SparkJob:
        lake, keys = self._props.lake, self._props.foundation.keys
        training, name = model.settings.training, model.settings.model
        runs = scope_of(model).below(names.FEATURES_RUNS)
        arguments = {
            "window_days": str(training.window_days),
            "validation_share": str(training.validation_share),
            "holdout_share": str(training.holdout_share),
            "as_of": "latest",
        }
        job = self._define_job(
            f"{name.capitalize()}FeaturesJob",
            "features",
            f"Training sets of {name} with their feature specification",
            arguments,
            contract=self._contracts[name],
            policies=[lake.readers.records],
            concurrent_runs=CONCURRENT_FEATURE_RUNS,
        )
        allow_folders(job.role, lake.features, names.FEATURES_RUNS, runs)
        allow_objects(job.role, lake.features, keys.data, replace=[runs])
        job.locate(lake.curated, lake.features)
        return job

    def _define_outcomes(self, model: Deployment) -> SparkJob:
        """Into the monitoring zone, which lies under the key of models."""
        lake, keys = self._props.lake, self._props.foundation.keys
        name = model.settings.model
        outcomes = scope_of(model).below(names.MONITORING_OUTCOMES)
        job = self._define_job(
            f"{name.capitalize()}OutcomesJob",
            "outcomes",
            f"Labels of a window for the monitor job of {name}",
            {},
            contract=self._contracts[name],
            policies=[lake.readers.records],
            encryption=self._outcomes_encryption,
            concurrent_runs=CONCURRENT_OUTCOMES_RUNS,
        )
        allow_folders(job.role, lake.monitoring, names.MONITORING_OUTCOMES, outcomes)
        allow_objects(job.role, lake.monitoring, keys.models, replace=[outcomes])
        job.locate(lake.curated, lake.monitoring)
        return job

    def _define_job(
        self,
        construct_id: str,
        script: str,
        description: str,
        arguments: dict[str, str],
        *,
        contract: assets.Asset,
        policies: Sequence[CustomerPolicy] = (),
        encryption: glue.CfnSecurityConfiguration | None = None,
        concurrent_runs: int = 1,
    ) -> SparkJob:
        return SparkJob(
            self,
            construct_id,
            stack=self,
            props=SparkJobProps(
                script=script,
                description=description,
                boundary=self._props.foundation.security.boundary,
                policies=[self._runtime, *policies],
                encryption=encryption or self._encryption,
                logs_key=self._props.foundation.keys.logs,
                modules=self._modules,
                contract=contract,
                network=self._props.foundation.network,
                arguments=arguments,
                database=self._props.lake.database_name,
                concurrent_runs=concurrent_runs,
            ),
        )

    def _schedule_curate(self) -> None:
        expression = self.settings.processing.curate_schedule
        if expression is None:
            return
        ScheduledCall(
            self,
            "CurateSchedule",
            stack=self,
            props=ScheduledCallProps(
                description="Starts the curate job",
                expression=expression,
                target=f"arn:{self.partition}:scheduler:::aws-sdk:glue:startJobRun",
                request=self.to_json_string({"JobName": self.outputs.curate.job_name}),
                actions=["glue:StartJobRun"],
                resources=[self.outputs.curate.job_arn],
                foundation=self._props.foundation,
            ),
        )


def _url(bucket_name: str) -> str:
    return f"s3://{bucket_name}/"


def _common(prefixes: Mapping[str, str]) -> str:
    """The folder that holds the prefixes of all streams, each one level below it."""
    parents = {prefix.rstrip("/").rsplit("/", 1)[0] + "/" for prefix in prefixes.values()}
    (parent,) = parents
    return parent
