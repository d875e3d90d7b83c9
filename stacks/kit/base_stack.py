"""What every stack of a deployment shares: place, tags, protection and the names of its scope."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from aws_cdk import DefaultStackSynthesizer, Environment, Stack, Tags
from constructs import Construct, IConstruct

from config.load import Deployment
from config.settings import Settings, SharedSettings
from core import names

if TYPE_CHECKING:
    from stacks.kit.platform_function import PlatformFunction


def scope_of(deployment: Deployment) -> names.Scope:
    """The naming scope of a deployment, as one of its models sees it."""
    return deployment.settings.scope


# A version in the model registry takes no tags, those of its group are its own:
# https://github.com/aws/aws-cdk/issues/33699. A stack carries none itself either (the context key
# `explicitStackTags`), for CloudFormation would hand them on to the version.
NEVER_TAGGED = ("AWS::SageMaker::ModelPackage",)


# CloudFormation makes a resource's name of the stack's, the logical id and a random part, and keeps
# at least this much of the stack's when all of it is longer than the 63 characters S3 takes.
KEPT_OF_STACK_NAME = 24


class BaseStack(Stack):
    """A stack of one deployment.

    ``settings``, ``contract`` (the compiled document) and ``names`` are there for subclasses, so
    that no stack reads an environment variable, a context value or a file.
    """

    OF_MODEL: ClassVar[bool] = False
    """What such a stack holds all models share, unless it is a :class:`ModelStack`."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        description: str,
        stateful: bool = False,
        bootstrap_rule: bool = True,
    ) -> None:
        """Create the stack ``Millrace-<instance>-<environment>-<name>``.

        Args:
            scope: the app.
            name: short name; also the construct id, hence part of every logical id's path.
            deployment: validated settings and compiled contract.
            description: one sentence shown in the CloudFormation console.
            stateful: protects the stack from deletion unless the settings allow losing data.
            bootstrap_rule: puts CDK's rule on the bootstrap version into the template. Its
                parameter is read from SSM by whoever updates the stack; the CLI checks the
                version by itself.
        """
        settings = deployment.settings
        self.settings: SharedSettings = settings
        self.contract: dict[str, Any] = deployment.contract
        self.platform_functions: dict[str, PlatformFunction] = {}
        """Each function of the stack by the name that its alarms have; a function adds itself."""
        own = scope_of(deployment)
        self.names = own if self.OF_MODEL else own.shared
        name = own.model_stack(name) if self.OF_MODEL else name
        super().__init__(
            scope,
            name,
            stack_name=self.names.stack(name),
            env=Environment(account=settings.account, region=settings.region),
            description=description,
            termination_protection=stateful and not settings.retention.allow_data_deletion,
            # Only where needed: Python sees a given synthesizer as not bound to its stack, so such
            # a stack can add no file asset.
            synthesizer=None
            if bootstrap_rule
            else DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        tags = Tags.of(self)
        for key, value in (
            ("owner", settings.owner.team),
            ("cost-center", settings.owner.cost_center),
            ("instance", settings.instance),
            ("environment", settings.environment),
        ):
            tags.add(key, value, exclude_resource_types=list(NEVER_TAGGED))

    @property
    def availability_zones(self) -> list[str]:
        """The settings' zones. CDK's own getter looks them up in the account: synth never does."""
        return list(self.settings.network.availability_zones)

    # Each read of an attribute is a call of Node, so these are read once. As properties they would
    # be overrides, which Node would call back for; a cached property is none.
    @cached_property
    def account(self) -> str:
        """The settings' account, or a reference to the one that is deployed to."""
        return super().account

    @cached_property
    def region(self) -> str:
        """The settings' Region."""
        return super().region

    @cached_property
    def partition(self) -> str:
        """The Region's partition."""
        return super().partition

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource of this account and Region, without a call as ``format_arn`` is."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def roles_arn(self) -> str:
        """Pattern of every role of this deployment, for ``aws:PrincipalArn`` conditions.

        The IAM path is what earlier stacks may match: naming a later stack's role is a cycle.
        """
        return f"arn:{self.partition}:iam::{self.account}:role{self.names.role_path}*"


class ModelStack(BaseStack):
    """A stack that each model has: its name follows the stack's, and what it names is the model's.

    It alone reads a model's own settings.
    """

    OF_MODEL = True
    settings: Settings


def generated(stack: BaseStack) -> str:
    """How every name begins that CloudFormation makes for a resource of this deployment."""
    return f"{stack.names.stack_prefix}-"[:KEPT_OF_STACK_NAME]


@cache
def stack_of(construct: IConstruct) -> BaseStack:
    """The stack of a construct, which must be one of ours.

    Raises:
        TypeError: the construct stands in another kind of stack.
    """
    stack = Stack.of(construct)
    if not isinstance(stack, BaseStack):
        raise TypeError(f"{stack.node.path} is not a BaseStack: it has no settings and no names")
    return stack
