"""The contract with MiniStack: the version, and every private name we attach to."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import version

import pytest

from local.emulator import extensions, private_tables

extensions.load_all()
NAMES = [(module, name) for module, names in private_tables.PINNED.items() for name in names]


def test_the_pinned_version_is_installed() -> None:
    assert version("ministack") == private_tables.MINISTACK_VERSION


@pytest.mark.parametrize(("module", "name"), NAMES, ids=str)
def test_private_name_is_where_we_attach(module: str, name: str) -> None:
    found = getattr(importlib.import_module(module), name, None)
    kind = private_tables.PINNED[module][name]
    assert found is not None, f"{module}.{name} has moved"
    assert private_tables._is_kind(found, kind), f"{module}.{name} is {type(found).__name__}"


def test_a_moved_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(private_tables.PINNED, "ministack.app", {"NO_SUCH_TABLE": dict})
    with pytest.raises(extensions.MissingTableError, match=r"ministack\.app\.NO_SUCH_TABLE"):
        private_tables.verify()


def test_a_name_of_another_kind_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(private_tables.PINNED, "ministack.app", {"app": dict})
    assert any("ministack.app.app: is" in problem for problem in private_tables.problems())


def test_wrapping_what_is_not_pinned_is_refused() -> None:
    with pytest.raises(extensions.MissingTableError, match="not listed"):
        private_tables.replace("ministack.app", "_version", lambda original: original)


SIGNATURES = {
    "ministack.core.iam_evaluator.enforce": [
        "access_key_id", "iam_action", "service", "region", "resource_arn", "service_context",
    ],
    "ministack.core.iam_actions.extract_resource_arn": [
        "service", "method", "path", "headers", "body", "query_params", "region", "account_id",
    ],
    "ministack.services.stepfunctions._execute_task": [
        "state_def", "raw_input", "execution", "ctx",
    ],
    "ministack.services.cloudwatch._dispatch_alarm_actions": [
        "alarm", "old_state", "new_state", "reason",
    ],
    "ministack.services.eventbridge._invoke_target": ["target", "event", "rule", "view"],
    "ministack.services.cloudformation.stacks._provision_resource": [
        "resource_type", "logical_id", "props", "stack_name",
    ],
    "ministack.services.cloudwatch_logs._fanout_to_subscription_filters": [
        "group_name", "stream_name", "events",
    ],
    "ministack.services.cloudwatch_logs._compile_filter_pattern": ["raw"],
    "ministack.services.cloudformation.provisioners._sm_secret_string": ["props"],
    "ministack.services.lambda_svc._execute_function_dispatch": [
        "func", "config", "event", "request_id", "started",
    ],
}  # fmt: skip


@pytest.mark.parametrize("path", SIGNATURES)
def test_wrapped_functions_keep_their_parameters(path: str) -> None:
    module, _, name = path.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert list(parameters) == SIGNATURES[path]
