"""Several models of one deployment: how a file gives them, and what is refused where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import yaml

from config.problems import Problem
from tests.support.copies import ConfigurationCopy
from tests.support.several import DELAY, several
from tests.support.yaml_files import parsed

Change = Callable[[dict[str, Any]], object]


def _settings(configuration: ConfigurationCopy, change: Change) -> None:
    path = configuration.root / "config" / "dev.yaml"
    data = parsed(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data, sort_keys=False))


def test_one_model_is_called_like_the_instance(configuration: ConfigurationCopy) -> None:
    (only,) = configuration.load().models
    assert only.settings.model == only.settings.instance == "flights"


def test_one_model_may_have_a_name(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"model": "late"})
    assert configuration.load().settings.scope.model_prefix == "flights-dev-late"


def test_each_model_has_its_own_and_shares_the_rest(configuration: ConfigurationCopy) -> None:
    several(configuration)
    late, delay = configuration.load().models
    assert (late.settings.model, delay.settings.model) == ("late", "delay")
    assert (late.contract["task"], delay.contract["task"]) == ("binary", "regression")
    assert late.settings.network == delay.settings.network
    assert delay.settings.training.window_days == 60
    assert late.settings.training.window_days == 90


class Row(NamedTuple):
    change: Change
    field: str
    allowed: str


def _of(model: str, **own: Any) -> Change:
    return lambda data: data["models"][model].update(own)


ROWS = {
    "a rule": Row(_of("delay", training={"lease_minutes": 1}),
                  "models.delay.training.lease_minutes", "allowed: at least"),
    "a value": Row(_of("late", serving={"mode": "batch"}), "models.late.serving.mode",
                   "allowed: realtime, serverless or off"),
    "a key": Row(_of("late", monitoring={}), "models.late.monitoring",
                 "allowed: contract, training, serving"),
    "no contract": Row(lambda data: data["models"]["late"].pop("contract"),
                       "models.late.contract", "must be set"),
    "both ways": Row(lambda data: data.update(training={"window_days": 30}), "training",
                     "allowed without models"),
    "a name": Row(lambda data: data["models"].update({"Is late": data["models"].pop("late")}),
                  "models.Is late", "1 to 16 lower-case letters"),
    "no model": Row(lambda data: data.update(models={}), "models", "allowed: names of models"),
    "no section": Row(lambda data: data["models"].update(late=1), "models.late",
                      "allowed: contract, training, serving"),
    "a long name": Row(lambda data: data["models"].update(
        abcdefghijklmnop=data["models"].pop("late")), "models.abcdefghijklmnop",
        "a name of at most 15 characters"),
    "nobody captures": Row(
        lambda data: [one.update(serving={"capture": False}) for one in data["models"].values()],
        "monitoring.schedule", "where no model captures"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_a_mistake_is_told_where_it_stands(row: Row, configuration: ConfigurationCopy) -> None:
    several(configuration)
    _settings(configuration, row.change)
    problems = configuration.problems()
    found: list[Problem] = [
        one for one in problems if one.field == row.field and row.allowed in one.allowed
    ]
    assert found, "\n".join(map(str, problems))
    assert len(problems) == 1, "\n".join(map(str, problems))


def test_what_all_share_is_told_once(configuration: ConfigurationCopy) -> None:
    several(configuration)
    configuration.change_settings({"network.cidr": "x"})
    assert len(configuration.problems()) == 1


def test_contracts_agree_on_what_one_lake_holds(configuration: ConfigurationCopy) -> None:
    several(configuration)
    path = configuration.root / DELAY
    contract = parsed(path.read_text())
    (carrier,) = (f for f in contract["schema"][0]["properties"] if f["name"] == "carrier")
    carrier["logicalTypeOptions"]["maxLength"] = 3
    path.write_text(yaml.safe_dump(contract))
    carrier["description"] = "Who flies."
    path.write_text(yaml.safe_dump(contract))
    (problem,) = configuration.problems()
    assert problem.field == "models.delay.contract"
    assert problem.allowed.startswith(
        "its event.fields[carrier].max_length is 3; allowed: 2, like the contract of late"
    )


def test_contracts_tell_each_field_that_one_has_alone(configuration: ConfigurationCopy) -> None:
    several(configuration)
    path = configuration.root / DELAY
    contract = yaml.safe_load(path.read_text())
    properties = contract["schema"][0]["properties"]
    properties.append({**next(f for f in properties if f["name"] == "carrier"), "name": "partner"})
    path.write_text(yaml.safe_dump(contract))
    told = [one.allowed for one in configuration.problems()]
    assert any("[partner] is a field; allowed: nothing" in one for one in told), told


def test_what_is_only_shown_may_differ(configuration: ConfigurationCopy) -> None:
    several(configuration)
    path = configuration.root / DELAY
    contract = yaml.safe_load(path.read_text())
    contract["schema"][0]["properties"][0]["description"] = "Another sentence."
    path.write_text(yaml.safe_dump(contract))
    late, delay = (model.contract["event"]["fields"][0] for model in configuration.load().models)
    assert late["description"] != delay["description"] == "Another sentence."


def test_one_model_may_go_without_capture(configuration: ConfigurationCopy) -> None:
    """The monitor watches those that capture."""
    several(configuration)
    _settings(configuration, _of("late", serving={"mode": "serverless"}))
    models = configuration.load().models
    assert [model.settings.serving.captures for model in models] == [False, True]


def test_who_writes_no_contract_is_told_of_both_forms(configuration: ConfigurationCopy) -> None:
    several(configuration)
    _settings(configuration, lambda data: data.update(Models=data.pop("models")))
    told = {one.field: one.allowed for one in configuration.problems()}
    assert told["Models"].startswith("unknown key; allowed: models, ")
    assert told["contract"].startswith("must be set, or models: ")
