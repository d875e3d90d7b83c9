"""The comment of a pull request: from two checkouts to Markdown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.load import REPOSITORY
from review import comment, touched
from review.assembly import acknowledged
from tests.support.planted_deployment import TEMPLATES, Deployment

ENDPOINT = {
    "Type": "AWS::SageMaker::EndpointConfig",
    "Properties": {
        "ProductionVariants": [
            {"VariantName": "champion", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        ]
    },
}
Change = Callable[[dict[str, dict[str, Any]]], object]
Checkout = Callable[..., Path]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with the repository's settings, and planted templates for each of them."""

    def make(name: str, change: Change = lambda _: None, only: str = "") -> Path:
        root = tmp_path / name
        shutil.copytree(REPOSITORY / "config", root / "config")
        for environment in ("demo", "dev", "prod"):
            templates = json.loads(json.dumps(TEMPLATES))
            templates["lake"]["Resources"]["Config"] = json.loads(json.dumps(ENDPOINT))
            if only in ("", environment):
                change(templates)
            _write(root / comment.TEMPLATES / environment, templates)
        return root

    return make


def _write(folder: Path, templates: dict[str, dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    artifacts = {}
    for stack, template in templates.items():
        (folder / f"{stack}.template.json").write_text(json.dumps(template))
        artifacts[stack] = {
            "type": "aws:cloudformation:stack",
            "properties": {
                "templateFile": f"{stack}.template.json",
                "stackName": f"Example-{stack}",
            },
            "metadata": template.pop("Acknowledged", {}),
        }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))


def _said(base: Path, head: Path) -> str:
    return comment.comment(comment.read(base, head))


def test_nothing_changed_is_a_table_of_nothing(checkout: Checkout) -> None:
    said = _said(checkout("base"), checkout("head"))
    assert said.startswith(f"{comment.MARKER}\n")
    assert "| prod | none | none | 84.95 |" in said
    assert "###" not in said
    assert "<details>" not in said


def _widen(templates: dict[str, dict[str, Any]]) -> None:
    policy = templates["lake"]["Resources"]["Policy"]["Properties"]["PolicyDocument"]
    policy["Statement"][0]["Action"] = ["s3:GetObject", "s3:DeleteObject"]


def test_a_change_that_all_settings_share_stands_once(checkout: Checkout) -> None:
    said = _said(checkout("base"), checkout("head", _widen))
    assert said.count("allows s3:DeleteObject") == 1
    assert "### Widened privilege: 1" in said
    assert "| dev | **1 widened privilege** | 1 | 84.95 |" in said
    assert "make review ENV=… ACCEPT=yes" in said
    assert "(AWS::IAM::ManagedPolicy): `PolicyDocument`\n" in said


def test_a_change_of_one_settings_file_says_which(checkout: Checkout) -> None:
    said = _said(checkout("base"), checkout("head", _widen, only="prod"))
    assert "| dev | none | none | 84.95 |" in said
    assert "(AWS::IAM::ManagedPolicy): `PolicyDocument` (prod)\n" in said


def test_cost_is_told_by_what_counts_it(checkout: Checkout) -> None:
    def grow(templates: dict[str, dict[str, Any]]) -> None:
        (variant,) = templates["lake"]["Resources"]["Config"]["Properties"]["ProductionVariants"]
        variant["InitialInstanceCount"] = 3

    said = _said(checkout("base"), checkout("head", grow))
    assert "| 84.95 → 252.85 (+167.90) |" in said
    assert "- endpoint instance ml.m5.large: 1 → 3, +167.90 USD a month\n" in said


def test_what_has_no_class_is_listed_with_its_values(checkout: Checkout) -> None:
    def rename(templates: dict[str, dict[str, Any]]) -> None:
        templates["lake"]["Resources"]["Function"]["Properties"]["MemorySize"] = 512
        templates["keys"]["Resources"]["Topic"] = {"Type": "AWS::SNS::TopicPolicy"}

    said = _said(checkout("base"), checkout("head", rename))
    assert "- `lake/Function` (AWS::Lambda::Function): `MemorySize unset → 512`" in said
    assert "- `keys/Topic` (AWS::SNS::TopicPolicy): `new`" in said


def test_contents_of_archives_are_no_difference() -> None:
    before, now = Deployment(), Deployment()
    for side, digit in ((before, "a"), (now, "b")):
        side.properties("Function")["Code"] = {"S3Key": f"{digit * 64}.zip"}
        side.resource("Function")["Metadata"] = {"aws:asset:path": digit}
    assert touched.resources(before.assembly, now.assembly) == []


def test_new_acknowledgements_come_from_the_assembly(checkout: Checkout, tmp_path: Path) -> None:
    def acknowledge(templates: dict[str, dict[str, Any]]) -> None:
        entry = {
            "type": "aws:cdk:acknowledged-rules",
            "data": {"Annotation::AwsSolutions-S1": "why", "CloudFormation-Validate::W1": "why"},
        }
        templates["lake"]["Acknowledged"] = {"/lake/Bucket": [entry]}

    base, head = checkout("base"), checkout("head", acknowledge)
    assert acknowledged(head / comment.TEMPLATES / "dev") == {
        ("AwsSolutions-S1", "lake/Bucket"),
        ("CloudFormation-Validate::W1", "lake/Bucket"),
    }
    assert "- `lake/Bucket`: `AwsSolutions-S1`" in _said(base, head)


def test_settings_of_another_form_leave_out_fields_and_say_so(checkout: Checkout) -> None:
    base, head = checkout("base"), checkout("head", _widen)
    path = base / "config" / "dev.yaml"
    path.write_text(f"{path.read_text()}\nformer_setting: 1\n")
    said = _said(base, head)
    assert "dev: Fields of records are not compared" in said
    assert "| dev | **1 widened privilege** |" in said


def test_a_settings_file_may_come_and_go(checkout: Checkout) -> None:
    base, head = checkout("base"), checkout("head")
    (base / "config" / "demo.yaml").unlink()
    (head / "config" / "dev.yaml").unlink()
    said = _said(base, head)
    assert "| demo | new settings file | none | 84.95 |" in said
    assert "| dev | settings file is gone | none | 84.95 |" in said


def test_a_long_comment_is_cut_between_paragraphs(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = comment.read(checkout("base"), checkout("head", _widen))
    whole = comment.comment(compared)
    monkeypatch.setattr(comment, "LIMIT", len(whole) - 2)
    cut = comment.comment(compared)
    assert "### Widened privilege: 1" in cut
    assert "<details>" not in cut
    assert cut.endswith("has the rest.\n")


def test_names_cannot_leave_their_code_span(checkout: Checkout) -> None:
    def plant(templates: dict[str, dict[str, Any]]) -> None:
        templates["lake"]["Resources"]["Function"]["Properties"]["Handler"] = "`@all <b>"

    said = _said(checkout("base"), checkout("head", plant))
    assert "`Handler unset → '@all <b>`" in said
