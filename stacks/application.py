"""Compose the stacks of one deployment. Edges point one way: each stack uses those before it."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import App

from config.load import Deployment
from stacks import registry
from stacks.api.stack import ApiProps, ApiStack
from stacks.audit.stack import AuditProps, AuditStack
from stacks.data_lake.stack import DataLakeProps, DataLakeStack
from stacks.ingestion.stack import IngestionProps, IngestionStack
from stacks.kit.capability import install
from stacks.kit.foundation import Foundation
from stacks.monitoring.stack import MonitoringProps, MonitoringStack
from stacks.network.stack import NetworkProps, NetworkStack
from stacks.processing.stack import ProcessingProps, ProcessingStack
from stacks.security.stack import SecurityStack
from stacks.serving.stack import ServingProps, ServingStack
from stacks.training.stack import TrainingProps, TrainingStack


@dataclass(frozen=True, slots=True)
class DataStacks:
    """What records, jobs and evidence need."""

    foundation: Foundation
    security: SecurityStack
    network: NetworkStack
    data_lake: DataLakeStack
    ingestion: IngestionStack
    processing: ProcessingStack


@dataclass(frozen=True, slots=True)
class ModelStacks:
    """What models, predictions and their supervision need."""

    training: TrainingStack
    serving: ServingStack
    api: ApiStack
    monitoring: MonitoringStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """Every stack of a deployment."""

    data: DataStacks
    models: ModelStacks
    audit: AuditStack


def build(app: App, deployment: Deployment) -> Stacks:
    """Create all stacks below ``app``."""
    install(app, registry.wanted(deployment.settings))
    data = _data_stacks(app, deployment)
    models = _model_stacks(app, deployment, data)
    audit = AuditStack(
        app,
        deployment=deployment,
        props=AuditProps(foundation=data.foundation, lake=data.data_lake.outputs),
    )
    return Stacks(data, models, audit)


def _data_stacks(app: App, deployment: Deployment) -> DataStacks:
    security = SecurityStack(app, deployment=deployment)
    network = NetworkStack(
        app, deployment=deployment, props=NetworkProps(security=security.outputs)
    )
    foundation = Foundation(security=security.outputs, network=network.outputs)
    lake = DataLakeStack(app, deployment=deployment, props=DataLakeProps(foundation))
    ingestion = IngestionStack(
        app, deployment=deployment, props=IngestionProps(foundation, lake.outputs)
    )
    processing = ProcessingStack(
        app, deployment=deployment, props=ProcessingProps(foundation, lake.outputs)
    )
    return DataStacks(foundation, security, network, lake, ingestion, processing)


def _model_stacks(app: App, deployment: Deployment, data: DataStacks) -> ModelStacks:
    foundation, lake = data.foundation, data.data_lake.outputs
    training = TrainingStack(
        app,
        deployment=deployment,
        props=TrainingProps(
            foundation=foundation,
            lake=lake,
            curate=data.processing.curate,
            features=data.processing.features,
        ),
    )
    serving = ServingStack(
        app, deployment=deployment, props=ServingProps(foundation, lake, training)
    )
    api = ApiStack(app, deployment=deployment, props=ApiProps(foundation, serving))
    monitoring = MonitoringStack(
        app,
        deployment=deployment,
        props=MonitoringProps(
            foundation=foundation,
            lake=lake,
            ingestion=data.ingestion,
            training=training,
            serving=serving,
            api=api,
        ),
    )
    return ModelStacks(training, serving, api, monitoring)
