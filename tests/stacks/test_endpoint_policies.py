"""A VPC endpoint passes what its users' roles allow: no call more, and none less.

Less would refuse on AWS what the role's own policy promises, and nothing local would show it; more
would be a way for whoever steals a session. Both are read from the templates.
"""

from __future__ import annotations

import pytest

from config.load import load_deployment
from core.workload import Service
from review.assembly import Assembly
from review.grants import Condition, Grant
from review.iam import grants
from review.network import service_name
from review.reachability import prefix_lists, reachability
from review.resolve import plain
from stacks.kit.workload import GROUPS
from stacks.network.endpoint_table import AWS_BUCKETS
from tests.synth import ENVIRONMENTS, assembly

# IAM's prefix where the endpoint's name is another.
PREFIXES = {"monitoring": "cloudwatch", "sagemaker.api": "sagemaker"}
RUNTIME = "sagemaker.runtime"
INVOKE = "sagemaker:Invoke"


def _service(action: str) -> str:
    """The endpoint that an action is called through."""
    if action.startswith(INVOKE):
        return RUNTIME
    prefix = action.partition(":")[0]
    return next((name for name, other in PREFIXES.items() if other == prefix), prefix)


def _named(service: Service) -> str:
    """The endpoint of a service, as its name in AWS ends."""
    return {
        Service.CLOUDWATCH: "monitoring",
        Service.SAGEMAKER_API: "sagemaker.api",
        Service.SAGEMAKER_RUNTIME: RUNTIME,
    }.get(service, service.lower())


def _by_itself(grant: Grant) -> bool:
    """Not one that a service uses with the role's session, as S3 does with the zone's key."""
    return not any(condition.key.lower() == "kms:viaservice" for condition in grant.conditions)


def granted(environment: str, found: Assembly) -> dict[tuple[str, str], set[str]]:
    """Group and endpoint that it reaches → actions that the roles of its workloads are allowed."""
    network = reachability(found, prefix_lists(load_deployment(environment).settings))
    allowed = [g for g in grants(found) if g.kind == "identity" and g.effect == "Allow"]
    actions: dict[tuple[str, str], set[str]] = {}
    for group, service in network.ports:
        holders = {workload.role for workload in network.groups[group]}
        mine = [g for g in allowed if g.holder in holders and _by_itself(g)]
        given = {action for grant in mine for action in grant.actions}
        if service not in network.groups:
            actions[group, service] = {action for action in given if _service(action) == service}
    return actions


def granted_to_users(environment: str, found: Assembly) -> dict[str, set[str]]:
    """Endpoint → actions that the roles of the workloads which reach it are allowed."""
    actions: dict[str, set[str]] = {}
    for (_, service), given in granted(environment, found).items():
        actions.setdefault(service, set()).update(given)
    return actions


def passed(found: Assembly) -> dict[str, list[Grant]]:
    """Endpoint → the statements of its policy."""
    names = {
        endpoint.name: service_name(
            str(plain(found, endpoint.stack, endpoint.properties["ServiceName"]))
        )
        for endpoint in found.resources("AWS::EC2::VPCEndpoint")
    }
    statements: dict[str, list[Grant]] = {service: [] for service in names.values()}
    for grant in grants(found):
        if grant.kind == "endpoint":
            statements[names[grant.holder]].append(grant)
    return statements


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_workload_calls_what_its_roles_are_allowed(environment: str) -> None:
    declared = {
        (f"network/{workload.capitalize()}Group", _named(calls.service)): set(calls.actions)
        for workload, group in GROUPS.items()
        for calls in group.calls
    }
    assert declared == granted(environment, Assembly.read(assembly(environment)))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_endpoint_passes_what_its_users_are_granted(environment: str) -> None:
    found = Assembly.read(assembly(environment))
    ours = {
        service: {action for g in statements if g.conditions for action in g.actions}
        for service, statements in passed(found).items()
    }
    assert ours == granted_to_users(environment, found)
    assert all(ours.values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_endpoint_passes_this_deployment_s_roles_and_this_account_s_resources(
    environment: str,
) -> None:
    expected = {
        Condition(
            "ArnLike",
            "aws:PrincipalArn",
            (f"arn:aws:iam::<account>:role/millrace/flights/{environment}/*",),
        ),
        Condition("StringEquals", "aws:PrincipalAccount", ("<account>",)),
        Condition("StringEqualsIfExists", "aws:ResourceAccount", ("<account>",)),
    }
    for service, statements in passed(Assembly.read(assembly(environment))).items():
        first, *others = sorted(statements, key=lambda grant: not grant.conditions)
        assert set(first.conditions) == expected, service
        assert service == "s3" or not others, service


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_buckets_of_aws_are_those_of_the_table_each_for_one_call(environment: str) -> None:
    statements = passed(Assembly.read(assembly(environment)))["s3"]
    found = {
        (action, resource)
        for grant in statements
        if not grant.conditions
        for action in grant.actions
        for resource in grant.resources
    }
    region = load_deployment(environment).settings.region
    places = {"region": region, "compact_region": region.replace("-", "")}
    assert found == {
        (bucket.action, f"arn:aws:s3:::{bucket.pattern.format(**places)}") for bucket in AWS_BUCKETS
    }
    assert all(bucket.reason and bucket.evidence.startswith("https://") for bucket in AWS_BUCKETS)
