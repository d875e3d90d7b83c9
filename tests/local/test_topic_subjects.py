"""A subject that SNS refuses is refused: ASCII, 100 characters, no line break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from local.services.sns.subjects import refusal
from tests.support.flows import DEFINITIONS
from tests.support.sagemaker import unique


@pytest.mark.parametrize("subject", ["Träger", "two\nlines", "x" * 101, " begins", "tab\t", "\x7f"])
def test_what_is_no_header_of_a_mail_is_refused(subject: str) -> None:
    assert refusal(subject) == "Invalid parameter: Subject"


@pytest.mark.parametrize("subject", ["", "x" * 100, "Millrace: it failed", "(again)", "7 of 8"])
def test_its_neighbours_pass(subject: str) -> None:
    assert refusal(subject) is None


def _subjects(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for key, text in value.items() if key.startswith("Subject"))
        for item in value.values():
            yield from _subjects(item)


@pytest.mark.parametrize("flow", sorted(DEFINITIONS))
def test_subjects_of_the_flows_are_texts_that_pass(flow: str) -> None:
    """None is made of an input: what people wrote stands in the message."""
    found = list(_subjects(DEFINITIONS[flow]))
    assert found
    assert all("$" not in subject and refusal(subject) is None for subject in found)


@pytest.mark.platform
def test_the_platform_publishes_letters_in_a_message_and_not_in_a_subject(
    platform: Platform,
) -> None:
    sns = platform.client("sns")
    topic = sns.create_topic(Name=unique("subjects"))["TopicArn"]
    assert sns.publish(TopicArn=topic, Subject="Carrier", Message="Träger")["MessageId"]
    with pytest.raises(ClientError) as error:
        sns.publish(TopicArn=topic, Subject="Träger", Message="Träger")
    told = error.value.response["Error"]
    assert (told["Code"], told["Message"]) == ("InvalidParameter", "Invalid parameter: Subject")
