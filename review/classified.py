"""Classified fields of the contract: what becomes of their values, and where they lie in clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.contract import CLASSIFIED
from core import names
from review.encryption import Encrypted

TREATMENTS = {
    "pseudonymise": "keyed pseudonym (HMAC-SHA-256) before the record leaves the transform, "
    "the router or the curate job",
}
# Zone (construct of the bucket) → prefixes that hold records as they were sent.
IN_CLEAR = {
    "data-lake/Raw/": (*names.RAW_BACKUP.values(), *names.RAW_ERRORS.values()),
    "data-lake/Landing/": ("every prefix",),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the contract and what is done with its values."""

    record: str
    name: str
    classification: str
    treatment: str
    in_clear: tuple[str, ...]
    """Where its values lie as sent: bucket, prefixes and key."""

    @property
    def classified(self) -> bool:
        """Whether the contract asks for a treatment."""
        return self.classification in CLASSIFIED


def columns(contract: dict[str, Any], stores: Sequence[Encrypted]) -> list[Column]:
    """Every field, classified ones first."""
    places = tuple(
        f"{store.name}: {', '.join(prefixes)} under {store.key}"
        for construct, prefixes in IN_CLEAR.items()
        for store in stores
        if store.name.startswith(construct) and store.what == "objects"
    )
    found = [
        _column(role, field, places)
        for role in ("event", "label")
        for field in contract[role]["fields"]
    ]
    return sorted(found, key=lambda column: not column.classified)


def _column(record: str, field: dict[str, Any], places: tuple[str, ...]) -> Column:
    classification = field["classification"] or "unclassified"
    classified = classification in CLASSIFIED
    treatment = field.get("treatment", "")
    return Column(
        record=record,
        name=field["name"],
        classification=classification,
        treatment=TREATMENTS.get(treatment, treatment) if classified else "none needed",
        in_clear=places if classified else (),
    )
