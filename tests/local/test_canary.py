"""Classified values stay where they were received: raw and error prefixes, and nowhere else.

A canary in the classified field goes through ingestion, the API, curation, features, training,
roll-out, capture and the monitor; then everything that the deployment keeps is opened and searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from core import names
from local.demo.executions import Followed
from local.demo.objects import Lake
from local.iceberg_tables import ClientOf
from tests.support.canary_scan import Canary, find
from tests.support.canary_stores import Kept, Reader, everything
from tests.support.canary_story import BROKEN_OBJECTS, CANARY, COUNTING, MISPLACED, Story
from tests.support.denied_decisions import ALLOW, Policies, Question
from tests.support.denied_matrix import TABLE
from tests.support.denied_principals import roles
from tests.support.denied_target import Target
from tests.support.deployments import VARIABLES, deployed_platform

pytestmark = [pytest.mark.platform, pytest.mark.slow_loop, pytest.mark.timeout(1200)]

RECEIVED = (*names.RAW_BACKUP.values(), *names.RAW_ERRORS.values())


@dataclass(frozen=True, slots=True)
class Told:
    """The story after its end, and everything that was kept of it."""

    story: Story
    answers: list[tuple[str, int, str]]
    retraining: Followed
    monitoring: Followed
    pseudonym: str
    kept: list[Kept]
    encrypted: dict[str, str]
    """Object that holds the canary → key it is encrypted with."""

    def places_of(self, value: Canary) -> set[str]:
        """Where a value stands: objects by bucket and prefix, the rest by store and name."""
        return {f"{kind} {place}" for kind, place, content in self.kept if find(value, content)}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The story, told once on a deployment of its own."""
    # Waits of state machines last a twentieth of their length.
    variables = {**VARIABLES, "SFN_WAIT_SCALE": "0.05"}
    with deployed_platform(tmp_path_factory.mktemp("canary"), "demo", variables) as platform:
        story = Story(platform)
        with Reader(platform, story.subject.scope) as reader:
            yield _tell(story, reader)


def _tell(story: Story, reader: ClientOf) -> Told:
    lake, s3 = Lake(reader, COUNTING), reader("s3")
    story.stream()
    story.land()
    answers = story.ask()
    story.delivered(lake)
    retraining = story.retrain()
    answers += story.ask()
    rows = lake.table(story.deployed.database(), names.TABLE_EVENTS, ("tail_number",))
    (pseudonym,) = {row["tail_number"] for row in rows}
    story.captured(lake, pseudonym)
    monitoring = story.monitor()
    kept = list(everything(story.platform, s3))
    found = {place for kind, place, content in kept if kind == "object" and find(CANARY, content)}
    heads = {place: s3.head_object(Bucket=place.partition("/")[0], Key=place.partition("/")[2])
             for place in found}  # fmt: skip
    keys = {place: str(head.get("SSEKMSKeyId")) for place, head in heads.items()}
    return Told(story, answers, retraining, monitoring, pseudonym, kept, keys)


def _received(told: Told) -> set[str]:
    """Prefixes in which the value may stand, as the scan names them."""
    raw, landing = (told.story.deployed.bucket(zone) for zone in ("raw", "landing"))
    return {*(f"{raw}/{prefix}" for prefix in RECEIVED), f"{landing}/events/"}


def test_the_whole_loop_was_told(told: Told) -> None:
    assert "Promoted" in told.retraining.states
    assert "Monitored" in told.monitoring.states
    right = [status for what, status, _ in told.answers if what == "right"]
    assert right
    assert set(right) == {200}
    mixed = [text for what, _, text in told.answers if what == "mixed"]
    assert all(text.count('"error"') == len(BROKEN_OBJECTS) + 1 for text in mixed)
    broken = {status for what, status, _ in told.answers if what.startswith("broken")}
    assert broken == {400}


def test_the_canary_is_found_where_it_was_received(told: Told) -> None:
    raw, landing = (told.story.deployed.bucket(zone) for zone in ("raw", "landing"))
    found = set(told.encrypted)
    for prefix in (*RECEIVED[:1], *names.RAW_ERRORS.values()):
        assert any(place.startswith(f"{raw}/{prefix}") for place in found), prefix
    assert f"{landing}/events/canary.jsonl" in found


