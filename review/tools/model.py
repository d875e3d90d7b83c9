"""What every checker's findings are turned into, and the exceptions beside resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from review.assembly import Assembly

EXCEPTIONS = "ReviewExceptions"
"""Metadata key of a resource: a list of ``finding``, ``constraint``, ``evidence``, ``control``."""


class ToolError(RuntimeError):
    """A checker could not run, which is no clean result."""


@dataclass(frozen=True, slots=True, order=True)
class ToolException:
    """A finding that a resource says it has to live with."""

    name: str
    finding: str
    """``<tool>:<rule>``, for example ``checkov:CKV_AWS_116``."""
    constraint: str
    evidence: str
    control: str


@dataclass(frozen=True, slots=True, order=True)
class ToolFinding:
    """A rule of a checker that a resource breaks."""

    tool: str
    rule: str
    title: str
    stack: str
    logical_id: str
    name: str
    """Construct path of the resource."""
    detail: str = ""
    exception: ToolException | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The form in which exceptions name it."""
        return f"{self.tool}:{self.rule}"


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One checker's run over all templates of a deployment."""

    tool: str
    version: str
    looked_at: str
    """What it was run on, in words."""
    findings: tuple[ToolFinding, ...]

    @property
    def open(self) -> list[ToolFinding]:
        """Findings without an exception."""
        return [finding for finding in self.findings if finding.exception is None]


def exceptions(assembly: Assembly) -> Iterator[ToolException]:
    """Every exception written beside a resource."""
    for resource in assembly.resources():
        for entry in resource.body.get("Metadata", {}).get(EXCEPTIONS, []):
            yield ToolException(name=resource.name, **entry)


def excused(findings: Iterable[ToolFinding], known: Iterable[ToolException]) -> list[ToolFinding]:
    """The findings with the exception that covers each, same resource and same rule."""
    by_key = {(entry.name, entry.finding): entry for entry in known}
    return sorted(
        replace(finding, exception=by_key.get((finding.name, finding.id)))
        for finding in set(findings)
    )


def unused(runs: Iterable[ToolRun], known: Iterable[ToolException]) -> list[ToolException]:
    """Exceptions of nothing."""
    used = {finding.exception for run in runs for finding in run.findings}
    return sorted(set(known) - used)
