"""The code of SageMaker jobs as published files: sources, starter, compiled contract."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from bundles.archives import ROOT, contract_file, source_bundle
from stacks.kit.base_stack import BaseStack
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.grants import allow_asset
from stacks.kit.job_role import allow_job_logs
from stacks.kit.sagemaker_jobs import ProcessingCode
from stacks.kit.tar_asset import TarAsset

STARTER = "model_code/jobs/run.py"


@dataclass(frozen=True, slots=True)
class PublishedCode:
    """Files that the roles of jobs have to read."""

    source: TarAsset
    """``sourcedir.tar.gz``: training in script mode, and what the starter unpacks."""
    starter: assets.Asset
    contract: assets.Asset

    runtime: CustomerPolicy
    """``ProcessingRuntime``: what every processing job downloads, and where it logs."""

    @property
    def location(self) -> ProcessingCode:
        """Where a processing job finds them."""
        return ProcessingCode(
            run_uri=self.starter.s3_object_url,
            run_name=self.starter.s3_object_key,
            source_uri=self.source.s3_object_url,
            contract_uri=self.contract.s3_object_url,
        )


def publish_code(scope: Construct, stack: BaseStack) -> PublishedCode:
    """Publish the files as assets of the stack, with the policy of whoever runs them."""
    source = TarAsset(scope, "Source", path=source_bundle())
    starter = assets.Asset(scope, "Starter", path=str(ROOT / STARTER))
    contract = assets.Asset(scope, "Contract", path=str(contract_file(stack.contract)))
    runtime = CustomerPolicy(
        scope, "ProcessingRuntime", description="Every processing job: its code and its logs"
    )
    for asset in (source, starter, contract):
        allow_asset(runtime, asset)
    allow_job_logs(runtime, "/aws/sagemaker/ProcessingJobs")
    return PublishedCode(source=source, starter=starter, contract=contract, runtime=runtime)
