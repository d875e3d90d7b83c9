"""A published file whose key ends in ``.tar.gz``.

CDK's asset keeps the last suffix only (``<digest>.gz``), and SageMaker takes model archives by keys
that end in ``.tar.gz``:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
"""

from __future__ import annotations

from pathlib import Path

from aws_cdk import AssetStaging, FileAssetPackaging, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

SUFFIX = ".tar.gz"


class TarAsset(Construct):
    """``s3_object_url``, ``s3_object_key`` and ``bucket``, as an asset has them."""

    def __init__(self, scope: Construct, construct_id: str, *, path: Path) -> None:
        """Publish ``path``, whose name ends in ``.tar.gz``.

        Raises:
            ValueError: another suffix.
        """
        super().__init__(scope, construct_id)
        if not path.name.endswith(SUFFIX):
            raise ValueError(f"path is {path.name!r}; allowed: a name that ends in {SUFFIX}")
        stack = Stack.of(self)
        staging = AssetStaging(self, "Stage", source_path=str(path))
        location = stack.synthesizer.add_file_asset(
            # The synthesizer appends the file's last suffix, ".gz".
            source_hash=f"{staging.asset_hash}.tar",
            file_name=staging.relative_staged_path(stack),
            packaging=FileAssetPackaging.FILE,
            display_name=self.node.path,
        )
        self.s3_object_url = location.s3_object_url
        self.s3_object_key = location.object_key
        self.bucket: s3.IBucket = s3.Bucket.from_bucket_name(self, "Bucket", location.bucket_name)
