"""The API answers before any training: from the seed model, and only to signed requests."""

from __future__ import annotations

from botocore.credentials import Credentials

from local.demo.report.model import ModelReport
from local.demo.story import Story
from local.demo.traffic import Api
from model_code import tasks

FORBIDDEN = (401, 403)


def api_of(story: Story) -> Api:
    """The deployed API with the operator's credentials."""
    info = story.platform.info
    assert info is not None, "the platform is not running"
    return Api(
        story.deployed.rest_api(),
        scope=story.scope,
        endpoint=info.endpoint,
        region=info.region,
        ca_bundle=info.certificate,
        keys=Credentials(info.access_key_id, info.secret_access_key),
    )


def ask_seed(story: Story) -> None:
    """Health, one prediction, one refused record and one unsigned request."""
    api, event = api_of(story), story.flights.month(1).events[0]
    health = api.health()
    if not health.good:
        raise RuntimeError(f"GET /health: {health.status} {health.error}")
    story.say(f"GET /health: {health.body}")
    answer = api.predict(event)
    if not answer.good:
        raise RuntimeError(f"POST /predictions: {answer.status} {answer.error}")
    task = tasks.of(story.contract)
    expected = task.answer(task.seed)
    given = {name: answer.body[name] for name in expected}
    if given != expected:
        raise RuntimeError(f"the seed model answers {given}; the contract says {expected}")
    story.say(f"seed model on {answer.body['record_id']}: {given} from {answer.variant}")
    unsigned = api.predict(event, signed=False)
    if unsigned.status not in FORBIDDEN:
        raise RuntimeError(f"an unsigned request got {unsigned.status}; expected 403")
    broken = api.predict({**event, story.contract["event"]["time_field"]: "yesterday"})
    if broken.status != 400:
        raise RuntimeError(f"a broken record got {broken.status}; expected 400")
    story.say(f"unsigned: {unsigned.status}; broken record: {broken.status} {broken.error}")
    story.findings.models.append(
        ModelReport(
            name="seed", kind="constant", package_arn=_champion(story), training_window=None,
            rows={}, holdout=None, trigger="deployed with the stacks", decision="seed",
        )
    )  # fmt: skip


def _champion(story: Story) -> str:
    name = story.scope.pointer("champion")
    return str(story.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
