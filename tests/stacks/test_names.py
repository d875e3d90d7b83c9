"""No instance or environment that the settings allow makes a name too long for its service."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from config.deployment_rules import JOB_PREFIX
from config.load import load_deployment
from config.settings import Settings
from core.names import Scope
from operations.deployed import Deployed
from operations.preflight import Inquiry, State
from operations.preflight.names import FIXED, lengths
from operations.preflight.names import longest as longest_names
from stacks import registry
from stacks.application import build
from tests.support.apps import new_app
from tests.synth import resources, templates

pytestmark = pytest.mark.cdk


def _longest(field: str) -> str:
    """The longest value that a setting's pattern admits: ``[a-z][a-z0-9]{1,<n>}``."""
    (pattern,) = [m.pattern for m in Settings.model_fields[field].metadata if hasattr(m, "pattern")]
    counted = re.fullmatch(r"\^\[a-z\]\[a-z0-9\]\{1,(\d+)\}\$", pattern)
    assert counted is not None, pattern
    return "x" * (int(counted[1]) + 1)


def _inquiry(settings: Settings, found: dict[str, Any]) -> Inquiry:
    nothing = Deployed(Scope("flights", "dev", "flights"), (), (), {})
    return Inquiry(settings, found, nothing, ("/cdk-bootstrap/q/version", 6), lambda *_: None)


@pytest.fixture(scope="module")
def longest(tmp_path_factory: pytest.TempPathFactory) -> Inquiry:
    """The templates of production under the longest names."""
    outdir: Path = tmp_path_factory.mktemp("longest")
    deployment = load_deployment("prod")
    names = {field: _longest(field) for field in ("instance", "environment")}
    # Together they have a limit, which a long instance and environment leave nothing of.
    names["environment"] = "x" * 3
    names["model"] = "x" * (JOB_PREFIX - len("-".join(names.values())) - 1)
    settings = deployment.settings.model_copy(update=names)
    app = new_app(outdir)
    build(app, dataclasses.replace(deployment, settings=settings))
    app.synth()
    found = {path.name: json.loads(path.read_text()) for path in outdir.glob("*.template.json")}
    return _inquiry(settings, found)


def test_the_longest_names_fit(longest: Inquiry) -> None:
    (answer,) = lengths(longest)
    assert answer.state == State.OK, answer.said


def test_every_name_that_a_template_gives_has_a_known_length() -> None:
    """A new type with a fixed name is not left out of the comparison."""
    given = {
        (resource["Type"], member)
        for _, _, resource in resources("prod")
        for member in resource.get("Properties", {})
        if member.endswith("Name") and (resource["Type"], member) not in OTHERS_NAMES
    }
    assert given <= set(longest_names())


def test_every_name_that_must_be_free_is_asked_for() -> None:
    """APIs may share a name, a policy's is its target's, and a table names its database."""
    given = {
        (resource["Type"], member)
        for _, _, resource in resources("prod")
        for member, name in resource.get("Properties", {}).items()
        if (resource["Type"], member) in longest_names() and isinstance(name, str)
    }
    fixed = dict(FIXED)
    for part in registry.parts("preflight"):
        fixed |= getattr(part, "FIXED", {})
    asked = {(kind, named.member) for kind, named in fixed.items()}
    shared = {
        ("AWS::ApiGateway::RestApi", "Name"),
        ("AWS::ApplicationAutoScaling::ScalingPolicy", "PolicyName"),
        ("AWS::Glue::Table", "DatabaseName"),
        ("AWS::SNS::Topic", "DisplayName"),
    }
    assert given - shared <= asked


def test_the_comparison_looks_at_names() -> None:
    (answer,) = lengths(_inquiry(load_deployment("prod").settings, templates("prod")))
    assert int(answer.said.split()[0]) >= 25


# What names another resource, which is looked at itself, or is no name of this account.
OTHERS_NAMES = {
    ("AWS::ApiGateway::Model", "Name"),
    ("AWS::ApiGateway::Stage", "StageName"),
    ("AWS::CloudWatch::Alarm", "MetricName"),
    ("AWS::CloudTrail::Trail", "S3BucketName"),
    ("AWS::EC2::FlowLog", "LogGroupName"),
    ("AWS::EC2::VPCEndpoint", "ServiceName"),
    ("AWS::Lambda::LayerVersion", "LayerName"),
    ("AWS::Lambda::Permission", "FunctionName"),
    ("AWS::Logs::LogStream", "LogGroupName"),
    ("AWS::Logs::MetricFilter", "LogGroupName"),
    ("AWS::SageMaker::Endpoint", "EndpointConfigName"),
    ("AWS::SageMaker::ModelPackage", "ModelPackageGroupName"),
}
