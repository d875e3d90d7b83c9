"""``docs/review/reachability.yaml`` is what the templates say, and it holds what the code needs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from config.load import REPOSITORY, load_deployment
from review.assembly import Assembly
from review.reachability import INTERNET, Reachability, prefix_lists, reachability
from stacks.kit.workload import GROUPS
from tests.support.clients import clients, services
from tests.support.yaml_files import parsed
from tests.synth import ENVIRONMENTS, assembly, resources, stack_id

TABLE: dict[str, dict[str, Any]] = parsed(
    (REPOSITORY / "docs" / "review" / "reachability.yaml").read_text()
)
DECLARED = {
    (group, target): row["ports"]
    for group, entry in TABLE.items()
    for target, row in entry["reaches"].items()
}


def _assembly(environment: str) -> Assembly:
    return Assembly.read(assembly(environment))


def _derived(environment: str, found: Assembly | None = None) -> Reachability:
    lists = prefix_lists(load_deployment(environment).settings)
    return reachability(found or _assembly(environment), lists)


def differences(found: Reachability) -> list[str]:
    """Each connection that is open and not declared, declared and not open, or half a rule."""
    undeclared = [f"{pair}: {ports}" for pair, ports in found.ports.items() if pair not in DECLARED]
    missing = [f"{pair}: closed" for pair in DECLARED if pair not in found.ports]
    other = [
        f"{pair}: {found.ports[pair]}, not {ports}"
        for pair, ports in DECLARED.items()
        if found.ports.get(pair, ports) != ports
    ]
    return [*undeclared, *missing, *other, *map(str, found.loose)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_templates_open_what_the_table_declares_and_nothing_else(environment: str) -> None:
    found = _derived(environment)
    assert differences(found) == []
    assert {group: {w.name for w in held} for group, held in found.groups.items()} == {
        group: set(entry["holds"]) for group, entry in TABLE.items()
    }
    assert found.outside == []


def test_every_row_gives_its_reason_and_every_group_is_a_workload_s() -> None:
    rows = [row for entry in TABLE.values() for row in entry["reaches"].values()]
    assert all(len(row["why"].split()) >= 3 and row["by"] in {"code", "platform"} for row in rows)
    assert set(TABLE) == {f"network/{workload.capitalize()}Group" for workload in GROUPS}


@pytest.mark.parametrize("group", TABLE)
def test_a_workload_reaches_every_service_that_its_code_calls(group: str) -> None:
    entry = TABLE[group]
    called = set().union(*(services(path) for path in entry["code"]))
    assert called == {target for target, row in entry["reaches"].items() if row["by"] == "code"}


def test_the_code_of_functions_is_what_the_templates_run() -> None:
    for stack, _, function in resources("prod", "AWS::Lambda::Function"):
        module = function["Properties"]["Handler"].rpartition(".")[0]
        path = module.replace(".", "/") + ".py"
        (group,) = (g for g, entry in TABLE.items() if path in entry["code"])
        assert any(name.startswith(f"{stack_id(stack)}/") for name in TABLE[group]["holds"])


def test_a_client_is_found_however_it_is_made_and_must_name_its_service() -> None:
    source = "import boto3\nboto3.session.Session().client('sns')\nboto3.resource('sqs')\n"
    assert list(clients(source)) == ["sns", "sqs"]
    with pytest.raises(AssertionError, match="literal"):
        list(clients("import boto3\nboto3.client(name)\n"))


def _network(found: Assembly, kind: str, name: str) -> tuple[str, dict[str, Any]]:
    (one,) = (r for r in found.resources(kind) if r.name == f"network/{name}")
    return one.logical_id, one.properties


def _rule(low: int = 443, **peer: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": low, "ToPort": low, **peer}


def _group(found: Assembly, name: str) -> tuple[dict[str, str], dict[str, Any]]:
    logical_id, properties = _network(found, "AWS::EC2::SecurityGroup", name)
    return {"Fn::GetAtt": [logical_id, "GroupId"]}, properties  # type: ignore[dict-item]


def _let_in_by_address(found: Assembly) -> None:
    _, group = _group(found, "KmsEndpointGroup")
    group["SecurityGroupIngress"].append(_rule(CidrIp="10.20.0.0/16"))


def _let_in_a_group(found: Assembly) -> None:
    gate, _ = _group(found, "GateGroup")
    _, group = _group(found, "SsmEndpointGroup")
    group["SecurityGroupIngress"].append(_rule(SourceSecurityGroupId=gate))


def _out_to_the_world(found: Assembly) -> None:
    _, group = _group(found, "TransformGroup")
    group["SecurityGroupEgress"].append(_rule(CidrIp="0.0.0.0/0"))


def _out_on_another_port(found: Assembly) -> None:
    _, group = _group(found, "GateGroup")
    group["SecurityGroupEgress"].append(_rule(low=22, CidrIp="0.0.0.0/0"))


def _out_to_a_range(found: Assembly) -> None:
    _, group = _group(found, "GateGroup")
    group["SecurityGroupEgress"].append(_rule(CidrIp="192.168.0.0/16"))


def _no_rule_at_all(found: Assembly) -> None:
    _, group = _group(found, "TransformGroup")
    del group["SecurityGroupEgress"]


def _among_peers(found: Assembly) -> None:
    features, other = _group(found, "FeaturesGroup")
    curate, group = _group(found, "CurateGroup")
    group.setdefault("SecurityGroupIngress", []).append(_rule(SourceSecurityGroupId=features))
    other["SecurityGroupEgress"].append(_rule(DestinationSecurityGroupId=curate))


def _another_list(found: Assembly) -> None:
    _, group = _group(found, "GateGroup")
    group["SecurityGroupEgress"].append(_rule(DestinationPrefixListId="pl-6fa54006"))


def _another_group_on_an_endpoint(found: Assembly) -> None:
    kms, _ = _group(found, "KmsEndpointGroup")
    (one,) = (r for r in found.resources("AWS::EC2::VPCEndpoint") if r.name == "network/Vpc/Ssm")
    one.properties["SecurityGroupIds"].append(kms)


def _closed(found: Assembly) -> None:
    _, group = _group(found, "LogsEndpointGroup")
    del group["SecurityGroupIngress"][0]


PLANTED: tuple[Callable[[Assembly], None], ...] = (
    _let_in_by_address,
    _let_in_a_group,
    _out_to_the_world,
    _out_on_another_port,
    _out_to_a_range,
    _no_rule_at_all,
    _among_peers,
    _another_list,
    _another_group_on_an_endpoint,
    _closed,
)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_rule_differs_from_the_table(plant: Callable[[Assembly], None]) -> None:
    read = _assembly("prod")
    found = Assembly(copy.deepcopy(read.templates), read.stack_names, read.names)
    assert differences(_derived("prod", found)) == []
    plant(found)
    assert differences(_derived("prod", found))


def test_a_way_out_opens_the_internet_to_whoever_may_leave() -> None:
    read = _assembly("prod")
    found = Assembly(copy.deepcopy(read.templates), read.stack_names, read.names)
    nat = {"Type": "AWS::EC2::NatGateway", "Properties": {}}
    found.templates["network"]["Resources"]["Nat"] = nat
    _out_to_the_world(found)
    ports = _derived("prod", found).ports
    assert ports["network/TransformGroup", INTERNET] == "tcp 443"
    assert ("network/GateGroup", INTERNET) not in ports
