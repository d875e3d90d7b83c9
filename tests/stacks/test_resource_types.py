"""One row for each type that a template has, well-formed, and no row for what nobody deploys."""

from __future__ import annotations

from pathlib import Path

import pytest

import stacks
from config import resource_types
from config.resource_types import TABLE, FactError
from operations.leftovers import probes
from stacks import registry
from tests.synth import ENVIRONMENTS, resources

METADATA = "AWS::CDK::Metadata"


def _deployed() -> set[str]:
    return {
        resource["Type"]
        for environment in ENVIRONMENTS
        for _, _, resource in resources(environment)
    } - {METADATA}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_deployed_type_has_a_row(environment: str) -> None:
    found = {resource["Type"] for _, _, resource in resources(environment)} - {METADATA}
    assert found
    assert not found - set(resource_types.table())


def test_no_template_has_a_way_out_of_the_network() -> None:
    ways = {name for name, row in resource_types.table().items() if row.way_out}
    assert ways
    assert not ways & _deployed()


def test_a_row_is_of_what_is_deployed_or_must_not_be() -> None:
    """A row that says what the local platform does is of a type that a template or a test deploys:
    tests/local/emulator/test_every_executed_type_is_proven.py."""
    without = {name: row for name, row in resource_types.table().items() if row.local is None}
    assert not {name for name, row in without.items() if not row.way_out} - _deployed()


def test_what_prod_keeps_is_looked_for_after_a_deletion() -> None:
    kept = {
        resource["Type"] for _, _, resource in resources("prod") if "DeletionPolicy" in resource
    }
    holding = {name for name in kept if resource_types.of(name).holds == "data"}
    assert holding
    assert holding <= set(probes())


def _written(folder: Path, text: str, name: str = "facts.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AWS::S3::Bucket: {colour: red}", "AWS::S3::Bucket: colour: Extra inputs"),
        ("AWS::S3::Bucket: {holds: nothing}", "holds: Input should be 'data' or 'others'"),
        ("AWS::S3::Bucket: {local: {class: faked, why: so}}", "local.class: Input should be"),
        ("AWS::S3::Bucket: {local: {class: executed, why: ''}}", "local.why: String should have"),
        ("AWS::S3::Bucket: {names: {BucketName: 0}}", "names.BucketName: Input should be greater"),
        ("AWS::S3::Bucket: {}\nAWS::S3::Bucket: {}", "line 2"),
        ("AWS::S3::Bucket: [", "line"),
    ],
)
def test_a_row_that_is_wrong_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FactError) as refused:
        resource_types.read([_written(tmp_path, text)])
    assert told in str(refused.value)


def test_a_capability_adds_facts_and_restates_none(tmp_path: Path) -> None:
    more = _written(tmp_path, "AWS::KMS::Key: {integrations: {names: {KeySpec: a key}}}", "a.yaml")
    found = resource_types.read([TABLE, more])["AWS::KMS::Key"]
    assert found.integrations.names == {"KeySpec": "a key"}
    assert found.holds == "data"
    again = _written(tmp_path, "AWS::KMS::Key: {holds: data}", "b.yaml")
    with pytest.raises(FactError, match=r"b\.yaml: AWS::KMS::Key\.holds is stated twice"):
        resource_types.read([TABLE, again])


def test_a_capability_brings_its_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "brought"
    folder.mkdir()
    (folder / "__init__.py").touch()
    path = _written(folder, "AWS::Toy::Toy: {holds: data}")
    monkeypatch.setattr(stacks, "__path__", [*stacks.__path__, str(tmp_path)])
    assert path not in registry.files("facts.yaml")
    monkeypatch.setattr(registry, "OPTIONAL", (*registry.OPTIONAL, "brought"))
    assert path in registry.files("facts.yaml")
