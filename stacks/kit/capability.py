"""What an optional capability may add to stacks that do not know it.

A deployment has a capability or not; ``stacks/registry.py`` lists those there are. The stacks tell
each one what they make, at the moments below, and a capability answers for what concerns it.
Nothing outside a capability's folder imports it, so it leaves with its folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from stacks.kit.foundation import Keys


class Capability:
    """Does nothing at any moment; a capability overrides those that it has something to do at."""

    def key_services(self, domain: str) -> tuple[str, ...]:
        """Services through which the capability uses the key of a domain, by the keys' names."""
        return ()

    def keys_made(self, stack: Stack, keys: Keys, boundary: iam.IManagedPolicy) -> None:
        """The first stack has its keys and no bucket yet: the place for roles that others name."""

    def bucket_made(self, bucket: s3.Bucket, zone: str) -> bool:
        """A bucket was made; whether its objects are copied to another Region."""
        return False

    def table_made(self, table: dynamodb.Table) -> bool:
        """A table was made; whether it is in a backup plan."""
        return False

    def alarms(
        self, scope: Construct, *, topic: sns.ITopic, period: Duration
    ) -> Iterable[cloudwatch.Alarm]:
        """Alarms on what was told since this was last asked, made below ``scope``."""
        return ()


_INSTALLED: WeakKeyDictionary[IConstruct, tuple[Capability, ...]] = WeakKeyDictionary()


def install(app: Construct, capabilities: Iterable[Capability]) -> None:
    """Give the app the capabilities of its deployment, before its first stack."""
    _INSTALLED[app.node.root] = tuple(capabilities)


def capabilities_of(construct: IConstruct) -> tuple[Capability, ...]:
    """Capabilities of the construct's app."""
    return _INSTALLED.get(construct.node.root, ())
