"""Definitions are sound: states reachable, tasks retried and caught, the lease returned."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from stacks.training.states import renewal, rollout
from tests.support.flows import DEFINITIONS, asl, transitions

EACH = pytest.mark.parametrize("name", sorted(DEFINITIONS))
RETRAINING = sorted(set(DEFINITIONS) - {"monitor"})


def states(name: str) -> dict[str, dict[str, Any]]:
    """States of a definition by name."""
    found: dict[str, dict[str, Any]] = DEFINITIONS[name]["States"]
    return found


def reachable(name: str, start: str, without: str = "") -> set[str]:
    """States that can follow ``start`` when no path goes through ``without``."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if current in seen or current == without:
            continue
        seen.add(current)
        waiting += transitions(states(name)[current])
    return seen


@EACH
def test_every_transition_leads_to_a_state_and_every_state_is_reached(name: str) -> None:
    assert reachable(name, DEFINITIONS[name]["StartAt"]) == set(states(name))


@EACH
def test_every_task_retries_transient_errors_and_catches_the_rest(name: str) -> None:
    for key, state in states(name).items():
        if state["Type"] != "Task":
            continue
        assert state["Retry"], key
        assert all(retrier["BackoffRate"] > 1 for retrier in state["Retry"]), key
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], key


@EACH
def test_the_execution_has_a_time_limit(name: str) -> None:
    assert DEFINITIONS[name]["TimeoutSeconds"] > 0


@pytest.mark.parametrize("name", RETRAINING)
def test_no_path_that_holds_the_lease_ends_without_a_release(name: str) -> None:
    """Paths from the acquired lease end only behind Release or ReleaseFailed."""
    found = states(name)
    open_ends = [
        key
        for key in _without_releases(name, "Curate")
        if found[key]["Type"] in ("Succeed", "Fail")
    ]
    assert open_ends == []


