"""The production settings copy every bucket into another account and Region."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from operations.preflight import Inquiry, State
from stacks.replication.preflight import answers
from stacks.replication.zones import DOMAINS, replica_buckets
from tests.support.deployments import subject_of
from tests.support.preflight import BOOTSTRAP

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]


def test_an_object_and_its_deletion_reach_the_replica(prod_deployment: Platform) -> None:
    prod = subject_of(prod_deployment, "prod")
    s3, bucket = prod.session.client("s3"), prod.deployed.bucket("landing")
    replication = prod.deployment.settings.replication
    assert replication is not None
    assert replication.account is not None
    theirs = prod_deployment.client(
        "s3", prod_deployment.root_of(replication.account), replication.region
    )
    place = {"Bucket": replica_buckets(replication)["landing"], "Key": "events/probe.jsonl"}
    s3.put_object(Bucket=bucket, Key=place["Key"], Body=b"{}")
    assert theirs.get_object(**place)["Body"].read() == b"{}"
    s3.delete_object(Bucket=bucket, Key=place["Key"])
    with pytest.raises(ClientError, match="NoSuchKey"):
        theirs.get_object(**place)


@pytest.mark.parametrize("prefix", ["", "others-"])
def test_a_bucket_that_is_there_is_told_from_one_that_is_not(
    prod_deployment: Platform, prefix: str
) -> None:
    prod = subject_of(prod_deployment, "prod")
    given = prod.deployment.settings.replication
    assert given is not None
    replication = given.model_copy(update={"bucket_prefix": f"{prefix}{given.bucket_prefix}"})
    inquiry = Inquiry(
        prod.deployment.settings.model_copy(update={"replication": replication}),
        {}, prod.deployed, BOOTSTRAP,
        lambda service, region: prod_deployment.client(service, None, region),
    )  # fmt: skip
    found = list(answers(inquiry))
    assert len(found) == len(DOMAINS)
    assert {answer.state for answer in found} == {State.MISSING if prefix else State.OK}
