"""Compose the stacks of one deployment. Edges point one way: each stack uses those before it."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import App

from config.load import Deployment
from stacks.audit import AuditProps, AuditStack
from stacks.constructs.foundation import Foundation
from stacks.data_lake import DataLakeProps, DataLakeStack
from stacks.ingestion import IngestionProps, IngestionStack
from stacks.network import NetworkProps, NetworkStack
from stacks.processing import ProcessingProps, ProcessingStack
from stacks.security import SecurityStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """Every stack of a deployment, in the order of the edges."""

    security: SecurityStack
    network: NetworkStack
    data_lake: DataLakeStack
    ingestion: IngestionStack
    processing: ProcessingStack
    audit: AuditStack


def build(app: App, deployment: Deployment) -> Stacks:
    """Create all stacks below ``app``."""
    security = SecurityStack(app, deployment=deployment)
    network = NetworkStack(
        app, deployment=deployment, props=NetworkProps(security=security.outputs)
    )
    foundation = Foundation(security=security.outputs, network=network.outputs)
    data_lake = DataLakeStack(
        app, deployment=deployment, props=DataLakeProps(foundation=foundation)
    )
    ingestion = IngestionStack(
        app,
        deployment=deployment,
        props=IngestionProps(foundation=foundation, lake=data_lake.outputs),
    )
    processing = ProcessingStack(
        app,
        deployment=deployment,
        props=ProcessingProps(foundation=foundation, lake=data_lake.outputs),
    )
    audit = AuditStack(
        app,
        deployment=deployment,
        props=AuditProps(foundation=foundation, lake=data_lake.outputs),
    )
    return Stacks(security, network, data_lake, ingestion, processing, audit)
