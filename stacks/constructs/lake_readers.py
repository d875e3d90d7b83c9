"""Who reads what of the lake, as a table: one shared policy for each place that several roles read.

Writing is never shared: each place has one writer, whose own policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_s3 as s3
from constructs import Construct

from lambdas.shared import names
from stacks.constructs.customer_policy import CustomerPolicy
from stacks.constructs.foundation import Keys
from stacks.constructs.grants import allow_documents, allow_objects


@dataclass(frozen=True, slots=True)
class LakeReaders:
    """Policies by what they let a role read."""

    records: CustomerPolicy
    """Curated events and labels: the features job and the monitor job."""
    runs: CustomerPolicy
    """Training sets: training and evaluation."""
    models: CustomerPolicy
    """Model archives: evaluation, endpoint and the monitor job."""
    evaluations: CustomerPolicy
    """Evaluations of candidates, by name: gate, registry and the monitor job."""


def lake_readers(scope: Construct, *, zones: Mapping[str, s3.IBucket], keys: Keys) -> LakeReaders:
    """Create the policies in the lake's own stack, before whoever reads."""
    by_zone = {"curated": keys.data, "features": keys.data, "artifacts": keys.models}

    def policy(what: str, zone: str, *places: str) -> CustomerPolicy:
        return CustomerPolicy(
            scope, f"Read{what}", description=f"Reads {', '.join(places)} in the {zone} zone"
        )

    def reader(what: str, zone: str, *places: str) -> CustomerPolicy:
        found = policy(what, zone, *places)
        allow_objects(found, zones[zone], by_zone[zone], read=places)
        return found

    evaluations = policy("Evaluations", "artifacts", names.ARTIFACTS_EVALUATIONS)
    allow_documents(
        evaluations, zones["artifacts"], by_zone["artifacts"], names.ARTIFACTS_EVALUATIONS
    )

    records = (names.CURATED[table] for table in (names.TABLE_EVENTS, names.TABLE_LABELS))
    return LakeReaders(
        records=reader("Records", "curated", *records),
        runs=reader("Runs", "features", names.FEATURES_RUNS),
        models=reader("Models", "artifacts", names.ARTIFACTS_MODELS),
        evaluations=evaluations,
    )
