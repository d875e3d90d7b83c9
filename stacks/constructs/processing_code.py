"""The archive that processing jobs run: ``python3 <archive> evaluate`` or ``monitor``.

One file, because S3 inputs keep an object's name and assets are named by digest; Python runs a zip
archive with a ``__main__.py`` as it is, so nothing has to be unpacked first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.constructs.code_bundle import ROOT, archive, folder_entries
from stacks.state_machines.jobs import ProcessingCode

ENTRY = """import runpy
import sys

MODULES = {
    "evaluate": "model_code.evaluation.evaluate",
    "monitor": "model_code.monitoring.monitor",
}
runpy.run_module(MODULES[sys.argv.pop(1)], run_name="__main__", alter_sys=True)
"""


def processing_archive() -> Path:
    """Write ``processing.zip`` and return its path."""
    return archive(
        "processing.zip",
        {
            "__main__.py": ENTRY.encode(),
            "lambdas/__init__.py": (ROOT / "lambdas" / "__init__.py").read_bytes(),
            **folder_entries("lambdas/shared"),
            **folder_entries("model_code"),
        },
    )


@dataclass(frozen=True, slots=True)
class PublishedCode:
    """The archive and the compiled contract, as files that a job's role has to read."""

    archive: assets.Asset
    contract: assets.Asset

    @property
    def location(self) -> ProcessingCode:
        """Where a job finds them."""
        return ProcessingCode(
            archive_uri=self.archive.s3_object_url,
            archive_name=self.archive.s3_object_key,
            contract_uri=self.contract.s3_object_url,
        )


def publish_code(scope: Construct, contract: assets.Asset) -> PublishedCode:
    """Publish the archive as an asset beside the compiled contract."""
    code = assets.Asset(scope, "ProcessingCode", path=str(processing_archive()))
    return PublishedCode(archive=code, contract=contract)
