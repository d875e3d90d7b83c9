"""The code of SageMaker jobs as published files: sources, starter, compiled contract."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.constructs.base_stack import BaseStack
from stacks.constructs.code_bundle import ROOT, contract_file, source_bundle
from stacks.constructs.tar_asset import TarAsset
from stacks.state_machines.jobs import ProcessingCode

STARTER = "model_code/jobs/run.py"


@dataclass(frozen=True, slots=True)
class PublishedCode:
    """Files that the roles of jobs have to read."""

    source: TarAsset
    """``sourcedir.tar.gz``: training in script mode, and what the starter unpacks."""
    starter: assets.Asset
    contract: assets.Asset

    @property
    def processing(self) -> tuple[assets.Asset | TarAsset, ...]:
        """What a processing job downloads."""
        return (self.source, self.starter, self.contract)

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
    """Publish the files as assets of the stack."""
    return PublishedCode(
        source=TarAsset(scope, "Source", path=source_bundle()),
        starter=assets.Asset(scope, "Starter", path=str(ROOT / STARTER)),
        contract=assets.Asset(scope, "Contract", path=str(contract_file(stack.contract))),
    )
