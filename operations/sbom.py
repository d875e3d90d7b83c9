"""Bills of materials (CycloneDX 1.6) of what runs in Lambda and in jobs.

The same assembly gives the same bytes: no time stamp, and a serial number derived from the content,
so that a difference between two releases is a difference of materials.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import tomllib
import uuid
import zipfile
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from operations.sbom_uploads import Platform, Upload, Uploads, read_uploads

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = Path(__file__).with_name("aws_platforms.yaml")
LAYER_REPORT = ROOT / "build" / "layers" / "powertools.json"
SERIAL_NAMESPACE = uuid.UUID("5f0d5f5c-0a52-4a43-9d6c-4f0d1c1a2b77")


class SbomError(Exception):
    """Something deployed that the bill of materials cannot describe."""


def documents(assembly: Path) -> dict[str, str]:
    """JSON text of each bill of materials by file name.

    Raises:
        SbomError: a platform is not in ``aws_platforms.yaml``, or the layer is not the one whose
            wheels ``make layer`` verified.
    """
    uploads = read_uploads(assembly)
    return {
        "lambda.cdx.json": _document("millrace-lambda", _lambda_bom(uploads)),
        "jobs.cdx.json": _document("millrace-jobs", _jobs_bom(uploads)),
    }


def _lambda_bom(uploads: Uploads) -> Bom:
    bom = Bom()
    layers = {layer.key: _uploaded(layer, ComponentType.LIBRARY) for layer in uploads.layers}
    for layer in uploads.layers:
        _add(bom, layers[layer.key], _add_packages(bom, layer.path))
    platforms = _add_platforms(bom, uploads.functions)
    for function in uploads.functions:
        beside = [layers[key] for key in function.layers]
        below = [platforms[platform] for platform in function.platforms]
        _add(bom, _uploaded(function, ComponentType.APPLICATION), beside + below)
    return bom


def _jobs_bom(uploads: Uploads) -> Bom:
    bom = Bom()
    platforms = _add_platforms(bom, uploads.jobs)
    for job in uploads.jobs:
        _add(
            bom,
            _uploaded(job, ComponentType.APPLICATION),
            [platforms[platform] for platform in job.platforms],
        )
    return bom


def _add(bom: Bom, component: Component, needs: Iterable[Component] = ()) -> Component:
    bom.components.add(component)
    bom.register_dependency(component, needs)
    return component


def _uploaded(upload: Upload, kind: ComponentType) -> Component:
    """Our own archive, with the digest of its bytes."""
    digest = hashlib.sha256(upload.path.read_bytes()).hexdigest()
    return Component(
        name=upload.label,
        type=kind,
        bom_ref=f"upload:{upload.key}",
        version=_version(),
        hashes=_sha256(digest),
        licenses=_licences("Apache-2.0"),
        purl=PackageURL("generic", "millrace", upload.label, _version()),
        properties=[Property(name="millrace:asset", value=upload.key)],
    )


def _add_packages(bom: Bom, layer: Path) -> list[Component]:
    """The distributions that lie in a layer, with the digest of the wheel each came from."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(layer).extractall(folder)
        distributions = metadata.distributions(path=[f"{folder}/python"])
        found = {_normal(item.name): _package(item) for item in distributions}
    components = {name: component for name, (component, _) in sorted(found.items())}
    for name, component in components.items():
        needed = found[name][1] & components.keys()
        _add(bom, component, [components[other] for other in sorted(needed)])
    return list(components.values())


def _package(item: metadata.Distribution) -> tuple[Component, set[str]]:
    """An installed distribution and the names of those it requires."""
    name, version = _normal(item.name), item.version
    component = Component(
        name=name,
        bom_ref=f"pkg:pypi/{name}@{version}",
        version=version,
        hashes=_sha256(_wheel_digest(name, version)),
        licenses=_licences(item.metadata["License-Expression"] or item.metadata["License"]),
        purl=PackageURL("pypi", None, name, version),
    )
    return component, {_normal(Requirement(text).name) for text in item.requires or ()}


@cache
def _wheel_digests() -> dict[tuple[str, str], str]:
    """SHA-256 by normalised name and version, from pip's report of the verified installation."""
    if not LAYER_REPORT.is_file():
        raise SbomError(f"{LAYER_REPORT.relative_to(ROOT)} is missing; `make layer` writes it")
    return {
        (_normal(item["metadata"]["name"]), item["metadata"]["version"]): str(
            item["download_info"]["archive_info"]["hashes"]["sha256"]
        )
        for item in json.loads(LAYER_REPORT.read_text())["install"]
    }


def _wheel_digest(name: str, version: str) -> str:
    wheels = _wheel_digests()
    if (name, version) not in wheels:
        raise SbomError(f"{name} {version} lies in the layer, but `make layer` did not install it")
    return wheels[name, version]


def _add_platforms(bom: Bom, uploads: Iterable[Upload]) -> dict[Platform, Component]:
    used = sorted({platform for upload in uploads for platform in upload.platforms})
    return {platform: _add_platform(bom, platform) for platform in used}


def _add_platform(bom: Bom, platform: Platform) -> Component:
    """A runtime, Glue version or image; AWS publishes neither its digest nor all that is in it."""
    name, version = platform
    known = yaml.safe_load(PLATFORMS.read_text()).get(name, {}).get(version)
    if known is None:
        raise SbomError(
            f"the templates use {name} {version}, which operations/{PLATFORMS.name} does not list"
        )
    inside = [_add(bom, _provided(entry, f"{name}:{version}")) for entry in known]
    component = Component(
        name=name,
        type=ComponentType.PLATFORM,
        bom_ref=f"platform:{name}:{version}",
        version=version,
        purl=PackageURL("generic", "aws", name, version),
        properties=[
            Property(name="millrace:provided-by", value="AWS"),
            Property(name="millrace:completeness", value="incomplete"),
        ],
    )
    return _add(bom, component, inside)


def _provided(entry: dict[str, str], platform: str) -> Component:
    return Component(
        name=entry["name"],
        bom_ref=f"provided:{platform}:{entry['name']}",
        version=entry.get("version"),
        licenses=_licences(entry.get("licence")),
        purl=PackageURL.from_string(entry["purl"]),
        properties=[Property(name="millrace:provided-by", value="AWS")],
    )


def _document(name: str, bom: Bom) -> str:
    root = Component(
        name=name,
        type=ComponentType.APPLICATION,
        bom_ref=name,
        version=_version(),
        licenses=_licences("Apache-2.0"),
        purl=PackageURL("generic", "millrace", name, _version()),
    )
    own = [item for item in bom.components if str(item.bom_ref.value).startswith("upload:")]
    bom.metadata.component = root
    bom.register_dependency(root, own)
    content: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del content["metadata"]["timestamp"], content["serialNumber"]
    digest = uuid.uuid5(SERIAL_NAMESPACE, json.dumps(content, sort_keys=True))
    return json.dumps(content | {"serialNumber": digest.urn}, indent=2, sort_keys=True) + "\n"


def _sha256(digest: str | None) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else []


def _licences(text: str | None) -> list[License]:
    return [LicenseFactory().make_from_string(text)] if text else []


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


@cache
def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def main(assembly: str, target: str) -> None:
    """Write the documents of an assembly below a folder."""
    Path(target).mkdir(parents=True, exist_ok=True)
    for name, text in documents(Path(assembly)).items():
        (Path(target) / name).write_text(text)
        print(f"{target}/{name}: {len(json.loads(text)['components'])} components")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except SbomError as error:
        sys.exit(f"no bill of materials: {error}")
