"""Model package group, seed package and the pointers that say which package serves.

CloudFormation owns the group and the seed. It creates the pointers once and never writes their
values again: what serves is decided by the registry and by roll-outs, not by a deploy.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnTag, CustomResource, RemovalPolicy
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from core import names
from lambdas.pointers.environment import PointersEnvironment
from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy, Reason
from stacks.kit.foundation import Foundation
from stacks.kit.platform_function import PlatformFunction, PlatformFunctionProps
from stacks.kit.tar_asset import SUFFIX, TarAsset
from stacks.training.seed_model import seed_model

CONTENT_TYPE = "application/json"
POINTERS_RESOURCE_TYPE = "Custom::ModelPointers"
VERSIONS = Reason(
    constraint="A version's ARN ends in a number that SageMaker gives when the package is created, "
    "so a policy can name the group's versions by pattern only.",
    evidence="https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "list_amazonsagemaker.html",
    control="The pattern holds one model package group; approval and deletion of versions are not "
    "granted.",
)
SEEDS = Reason(
    constraint="Assets are named by digest, and the champion may be the seed of an earlier deploy, "
    "whose digest this template no longer knows.",
    evidence="docs/adr/0032-seed-model-in-the-asset-bucket.md",
    control="The bucket holds published code and seed models, no records; the role reads archives "
    "of that one suffix and writes none.",
)


@dataclass(frozen=True, slots=True)
class ModelRegistryProps:
    """What the registry needs."""

    foundation: Foundation
    image_uri: str


class ModelRegistry(Construct):
    """``group``, ``seed`` (package) and ``pointers`` (custom resource)."""

    def __init__(self, scope: Construct, construct_id: str, *, props: ModelRegistryProps) -> None:
        super().__init__(scope, construct_id)
        stack = stack_of(self)
        self._stack = stack
        self._props = props
        self.group_name = stack.names.model_prefix
        self.group = self._define_group()
        self.seed_asset = TarAsset(self, "SeedModel", path=seed_model(stack.contract))
        self.seed = self._define_seed()
        self.package_readers = self._define_package_readers()
        self.seed_readers = self._define_seed_readers()
        self.pointers_function = self._define_pointers_function()
        self.pointers = self._define_pointers()

    @property
    def group_arn(self) -> str:
        """ARN of the package group."""
        return self._stack.arn("sagemaker", f"model-package-group/{self.group_name}")

    @property
    def packages_arn(self) -> str:
        """Pattern of every version in the group."""
        return self._stack.arn("sagemaker", f"model-package/{self.group_name}/*")

    @property
    def pointer_arns(self) -> list[str]:
        """ARNs of the SSM parameters, champion first."""
        return [
            self._stack.arn("ssm", f"parameter{self._stack.names.pointer(variant)}")
            for variant in names.VARIANTS
        ]

    def _define_group(self) -> sagemaker.CfnModelPackageGroup:
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            # The resource type requires a name; the registry function registers into it.
            model_package_group_name=self.group_name,
            model_package_group_description=f"{self._stack.contract['name']}: models that passed",
            tags=[CfnTag(key="contract", value=str(self._stack.contract["name"]))],
        )
        # A group that holds packages cannot be deleted: `make destroy` empties it first.
        group.apply_removal_policy(RemovalPolicy.RETAIN)
        return group

    def _define_seed(self) -> sagemaker.CfnModelPackage:
        seed = sagemaker.CfnModelPackage(
            self,
            "SeedPackage",
            model_package_group_name=self.group_name,
            model_package_description="Constant prior of the contract, until a model is trained",
            model_approval_status="Approved",
            inference_specification=self._inference_specification(),
        )
        seed.add_resource_dependency(self.group)
        # Nearly every property is create-only, so a change replaces the package; the old one may
        # still be the champion.
        seed.apply_removal_policy(RemovalPolicy.RETAIN, apply_to_update_replace_policy=True)
        return seed

    def _inference_specification(
        self,
    ) -> sagemaker.CfnModelPackage.InferenceSpecificationProperty:
        package = sagemaker.CfnModelPackage
        return package.InferenceSpecificationProperty(
            containers=[
                package.ModelPackageContainerDefinitionProperty(
                    image=self._props.image_uri,
                    model_data_url=self.seed_asset.s3_object_url,
                    environment=dict(names.MODEL_ENVIRONMENT),
                )
            ],
            supported_content_types=[CONTENT_TYPE],
            supported_response_mime_types=[CONTENT_TYPE],
        )

    def _define_package_readers(self) -> CustomerPolicy:
        policy = CustomerPolicy(self, "ReadPackages", description="Describes packages of the group")
        policy.allow(["sagemaker:DescribeModelPackage"], [self.packages_arn], reason=VERSIONS)
        return policy

    def _define_seed_readers(self) -> CustomerPolicy:
        """Every published model archive, not only this template's seed.

        A change of the serving code makes a new seed, while an earlier one may still be champion:
        its endpoint has to start instances and its evaluation has to load it.
        """
        policy = CustomerPolicy(self, "ReadSeeds", description="Reads published seed models")
        bucket = self.seed_asset.bucket
        policy.allow(["s3:ListBucket"], [bucket.bucket_arn])
        policy.allow(["s3:GetObject"], [bucket.arn_for_objects(f"*{SUFFIX}")], reason=SEEDS)
        return policy

    def _define_pointers_function(self) -> PlatformFunction:
        function = PlatformFunction(
            self,
            "PointersFunction",
            props=PlatformFunctionProps(
                environment=PointersEnvironment(
                    champion_parameter=self._stack.names.pointer(names.CHAMPION),
                    challenger_parameter=self._stack.names.pointer(names.CHALLENGER),
                ),
                description="Creates the model pointers if absent; never overwrites them",
                foundation=self._props.foundation,
                timeout_seconds=60,
            ),
        )
        function.role.allow(["ssm:DeleteParameters", "ssm:PutParameter"], self.pointer_arns)
        return function

    def _define_pointers(self) -> CustomResource:
        pointers = CustomResource(
            self,
            "Pointers",
            resource_type=POINTERS_RESOURCE_TYPE,
            service_token=self.pointers_function.function.function_arn,
            properties={names.POINTERS_PACKAGE_PROPERTY: self.seed.ref},
        )
        pointers.node.add_dependency(self.pointers_function)
        return pointers
