"""The runner's promises: tear-down always, the failure named, nothing done that was not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from local.demo import finish, iam_grants
from local.demo.__main__ import closing
from local.demo.report.build import percentile
from local.demo.runner import Step, tell
from local.demo.story import Story
from local.demo.traffic import Answer, again, plan


class _Story:
    """What the runner needs of a story."""

    def __init__(self, folder: Path) -> None:
        self.console = Console(file=io.StringIO())
        self.output = folder
        self.ran: list[str] = []

    def elapsed(self) -> float:
        return 1.0


def _step(name: str, error: BaseException | None = None) -> Step:
    def run(story: Any) -> None:
        story.ran.append(name)
        if error is not None:
            raise error

    return Step(name, name.title(), run)


def _tell(folder: Path, *steps: Step) -> tuple[Any, list[str]]:
    story = _Story(folder)
    told = tell(cast(Story, story), list(steps), [_step("teardown")])
    return told, story.ran


def test_a_complete_story(tmp_path: Path) -> None:
    told, ran = _tell(tmp_path, _step("one"), _step("two"))
    assert ran == ["one", "two", "teardown"]
    assert told.status == "complete"
    assert {phase.status for phase in told.phases} == {"done"}


def test_a_failure_is_named_and_still_tears_down(tmp_path: Path) -> None:
    told, ran = _tell(tmp_path, _step("one", ValueError("no capacity")), _step("two"))
    assert ran == ["one", "teardown"]
    assert told.status == "failed"
    assert told.failure.name == "one"
    assert told.failure.error == "ValueError: no capacity"
    assert [phase.status for phase in told.phases] == ["failed", "skipped", "done"]
    assert "no capacity" in (tmp_path / "failure.log").read_text()


def test_a_command_that_exits_is_a_failure(tmp_path: Path) -> None:
    told, ran = _tell(tmp_path, _step("one", SystemExit(3)))
    assert (told.status, ran) == ("failed", ["one", "teardown"])


def test_an_interruption_is_not_a_failure_and_still_tears_down(tmp_path: Path) -> None:
    told, ran = _tell(tmp_path, _step("one", KeyboardInterrupt()), _step("two"))
    assert (told.status, ran) == ("interrupted", ["one", "teardown"])


def _judged(folder: Path, *steps: Step) -> list[str]:
    story = _Story(folder)
    judgement = Step("judge", "Judge", _step("judge").run, needs_all=True)
    tell(cast(Story, story), list(steps), [_step("teardown"), judgement])
    return story.ran


def test_only_a_whole_story_is_judged(tmp_path: Path) -> None:
    assert _judged(tmp_path, _step("one")) == ["one", "teardown", "judge"]
    assert _judged(tmp_path, _step("one", ValueError("no"))) == ["one", "teardown"]


@pytest.mark.parametrize("keep", [True, False])
def test_the_demo_ends_by_judging_its_grants(keep: bool) -> None:
    last = closing(keep)[-1]
    assert (last.run, last.needs_all) == (finish.assert_grants, True)


def test_a_grant_that_is_neither_used_nor_listed_fails_the_story(tmp_path: Path) -> None:
    def told(unused: list[str]) -> Any:
        story = _Story(tmp_path)
        step = Step("grants", "Grants", lambda _: iam_grants.assert_used_or_listed(unused))
        return tell(cast(Story, story), [], [step])

    assert told([]).status == "complete"
    failed = told([f"training/Gate: s3:GetObject on b{n}" for n in range(30)])
    assert failed.status == "failed"
    assert "30 grants" in failed.failure.error and "and 10 more" in failed.failure.error
    assert "docs/aws-required-grants.yaml" in failed.failure.error


def test_the_first_failure_is_the_one_reported(tmp_path: Path) -> None:
    story = _Story(tmp_path)
    closing = [_step("teardown", RuntimeError("second"))]
    told = tell(cast(Story, story), [_step("one", RuntimeError("first"))], closing)
    assert told.failure is not None
    assert told.failure.error == "RuntimeError: first"


def _answer(status: int, milliseconds: float = 1.0) -> Answer:
    return Answer("/predictions", status, "champion", 1, milliseconds, "", 0.0)


def test_what_is_asked_again() -> None:
    repeated = [status for status in (0, 200, 400, 403, 429, 500, 503) if again(_answer(status))]
    assert repeated == [0, 429, 500, 503]


def test_every_flight_is_asked_for_once() -> None:
    events = [{"n": n} for n in range(257)]
    asks = plan(events, singles=10, batch=25)
    asked = [record["n"] for ask in asks for record in ask.records]
    assert sorted(asked) == list(range(257))
    assert sum(ask.single for ask in asks) == 10
    assert max(len(ask.records) for ask in asks) == 25


def test_percentiles_are_of_answers_that_were_given() -> None:
    answers = [_answer(200, float(n)) for n in range(1, 101)] + [_answer(503, 9999.0)]
    assert percentile(answers, 0.5) == 50.0
    assert percentile(answers, 0.99) == 99.0
    assert percentile([_answer(503)], 0.5) is None
