"""Bills of materials: all that is deployed, exactly as deployed, the same bytes each time."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from operations import sbom
from operations.assembly import templates
from operations.sbom_uploads import Uploads, read_uploads
from tests import synth
from tests.support.yaml_files import parsed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def assembly() -> Path:
    return synth.assembly("prod")


@pytest.fixture(scope="module")
def uploads(assembly: Path) -> Uploads:
    return read_uploads(assembly)


@pytest.fixture(scope="module")
def bills(assembly: Path) -> dict[str, dict[str, Any]]:
    return {name: json.loads(text) for name, text in sbom.documents(assembly).items()}


def test_bills_of_materials_keep_the_schema(assembly: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    documents = sbom.documents(assembly)
    assert len(documents) == 2
    for text in documents.values():
        assert validator.validate_str(text) is None
        assert validator.validate_str(text.replace('"purl"', '"pearl"', 1)) is not None


def test_the_same_assembly_gives_the_same_bytes(assembly: Path) -> None:
    here = sbom.documents(assembly)
    code = "import sys, json; from pathlib import Path; from operations import sbom; "
    code += "print(json.dumps(sbom.documents(Path(sys.argv[1]))))"
    other = subprocess.run(
        [sys.executable, "-c", code, assembly], cwd=ROOT, capture_output=True, check=True
    )
    assert json.loads(other.stdout) == here
    serials = {json.loads(text)["serialNumber"] for text in here.values()}
    assert len(serials) == 2


def test_every_upload_is_in_exactly_one_bill(
    assembly: Path, bills: dict[str, dict[str, Any]]
) -> None:
    """Counted from the manifests by another way than the code's."""
    uploaded = sorted(
        {
            destination["objectKey"]
            for manifest in assembly.glob("*.assets.json")
            for file in json.loads(manifest.read_text())["files"].values()
            if not file["source"]["path"].endswith(".template.json")
            for destination in file["destinations"].values()
        }
    )
    listed = [
        component["bom-ref"].removeprefix("upload:")
        for bill in bills.values()
        for component in bill["components"]
        if component["bom-ref"].startswith("upload:")
    ]
    assert sorted(listed) == uploaded


def test_every_function_is_a_component(assembly: Path, bills: dict[str, dict[str, Any]]) -> None:
    handlers = {
        resource["Properties"]["Handler"].removesuffix(".handler.handler")
        for template in templates(assembly).values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    assert handlers <= {item["name"] for item in bills["lambda.cdx.json"]["components"]}


def test_components_have_purl_version_hash_and_licence(bills: dict[str, dict[str, Any]]) -> None:
    """What AWS provides has neither digest nor, mostly, versions: then it says who provides it."""
    for bill in bills.values():
        for component in bill["components"]:
            properties = {item["name"]: item["value"] for item in component.get("properties", [])}
            assert component["purl"].startswith("pkg:")
            if properties.get("millrace:provided-by") == "AWS":
                continue
            assert component["version"]
            assert component["licenses"]
            assert [item["alg"] for item in component["hashes"]] == ["SHA-256"]


def test_hashes_are_those_of_the_deployed_bytes_and_of_the_lock(
    uploads: Uploads, bills: dict[str, dict[str, Any]]
) -> None:
    listed = {item["bom-ref"]: item for bill in bills.values() for item in bill["components"]}
    for upload in (*uploads.functions, *uploads.layers, *uploads.jobs):
        digest = hashlib.sha256(upload.path.read_bytes()).hexdigest()
        assert listed[f"upload:{upload.key}"]["hashes"][0]["content"] == digest
    lock = (ROOT / "requirements-layer.txt").read_text()
    for package, version in re.findall(r"^([a-z-]+)==(\S+)", lock, re.MULTILINE):
        component = listed[f"pkg:pypi/{package}@{version}"]
        assert f"--hash=sha256:{component['hashes'][0]['content']}" in lock


def test_the_layer_holds_what_its_wheels_say_and_nothing_else(
    uploads: Uploads, tmp_path: Path
) -> None:
    """Every file's digest is in the RECORD of a package that the bill lists."""
    (layer,) = uploads.layers
    zipfile.ZipFile(layer.path).extractall(tmp_path)
    folder = tmp_path / "python"
    recorded = {
        path: digest
        for item in metadata.distributions(path=[str(folder)])
        for path, digest, _ in csv.reader(io.StringIO(item.read_text("RECORD") or ""))
        if digest
    }
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 100
    for file in files:
        path = file.relative_to(folder).as_posix()
        if path.split("/")[-1] in {"RECORD", "INSTALLER", "REQUESTED"}:
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest())
        assert recorded[path] == f"sha256={digest.decode().rstrip('=')}"


def test_platforms_are_those_of_the_templates(uploads: Uploads) -> None:
    assert all(len(upload.platforms) >= 1 for upload in (*uploads.functions, *uploads.jobs))
    assert {platform for upload in uploads.jobs for platform in upload.platforms} == {
        ("aws-glue", "5.1"),
        ("sagemaker-xgboost", "3.2-0"),
    }
    assert {platform for upload in uploads.functions for platform in upload.platforms} == {
        ("aws-lambda", "python3.14")
    }


def test_an_unknown_platform_stops_the_bill(
    assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = parsed(sbom.PLATFORMS.read_text())
    del known["aws-glue"]["5.1"]
    table = tmp_path / "aws_platforms.yaml"
    table.write_text(yaml.safe_dump(known))
    monkeypatch.setattr(sbom, "PLATFORMS", table)
    with pytest.raises(sbom.SbomError, match=r"aws-glue 5\.1"):
        sbom.documents(assembly)


def test_no_job_installs_packages_at_run_time(assembly: Path, uploads: Uploads) -> None:
    """Glue installs what an argument names; SageMaker's toolkits what a requirements.txt names."""
    text = json.dumps(list(templates(assembly).values()))
    assert "additional-python-modules" not in text
    assert "pip install" not in text
    for upload in uploads.jobs:
        assert not [name for name in _members(upload.path) if "requirements" in name.lower()]


def _members(path: Path) -> list[str]:
    if path.suffix == ".zip":
        return zipfile.ZipFile(path).namelist()
    return tarfile.open(path).getnames() if path.name.endswith(".tar.gz") else [path.name]