def _without_releases(name: str, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if current in seen or current in ("Release", asl.RELEASE_FAILED):
            continue
        seen.add(current)
        waiting += transitions(states(name)[current])
    return seen


@pytest.mark.parametrize("name", RETRAINING)
def test_a_failure_is_alerted_before_the_execution_fails(name: str) -> None:
    found = states(name)
    assert found[asl.RELEASE_FAILED]["Next"] == "FailureNotice"
    assert found["FailureNotice"]["Next"] == "Alert"
    assert found["Alert"]["Resource"] == asl.PUBLISH
    assert found["Alert"]["Next"] == "Failed"
    assert found["Failed"] == {
        "Type": "Fail",
        "ErrorPath": "$.failure.Error",
        "CausePath": "$.failure.Cause",
    }


@pytest.mark.parametrize("name", RETRAINING)
def test_releasing_and_alerting_keep_the_first_failure(name: str) -> None:
    """A Catch of the failure path must not overwrite what it reports."""
    for key in (asl.RELEASE_FAILED, "Alert"):
        assert states(name)[key]["Catch"][-1]["ResultPath"] != asl.FAILURE_PATH


@pytest.mark.parametrize("name", RETRAINING)
def test_every_roll_out_call_carries_the_fencing_number(name: str) -> None:
    calls = [
        state["Parameters"]["Payload"]
        for state in states(name).values()
        if str(state.get("Parameters", {}).get("FunctionName", "")).endswith("rollout")
    ]
    assert calls
    assert all(call["execution"]["fencing.$"] == "$.lease.value.fencing" for call in calls)


def test_nothing_is_rolled_out_without_the_gate() -> None:
    for name in RETRAINING:
        assert "Promote" not in reachable(name, DEFINITIONS[name]["StartAt"], without="Better")


def test_a_person_is_asked_without_the_lease_and_the_champion_is_read_again() -> None:
    name = "manual approval"
    assert states(name)["LeaveLease"]["Next"] == "AskForApproval"
    after = reachable(name, "AskForApproval", without="SameChampion")
    assert "Promote" not in after
    assert "AcquireAgain" in after


@pytest.mark.parametrize("name", RETRAINING)
def test_every_failure_of_a_roll_out_settles_traffic_before_the_lease_is_released(
    name: str,
) -> None:
    without = reachable(name, rollout.START, without=asl.SETTLE)
    assert asl.RELEASE_FAILED not in without
    assert asl.RELEASE_FAILED in reachable(name, rollout.START)
    calls = [key for key in without if states(name)[key]["Type"] == "Task" and key != "Release"]
    caught = {catch["Next"] for key in calls for catch in states(name)[key]["Catch"]}
    assert asl.SETTLE in caught


@pytest.mark.parametrize("name", RETRAINING)
def test_what_cannot_be_settled_is_told_beside_the_first_failure(name: str) -> None:
    found = states(name)
    assert found[asl.SETTLE]["Catch"][-1] == {
        "ErrorEquals": ["States.ALL"], "ResultPath": "$.unsettled", "Next": "Unsettled",
    }  # fmt: skip
    assert found["SettleFailed"]["ResultPath"] == "$.unsettled"
    told = found["Unsettled"]["Parameters"]["Cause.$"]
    assert "$.failure.Cause" in told
    assert "$.unsettled.Cause" in told


def test_a_challenger_under_alarm_is_settled_and_ends_as_rejected() -> None:
    guardrail = states("retraining")["GuardrailHeld"]
    assert guardrail["Choices"][0]["Next"] == rollout.REJECTED
    assert guardrail["Default"] == "Promote"
    assert states("retraining")[rollout.REJECTED]["Next"] == asl.SETTLE
    after = reachable("retraining", rollout.REJECTED)
    assert "Promote" not in after
    assert "RejectedOutcome" in after


@pytest.mark.parametrize("name", RETRAINING)
def test_no_run_begins_on_traffic_that_is_not_settled(name: str) -> None:
    assert "Curate" not in reachable(name, DEFINITIONS[name]["StartAt"], without="TidyComplete")


@pytest.mark.parametrize("name", RETRAINING)
def test_the_lease_is_taken_again_before_the_roll_out(name: str) -> None:
    """A redrive has lost it, and the champion it was compared with may serve no longer."""
    start = DEFINITIONS[name]["StartAt"]
    for state in ("AcquireAgain", "SameChampion"):
        assert rollout.START not in reachable(name, start, without=state)


def test_the_monitor_job_reads_what_the_outcomes_job_wrote_of_the_same_window() -> None:
    found = states("monitor")
    outcomes, monitor = (found[name]["Parameters"] for name in ("Outcomes", "Monitor"))
    assert found["Outcomes"]["Next"] == "Monitor"
    assert outcomes["JobName"] == "outcomes"
    place = "States.Format('s3://monitoring-bucket/outcomes/late/{}/', $$.Execution.Name)"
    assert outcomes["Arguments"] == {
        "--window_start.$": "$.window.window_start",
        "--window_end.$": "$.window.window_end",
        "--output_outcomes.$": place,
    }
    read = {one["InputName"]: one["S3Input"] for one in monitor["ProcessingInputs"]}
    assert read["outcomes"]["S3Uri.$"] == place
    assert not read.keys() & {"events", "labels"}
    window = "'--window-start', $.window.window_start, '--window-end', $.window.window_end"
    assert window in monitor["AppSpecification"]["ContainerArguments.$"]


@pytest.mark.parametrize("minutes", [80, 540, 1440])
def test_a_lease_full_of_looks_fits_the_history(minutes: int) -> None:
    """25,000 events end an execution; a look, a choice and a wait leave nine."""
    looks = minutes * 60 / rollout.poll_seconds(minutes * 60)
    waits = (7 * 86400 + 2 * minutes * 60) / renewal.WAIT_SECONDS
    assert (looks + waits) * 9 < 24_000


def test_job_names_fit_sagemaker_whatever_started_the_execution() -> None:
    """27 characters of prefix, a digest of 32, two digits: at most 63."""
    name = states("retraining")["Train"]["Parameters"]["TrainingJobName.$"]
    assert "States.Hash($$.Execution.Name, 'MD5')" in name
    assert len("x" * 16 + "-" + "y" * 10 + "-" + "0" * 32 + "-95") <= 63


@EACH
def test_a_job_that_is_redriven_gets_another_name(name: str) -> None:
    """A redrive counts the attempts of a state from zero again."""
    for state in states(name).values():
        parameters = state.get("Parameters", {})
        for key in ("TrainingJobName.$", "ProcessingJobName.$"):
            if key in parameters:
                assert "$$.Execution.RedriveCount, $$.State.RetryCount" in parameters[key]
                attempts = sum(one["MaxAttempts"] for one in state["Retry"])
                assert attempts < 10, "the attempt is one digit of the name"


@EACH
def test_cfn_lint_accepts_the_definition(name: str) -> None:
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/states",
                    "DefinitionString": json.dumps(DEFINITIONS[name]),
                },
            }
        },
    }
    assert [str(match) for match in _lint(template)] == []


def test_cfn_lint_would_notice_a_broken_definition() -> None:
    broken = json.loads(json.dumps(DEFINITIONS["monitor"]))
    broken["States"]["Monitored"]["Next"] = "Nowhere"
    template = {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/states",
                    "DefinitionString": json.dumps(broken),
                },
            }
        },
    }
    assert any(match.rule.id == "E3601" for match in _lint(template))


def _lint(template: dict[str, Any]) -> list[Any]:

    return list(lint(json.dumps(template), config=ManualArgs(regions=["eu-west-1"])))
