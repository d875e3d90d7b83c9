"""SageMaker reads a package's archive with its caller's rights, and not through our endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from core.names import ARTIFACTS_MODELS, PERIMETER_STATEMENT, Scope
from local.platform import Platform
from operations.deployed import Deployed
from tests.support.denied_principals import session

DEMO = Scope("flights", "demo", "flights")

pytestmark = pytest.mark.platform

PROBE = f"{ARTIFACTS_MODELS}flights/probe/model.tar.gz"
FORMATS = {"SupportedContentTypes": ["a/b"], "SupportedResponseMIMETypes": ["a/b"]}


class Registry:
    """The registry function's role, in the function's own subnets and security group."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.deployed = Deployed.read(platform.client("cloudformation"), DEMO)
        self.bucket = self.deployed.bucket("artifacts")
        functions = platform.client("lambda")
        name = self.deployed.one("AWS::Lambda::Function", "training", "FunctionsRegistry")
        found = functions.get_function_configuration(FunctionName=name)
        place = found["VpcConfig"]
        keys = session(
            functions, "registry", found["Role"], place["SubnetIds"], place["SecurityGroupIds"]
        )
        self.keys = {name.upper(): value for name, value in keys.items()}
        group = self.deployed.one("AWS::SageMaker::ModelPackageGroup", "training")
        self.group = group.rpartition("/")[2]
        self.owner = platform.client("s3", platform.break_glass())
        self.owner.put_object(Bucket=self.bucket, Key=PROBE, Body=b"archive")

    def read(self) -> bytes:
        """The archive, read by the role itself."""
        client = self.platform.client("s3", self.keys)
        body: bytes = client.get_object(Bucket=self.bucket, Key=PROBE)["Body"].read()
        return body

    def register(self, key: str = PROBE) -> str:
        """What CreateModelPackage answers; empty when it registered, which is undone."""
        container = {"Image": "image", "ModelDataUrl": f"s3://{self.bucket}/{key}"}
        request = {
            "ModelPackageGroupName": self.group,
            "InferenceSpecification": {"Containers": [container], **FORMATS},
        }
        try:
            made = self.platform.client("sagemaker", self.keys).create_model_package(**request)
        except ClientError as error:
            return str(error)
        operator = self.platform.client("sagemaker")
        operator.delete_model_package(ModelPackageName=made["ModelPackageArn"])
        return ""

    @contextmanager
    def perimeter_without_services(self) -> Iterator[None]:
        """The bucket's policy as it were if the role did not stand below ``service/``."""
        s3 = self.owner
        before = s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        document = json.loads(before)
        for statement in document["Statement"]:
            if statement.get("Sid") == PERIMETER_STATEMENT:
                arns = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
                kept = [arn for arn in arns if "/demo/service/" not in arn]
                assert len(kept) == len(arns) - 1
                statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"] = kept
        s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(document))
        try:
            yield
        finally:
            s3.put_bucket_policy(Bucket=self.bucket, Policy=before)


@pytest.fixture(scope="module")
def registry(demo_deployment: Platform) -> Registry:
    return Registry(demo_deployment)


def test_the_registry_registers_what_it_may_read(registry: Registry) -> None:
    assert registry.read() == b"archive"
    assert registry.register() == ""
    refused = registry.register("capture/of/somebody.tar.gz")
    assert "Could not access model data" in refused
    assert "s3:GetObject" in refused


def test_a_caller_inside_our_network_is_outside_of_it_for_the_archive(registry: Registry) -> None:
    with registry.perimeter_without_services():
        assert registry.read() == b"archive"
        assert "Could not access model data" in registry.register()
