"""What is known about each type of resource: one row a type, whoever asks for the fact.

The rows stand in ``resource_types.yaml``, those of a type that only an optional capability deploys
in its ``facts.yaml``, which may also add facts to a type that others deploy. A fact is stated once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from config import yaml_text
from config.section import Section
from stacks import registry

TABLE = Path(__file__).with_name("resource_types.yaml")
Class = Literal["executed", "emulated", "recorded"]
Text = Annotated[str, Field(min_length=1)]


class FactError(ValueError):
    """A row that cannot be read, with the file and what is wrong in it."""


class Local(Section):
    """What the local platform does with the type."""

    kind: Annotated[Class, Field(alias="class")]
    why: Text


class Place(Section):
    """Where a template names the key of something at rest; ``*`` is each element of a list.

    ``given`` is what has to be there for it to exist at all: a path, or a path and its value.
    """

    key: Text
    given: str = ""


class LinkedRole(Section):
    """The role that a service makes for itself with the first resource of the type."""

    name: Text
    service: Text


class Price(Section):
    """List price in USD of what runs by the clock, and the page below aws.amazon.com."""

    usd: Annotated[float, Field(gt=0)]
    per: Literal["month", "hour"]
    page: Text


class Use(Section):
    """List price of a unit of use, in words, because volume is the reader's."""

    price: Text
    page: Text


class Integrations(Section):
    """What of a type makes AWS ask something of a role, by property or path (``Target.Arn``).

    Attributes:
        names: names of integrations; ``{value}`` is the property's, ``{called}`` what its ARN
            calls.
        neutral: properties from which nothing follows for a role. Adding one is a judgement:
            whoever does it has looked up that AWS asks nothing of the role for it.
        inside: properties that are looked into.
        always: names of what follows for every caller, whether or not the resource has a role.
        role_of_another: it acts with a role that another resource gives it.
    """

    names: Mapping[str, Text] = {}
    neutral: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    always: Mapping[str, Text] = {}
    role_of_another: bool = False


class ResourceType(Section):
    """One row.

    Attributes:
        local: how the local platform treats it; None if nothing deploys it.
        holds: ``data`` that is lost with it, ``others`` if its loss breaks what data belong to,
            names or watches; None if a new one is as good.
        arn: form of its ARN; ``{id}`` is its name, ``{lower}`` the same in lower case.
        ref: ``arn`` where ``Ref`` gives that.
        id_prefix: prefix of the id that AWS makes up.
        names: the longest value of each property that names it, or what it belongs to.
        encrypted: what lies in it, and where the template names its key.
        way_out: it leads out of the network; never deployed, and shown by every review.
        prices: lines of the bill that run by the clock.
        use: what is paid for as it is used.
    """

    local: Local | None = None
    holds: Literal["data", "others"] | None = None
    arn: str = "arn:aws:service:{region}:{account}:{id}"
    ref: Literal["arn"] | None = None
    id_prefix: str = ""
    names: Mapping[str, Annotated[int, Field(gt=0)]] = {}
    encrypted: Mapping[str, Place] = {}
    way_out: bool = False
    linked_role: LinkedRole | None = None
    prices: Mapping[str, Price] = {}
    use: Mapping[str, Use] = {}
    integrations: Integrations = Integrations()


UNKNOWN = ResourceType()


@cache
def table() -> Mapping[str, ResourceType]:
    """Every row, by type."""
    return read([TABLE, *registry.files("facts.yaml")])


def of(resource_type: str) -> ResourceType:
    """The row of a type; one without facts where there is none."""
    return table().get(resource_type, UNKNOWN)


def read(paths: Iterable[Path]) -> dict[str, ResourceType]:
    """The rows of several files.

    Raises:
        FactError: a file or a row that is not well-formed, or a fact that is stated twice.
    """
    rows: dict[str, dict[str, Any]] = {}
    for path in paths:
        for name, facts in _rows(path).items():
            rows[name] = _joined(rows.get(name, {}), facts, f"{path.name}: {name}")
    return {name: _row(name, facts) for name, facts in rows.items()}


def _rows(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = yaml_text.parse(path.read_bytes())
    except yaml_text.UnreadableError as error:
        raise FactError(f"{path.name}, line {error.line}: {error}; {error.allowed}") from error
    for refusal in document.refusals:
        raise FactError(f"{path.name}, line {refusal.line}: {refusal.value}; {refusal.allowed}")
    rows: dict[str, dict[str, Any]] = document.data
    return rows


def _joined(facts: dict[str, Any], more: dict[str, Any], where: str) -> dict[str, Any]:
    joined = dict(facts)
    for name, value in more.items():
        known = facts.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            joined[name] = _joined(known, value, f"{where}.{name}")
        elif name in facts:
            raise FactError(f"{where}.{name} is stated twice")
        else:
            joined[name] = value
    return joined


def _row(name: str, facts: dict[str, Any]) -> ResourceType:
    try:
        return ResourceType.model_validate(facts)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise FactError(f"{name}: {wrong}") from error
