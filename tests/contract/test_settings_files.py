"""The settings files themselves: they load, refuse everything at once, and match their schema."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from config.differences import DEMO_MAY_CHANGE, differences
from config.load import environments, load_deployment
from config.schedule import runs_per_year
from config.schema import SCHEMA_FILE, schema_text
from tests.support.copies import CONTRACT, ROOT, ConfigurationCopy, field, set_custom
from tests.support.yaml_files import parsed

OURS = ("demo", "dev", "prod")
ENVIRONMENTS = environments(ROOT)


class _Editor(yaml.SafeLoader):
    """Reads YAML 1.2, as editors do: ``off`` is a text."""


_Editor.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


@pytest.mark.parametrize("environment", OURS)
def test_settings_load(environment: str) -> None:
    deployment = load_deployment(environment, ROOT)
    assert deployment.settings.environment == environment
    assert deployment.contract["name"] == "flights"
    assert deployment.contract_path == ROOT / CONTRACT


def test_there_are_dev_prod_and_demo() -> None:
    """Whoever uses the repository has others, too."""
    assert set(ENVIRONMENTS) >= set(OURS)


def test_demo_differs_from_dev_in_periods_cooldown_buffers_and_sizes_only() -> None:
    base, demo = load_deployment("dev", ROOT).settings, load_deployment("demo", ROOT).settings
    changed = {difference.field for difference in differences(base, demo)}
    assert changed >= {"environment", "training.cooldown_minutes"}
    assert changed <= DEMO_MAY_CHANGE


def test_a_difference_in_shape_is_seen(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"serving.capture_percent": 50, "api.auth": "cognito"}, "demo")
    base, demo = configuration.load("dev").settings, configuration.load("demo").settings
    changed = {difference.field: difference for difference in differences(base, demo)}
    assert changed.keys() - DEMO_MAY_CHANGE == {"serving.capture_percent", "api.auth"}
    assert (changed["api.auth"].base, changed["api.auth"].other) == ("iam", "cognito")


def test_schema_file_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run: python -m config.schema"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_settings_files_name_and_satisfy_the_schema(environment: str) -> None:
    text = (ROOT / "config" / f"{environment}.yaml").read_text()
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n")
    jsonschema.validate(yaml.load(text, _Editor), json.loads(SCHEMA_FILE.read_text()))


def test_schema_refuses_what_the_models_refuse() -> None:
    data = parsed((ROOT / "config" / "dev.yaml").read_text())
    data["serving"] = {"mode": "realtime", "updates": "rolling"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(SCHEMA_FILE.read_text()))


def test_every_error_of_both_files_is_told_at_once(configuration: ConfigurationCopy) -> None:
    configuration.change_settings(
        {
            "region": "Ireland",
            "owner.email": None,
            "ingestion.buffer_megabytes": 1,
            "serving.update": "rolling",
            "serving.bake_second": 3,
            "api.body_kilobytes": 65,
        }
    )

    def damage(contract: dict[str, object]) -> None:
        set_custom(field(contract, "temperature_f"), "observedAt", "event_tme")
        field(contract, "tail_number")["classification"] = "secret"

    configuration.change_contract(damage)
    fields = [(problem.file, problem.field) for problem in configuration.problems()]
    settings, event = "config/dev.yaml", "schema[scheduled_departures].properties"
    assert set(fields) == {
        (settings, "region"),
        (settings, "owner.email"),
        (settings, "serving.bake_second"),
        (settings, "api.body_kilobytes"),
        (settings, "ingestion.buffer_megabytes"),
        (settings, "serving.update"),
        (CONTRACT, f"{event}[temperature_f].customProperties[observedAt].value"),
        (CONTRACT, f"{event}[tail_number].classification"),
    }


def test_missing_required_settings_do_not_hide_other_errors(
    configuration: ConfigurationCopy,
) -> None:
    path = configuration.root / "config" / "dev.yaml"
    path.write_text("environment: dev\nserving: {shadow: true, challenger: null}\n")
    problems = configuration.problems()
    rules = {problem.rule for problem in problems}
    missing = {problem.field for problem in problems if repr(problem.value) == "not set"}
    assert "shadow-needs-one-shadow" in rules
    assert missing == {"instance", "contract", "region", "owner", "network"}


def test_a_problem_names_file_line_field_value_and_what_is_allowed(
    configuration: ConfigurationCopy,
) -> None:
    path = configuration.root / "config" / "dev.yaml"
    path.write_text(path.read_text() + "serving:\n  update: rolling\n")
    line = len(path.read_text().splitlines())
    (problem,) = configuration.problems()
    assert str(problem).startswith(
        f"config/dev.yaml:{line}: serving.update: 'rolling' — allowed with one variant only"
    )
    assert "[rolling-one-variant] https://docs.aws.amazon.com/" in str(problem)


def test_a_problem_shows_what_does_not_print(configuration: ConfigurationCopy) -> None:
    path = configuration.root / "config" / "dev.yaml"
    path.write_text(path.read_text() + "\u200bcolour: red\n")
    (problem,) = configuration.problems()
    assert problem.field == "\u200bcolour"
    assert r": \u200bcolour: " in str(problem)
    assert str(problem).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("instance: [", "allowed: YAML"),
        ("- instance", "a YAML mapping"),
        ("", "must be set|a YAML mapping"),
        ("instance: a\ninstance: b\n", "given twice, first in line 1"),
    ],
)
def test_a_text_that_is_no_settings_file(
    text: str, expected: str, configuration: ConfigurationCopy
) -> None:
    (configuration.root / "config" / "dev.yaml").write_text(text)
    messages = [str(problem) for problem in configuration.problems()]
    assert any(part in message for message in messages for part in expected.split("|"))


def test_a_plain_off_of_yaml_is_the_mode_off(configuration: ConfigurationCopy) -> None:
    path = configuration.root / "config" / "dev.yaml"
    path.write_text(path.read_text() + "serving: {mode: off}\n")
    assert configuration.load().settings.serving.mode == "off"


def test_unknown_environment_lists_the_known_ones(configuration: ConfigurationCopy) -> None:
    (problem,) = configuration.problems("staging")
    assert problem.allowed == f"allowed: {', '.join(ENVIRONMENTS)}"


def test_environment_is_the_name_of_the_file(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"environment": "prod"})
    (problem,) = configuration.problems()
    assert problem.field == "environment"


@pytest.mark.parametrize("name", ["config/contracts/trains.odcs.yaml", "../contract.yaml"])
def test_contract_is_a_file_of_the_repository(name: str, configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"contract": name})
    (problem,) = configuration.problems()
    assert (problem.field, problem.value) == ("contract", name)
    assert CONTRACT in problem.allowed


def test_windows_stay_within_the_retention_of_the_contract(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_settings({"training.window_days": 401, "monitoring.window_days": 400})
    (problem,) = configuration.problems()
    assert (problem.field, problem.rule) == ("training.window_days", "window-within-retention")


@pytest.mark.parametrize(
    ("section", "enough", "short"),
    [
        ("training", 50, "window-beyond-latency"),
        ("monitoring", 17, "window-beyond-latency"),
    ],
)
def test_windows_are_longer_than_labels_take(
    section: str, enough: int, short: str, configuration: ConfigurationCopy
) -> None:
    """Else no event of a window has its label yet, or too few days of it have."""

    def patient(contract: dict[str, Any]) -> None:
        contract["slaProperties"][2]["value"] = 10

    configuration.change_contract(patient)
    configuration.change_settings({f"{section}.window_days": enough})
    assert configuration.load().contract["label_latency_hours"] == 240
    configuration.change_settings({f"{section}.window_days": 10})
    found = {problem.rule: problem for problem in configuration.problems()}
    assert (found[short].field, found[short].value) == (f"{section}.window_days", 10)
    configuration.change_settings({"training.window_days": 90, "monitoring.window_days": 16})
    (problem,) = configuration.problems()
    assert problem.rule == "days-within-window"


def test_both_windows_are_told_when_both_are_too_short(configuration: ConfigurationCopy) -> None:
    configuration.change_contract(lambda contract: contract["slaProperties"][2].update(value=10))
    configuration.change_settings({"training.window_days": 10, "monitoring.window_days": 9})
    found = [one for one in configuration.problems() if one.rule == "window-beyond-latency"]
    assert [(one.field, one.value) for one in found] == [
        ("training.window_days", 10), ("monitoring.window_days", 9)
    ]  # fmt: skip
    assert all(one.allowed.endswith("label latency of 10 days") for one in found)


def test_a_schedule_decides_no_more_often_than_the_gate_counts(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_settings({"training.schedule": "cron(0 3 ? * MON *)"})
    (problem,) = configuration.problems()
    assert (problem.field, problem.rule) == ("training.schedule", "decisions-a-year")
    assert "53 times" in problem.allowed
    for schedule in (None, "rate(31 days)", "cron(0 3 1 * ? *)"):
        configuration.change_settings({"training.schedule": schedule})
        assert configuration.load().settings.training.schedule == schedule


@pytest.mark.parametrize(
    "changes", [{"training.window_days": 24}, {"training.holdout_share": 1e-3}]
)
def test_a_hold_out_has_the_days_that_the_gate_asks_for(
    configuration: ConfigurationCopy, changes: dict[str, object]
) -> None:
    configuration.change_settings(changes)
    (problem,) = configuration.problems()
    assert (problem.field, problem.rule) == ("training.holdout_share", "holdout-has-days")


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("rate(1 day)", 366),
        ("rate(30 days)", 13),
        ("cron(0 3 1 * ? *)", 12),
        ("cron(0 3 ? * MON *)", 53),
        ("cron(0 3 ? JAN-MAR MON-FRI *)", 65),
        ("cron(0 3 * * ? *)", 366),
        ("cron(0 3 ? * * *)", 366),
        ("cron(0 3 31 * ? *)", 7),
        ("cron(0 3 ? * MON#1 *)", 12),
        ("cron(0 3 L * ? *)", 12),
        ("cron(0 0/6 * * ? *)", 4 * 366),
        ("cron(0,30 3 15W 1,7 ? *)", 4),
    ],
)
def test_runs_of_a_schedule_are_counted_for_a_year(expression: str, runs: int) -> None:
    assert runs_per_year(expression) == runs


def test_a_batch_fits_the_body_that_the_firewall_lets_pass(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_settings({"api.batch_records": 500})
    (problem,) = configuration.problems()
    assert (problem.field, problem.rule) == ("api.batch_records", "batch-fits-body")
    (most,) = re.findall(r"at most (\d+),", problem.allowed)
    configuration.change_settings({"api.batch_records": int(most)})
    assert configuration.load().settings.api.batch_records == int(most)


def test_a_bad_setting_stops_within_a_second(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"serving.update": "rolling", "ingestion.buffer_megabytes": 1})
    program = (
        "import sys; from pathlib import Path; from config.load import load_deployment\n"
        "from config.problems import ConfigurationError\n"
        "try: load_deployment('dev', Path(sys.argv[1]))\n"
        "except ConfigurationError as error: sys.exit(len(error.problems))\n"
    )
    command = [sys.executable, "-c", program, str(configuration.root)]
    seconds = []
    for _ in range(3):
        before = _processor_seconds()
        run = subprocess.run(command, cwd=ROOT, check=False)
        seconds.append(_processor_seconds() - before)
        assert run.returncode == 2
    # The best of three: the promise is about the program, not about what else the machine does.
    assert min(seconds) < 1.0


def _processor_seconds() -> float:
    """Of the processes that this one has started and that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def test_loading_needs_no_cdk(tmp_path: Path) -> None:
    program = (
        "import sys; from config.load import load_deployment; load_deployment('dev')\n"
        "sys.exit(bool({'aws_cdk', 'boto3', 'botocore'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
