"""Who reads what of the lake, as a table: one shared policy for each place that several roles read.

Writing is never shared: each place has one writer, whose own policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_s3 as s3
from constructs import Construct

from core import names
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Keys
from stacks.kit.grants import allow_documents, allow_objects


@dataclass(frozen=True, slots=True)
class LakeReaders:
    """Policies by what they let a role read; who has to list the bucket too is granted that."""

    records: CustomerPolicy
    """Curated events and labels, listed and read: the features job and the monitor job."""
    runs: CustomerPolicy
    """Training sets: gate, training and evaluation."""
    models: CustomerPolicy
    """Model archives: registry, evaluation, endpoint and the monitor job."""
    evaluations: CustomerPolicy
    """Evaluations of candidates: gate, registry and the monitor job."""


def lake_readers(scope: Construct, *, zones: Mapping[str, s3.IBucket], keys: Keys) -> LakeReaders:
    """Create the policies in the lake's own stack, before whoever reads."""
    by_zone = {"curated": keys.data, "features": keys.data, "artifacts": keys.models}

    def policy(what: str, zone: str, *places: str) -> CustomerPolicy:
        return CustomerPolicy(
            scope, f"Read{what}", description=f"Reads {', '.join(places)} in the {zone} zone"
        )

    def by_name(what: str, zone: str, place: str) -> CustomerPolicy:
        found = policy(what, zone, place)
        allow_documents(found, zones[zone], by_zone[zone], place)
        return found

    tables = [names.CURATED[table] for table in (names.TABLE_EVENTS, names.TABLE_LABELS)]
    records = policy("Records", "curated", *tables)
    allow_objects(records, zones["curated"], by_zone["curated"], read=tables)
    return LakeReaders(
        records=records,
        runs=by_name("Runs", "features", names.FEATURES_RUNS),
        models=by_name("Models", "artifacts", names.ARTIFACTS_MODELS),
        evaluations=by_name("Evaluations", "artifacts", names.ARTIFACTS_EVALUATIONS),
    )
