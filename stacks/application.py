"""Compose the stacks of one deployment. Edges point one way: each stack uses those before it.

A stack hands on frozen outputs, never itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import App

from config.load import Deployment
from stacks import registry
from stacks.api.stack import ApiProps, ApiStack
from stacks.audit.stack import AuditProps, AuditStack
from stacks.data_lake.outputs import Lake
from stacks.data_lake.stack import DataLakeProps, DataLakeStack
from stacks.ingestion.outputs import Ingestion
from stacks.ingestion.stack import IngestionProps, IngestionStack
from stacks.kit.capability import install
from stacks.kit.foundation import Foundation
from stacks.monitoring.model_stack import ModelMonitoringProps, ModelMonitoringStack
from stacks.monitoring.outputs import Watched
from stacks.monitoring.stack import MonitoringProps, MonitoringStack
from stacks.network.stack import NetworkProps, NetworkStack
from stacks.processing.outputs import Processing
from stacks.processing.stack import ProcessingProps, ProcessingStack
from stacks.security.stack import SecurityStack
from stacks.serving.stack import ServingProps, ServingStack
from stacks.training.stack import TrainingProps, TrainingStack


@dataclass(frozen=True, slots=True)
class DataOutputs:
    """What records and jobs stand on, and what they hand on."""

    foundation: Foundation
    lake: Lake
    ingestion: Ingestion
    processing: Processing


def build(app: App, deployment: Deployment) -> None:
    """Create all stacks below ``app``."""
    install(app, registry.wanted(deployment.settings))
    data = _data_stacks(app, deployment)
    _model_stacks(app, deployment, data)
    AuditStack(app, deployment=deployment, props=AuditProps(data.foundation, data.lake))


def _data_stacks(app: App, deployment: Deployment) -> DataOutputs:
    security = SecurityStack(app, deployment=deployment).outputs
    network = NetworkStack(app, deployment=deployment, props=NetworkProps(security)).outputs
    foundation = Foundation(security=security, network=network)
    lake = DataLakeStack(app, deployment=deployment, props=DataLakeProps(foundation)).outputs
    ingestion = IngestionStack(
        app, deployment=deployment, props=IngestionProps(foundation, lake)
    ).outputs
    processing = ProcessingStack(
        app, deployment=deployment, props=ProcessingProps(foundation, lake)
    ).outputs
    return DataOutputs(foundation, lake, ingestion, processing)


def _model_stacks(app: App, deployment: Deployment, data: DataOutputs) -> None:
    foundation, lake = data.foundation, data.lake
    serving: dict[str, ServingStack] = {}
    watched: list[Watched] = []
    for model in deployment.models:
        training = TrainingStack(
            app, deployment=model, props=TrainingProps(foundation, lake, data.processing)
        )
        serves = ServingStack(
            app, deployment=model, props=ServingProps(foundation, lake, training.outputs)
        )
        # Its parameters are resolved from the pointers that training creates.
        serves.add_stack_dependency(training)
        monitoring = ModelMonitoringStack(
            app,
            deployment=model,
            props=ModelMonitoringProps(
                foundation, lake, data.processing, training.outputs, serves.outputs
            ),
        )
        serving[model.settings.model] = serves
        watched.append(monitoring.outputs)
    outputs = {name: stack.outputs for name, stack in serving.items()}
    api = ApiStack(app, deployment=deployment, props=ApiProps(foundation, outputs))
    for stack in serving.values():
        api.add_stack_dependency(stack)
    MonitoringStack(
        app,
        deployment=deployment,
        props=MonitoringProps(
            foundation=foundation, ingestion=data.ingestion, models=watched, api=api.outputs
        ),
    )
