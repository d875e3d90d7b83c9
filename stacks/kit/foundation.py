"""What the security and network stacks hand to every stack after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from stacks.kit.customer_policy import CustomerPolicy


@dataclass(frozen=True, slots=True)
class Keys:
    """Customer keys by domain: who can read one domain cannot read the next by that alone."""

    data: kms.IKey
    """Curated and features zones, catalog results, queues of data."""
    raw: kms.IKey
    """Landing and raw zones: the only place where classified values stand in clear."""
    models: kms.IKey
    """Artefacts, monitoring captures, volumes of SageMaker jobs and endpoints."""
    logs: kms.IKey
    """Log groups and the audit trail."""
    messages: kms.IKey
    """Alert topics, queues and functions' environment variables."""


@dataclass(frozen=True, slots=True)
class Runtimes:
    """Shared policies by kind of workload: what each role of the kind needs to run at all."""

    function: CustomerPolicy
    flow: CustomerPolicy
    job: CustomerPolicy
    """SageMaker's jobs and endpoints."""


@dataclass(frozen=True, slots=True)
class Security:
    """Outputs of the security stack."""

    keys: Keys
    boundary: iam.IManagedPolicy
    access_logs: s3.IBucket
    ops_topic: sns.ITopic
    security_topic: sns.ITopic
    pseudonym_key: kms.IKey
    runtimes: Runtimes
    dead_letters: sqs.IQueue
    """The deployment's dead-letter queue, in a form that constructs cannot add policies to."""


@dataclass(frozen=True, slots=True)
class Network:
    """Outputs of the network stack."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_groups: Mapping[str, ec2.ISecurityGroup]
    """What a workload may open a connection to."""
    storage_endpoint: str
    """Id of the gateway endpoint through which workloads reach S3."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """Security and network together: what a workload stack stands on."""

    security: Security
    network: Network

    @property
    def keys(self) -> Keys:
        """Customer keys by domain."""
        return self.security.keys
