"""Who reads what of the lake, as a table: one shared policy for each place that several roles read.

Writing is never shared: each place has one writer, whose own policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_s3 as s3
from constructs import Construct

from core import names
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Keys
from stacks.kit.grants import allow_documents, allow_tables


@dataclass(frozen=True, slots=True)
class ModelReaders:
    """Of one model's places; who has to list the bucket too is granted that."""

    runs: CustomerPolicy
    """Training sets: gate, training and evaluation."""
    models: CustomerPolicy
    """Model archives: registry, evaluation, endpoint and the monitor job."""
    evaluations: CustomerPolicy
    """Evaluations of candidates: gate, registry and the monitor job."""


@dataclass(frozen=True, slots=True)
class LakeReaders:
    """Policies by what they let a role read."""

    records: CustomerPolicy
    """Curated events and labels: jobs that ask the catalog for them."""
    of: Mapping[str, ModelReaders]
    """By model: none reads another's."""


def lake_readers(
    scope: Construct,
    *,
    zones: Mapping[str, s3.IBucket],
    keys: Keys,
    models: Sequence[names.Scope],
    database: str,
) -> LakeReaders:
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

    tables = (names.TABLE_EVENTS, names.TABLE_LABELS)
    places = [names.CURATED[table] for table in tables]
    records = policy("Records", "curated", *places)
    allow_documents(records, zones["curated"], by_zone["curated"], *places)
    allow_tables(records, database, tables)

    def of(model: names.Scope) -> ModelReaders:
        name = model.model.capitalize()
        return ModelReaders(
            runs=by_name(f"{name}Runs", "features", model.below(names.FEATURES_RUNS)),
            models=by_name(f"{name}Models", "artifacts", model.below(names.ARTIFACTS_MODELS)),
            evaluations=by_name(
                f"{name}Evaluations", "artifacts", model.below(names.ARTIFACTS_EVALUATIONS)
            ),
        )

    return LakeReaders(records=records, of={model.model: of(model) for model in models})