def test_the_canary_is_found_nowhere_else(told: Told) -> None:
    allowed = tuple(f"object {prefix}" for prefix in _received(told))
    assert {p for p in told.places_of(CANARY) if not p.startswith(allowed)} == set()


def test_no_answer_of_the_api_tells_it(told: Told) -> None:
    assert [a for a in told.answers if find(CANARY, a[2].encode())] == []


def test_what_stands_beside_a_body_is_answered_and_redacted(told: Told) -> None:
    """The value in a header or the query string; only the web ACL's log holds these at all."""
    statuses = {what: status for what, status, _ in told.answers if what.startswith("misplaced")}
    assert statuses.pop("misplaced: query") == 200
    assert len(statuses) == len(MISPLACED)
    assert set(statuses.values()) == {403}
    lines = [
        json.loads(content)["httpRequest"]
        for kind, place, content in told.kept
        if kind == "log event" and place.startswith("aws-waf-logs-")
    ]
    assert {line["args"] for line in lines} == {"REDACTED"}
    headers = [{h["name"].lower(): h["value"] for h in line["headers"]} for line in lines]
    for name in MISPLACED:
        assert "REDACTED" in {held.get(name.lower()) for held in headers}, name


def test_its_pseudonym_went_all_the_way(told: Told) -> None:
    """What the scan did not find it did open: the same records are there, under a pseudonym."""
    assert told.pseudonym.startswith("p_")
    places = told.places_of(Canary(told.pseudonym))
    bucket = told.story.deployed.bucket
    for prefix in (
        f"{bucket('raw')}/{names.RAW_STREAM[names.EVENTS]}",
        f"{bucket('curated')}/{names.CURATED[names.TABLE_EVENTS]}",
        f"{bucket('monitoring')}/{names.MONITORING_CAPTURE}",
    ):
        assert any(place.startswith(f"object {prefix}") for place in places), prefix


def test_everything_was_looked_into(told: Told) -> None:
    kinds = {kind for kind, _, _ in told.kept}
    assert kinds >= {
        "object", "object name", "log event", "table item", "catalog", "parameter", "execution",
        "job run", "stack event", "metric", "alarm",
    }  # fmt: skip
    zones = {place.partition("/")[0] for kind, place, _ in told.kept if kind == "object"}
    wanted = ("landing", "raw", "curated", "features", "artifacts", "monitoring")
    assert zones >= {told.story.deployed.bucket(zone) for zone in wanted}
    streams = {place for kind, place, _ in told.kept if kind == "log event"}
    for part in ("Transform", "Router", "/aws-glue/", "/aws/sagemaker/", "aws-waf-logs-"):
        assert any(part in stream for stream in streams), part


def test_it_lies_under_the_raw_key(told: Told) -> None:
    target = Target(told.story.platform, told.story.deployed)
    assert set(told.encrypted.values()) == {target.keys["Raw"]}


def test_only_the_listed_roles_can_open_it(told: Told) -> None:
    """Both permissions, decided on the very objects; the denial matrix asks the API itself."""
    target = Target(told.story.platform, told.story.deployed)
    policies = Policies(target)
    arns = {label: target.role_arn(name) for label, name in roles(told.story.deployed).items()}
    zones = {target.buckets[zone]: zone for zone in ("raw", "landing")}
    through = {"aws:SourceVpce": target.storage_endpoint}
    for place in told.encrypted:
        bucket, _, key = place.partition("/")
        prefix = next(p for p in (*RECEIVED, "events/") if key.startswith(p))
        listed = {
            label for label, lines in TABLE["allowed"].items()
            if f"read {zones[bucket]}/{prefix}" in lines
        }  # fmt: skip
        context = {
            "kms:CallerAccount": target.account,
            "kms:ViaService": f"s3.{target.region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}",
        }
        read = Question("read", "s3:GetObject", f"arn:aws:s3:::{place}", through)
        opened = Question("open", "kms:Decrypt", target.keys["Raw"], context)
        able = {
            label for label, arn in arns.items()
            if all(policies.decide(arn, asked) == ALLOW for asked in (read, opened))
        }  # fmt: skip
        assert able == listed, place
