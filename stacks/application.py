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
    training = TrainingStack(
        app, deployment=deployment, props=TrainingProps(foundation, lake, data.processing)
    )
    serving = ServingStack(
        app, deployment=deployment, props=ServingProps(foundation, lake, training.outputs)
    )
    # Its parameters are resolved from the pointers that training creates.
    serving.add_stack_dependency(training)
    api = ApiStack(app, deployment=deployment, props=ApiProps(foundation, serving.outputs))
    api.add_stack_dependency(serving)
    MonitoringStack(
        app,
        deployment=deployment,
        props=MonitoringProps(
            foundation=foundation,
            lake=lake,
            ingestion=data.ingestion,
            training=training.outputs,
            serving=serving.outputs,
            api=api.outputs,
        ),
    )
