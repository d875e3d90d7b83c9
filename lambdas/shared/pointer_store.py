"""Pointers: SSM parameters that hold the ARN of the model package each variant serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer's value and when it was last written."""

    package_arn: str
    changed_at: datetime


class PointerStore:
    """Reads and writes the pointers.

    Args:
        client: a boto3 SSM client.
        parameters: variant -> name of its parameter.
    """

    def __init__(self, client: Any, parameters: Mapping[str, str]) -> None:
        self._client = client
        self.parameters = dict(parameters)

    def read(self) -> dict[str, Pointer]:
        """Every pointer by variant.

        Raises:
            LookupError: a pointer does not exist.
        """
        answer = self._client.get_parameters(Names=list(self.parameters.values()))
        found = {parameter["Name"]: parameter for parameter in answer["Parameters"]}
        absent = sorted(set(self.parameters.values()) - found.keys())
        if absent:
            raise LookupError(f"no such pointer: {', '.join(absent)}")
        return {
            variant: Pointer(found[name]["Value"], found[name]["LastModifiedDate"])
            for variant, name in self.parameters.items()
        }

    def write(self, variant: str, package_arn: str) -> None:
        """Move a pointer; Parameter Store keeps its last 100 values."""
        self._client.put_parameter(
            Name=self.parameters[variant], Value=package_arn, Type="String", Overwrite=True
        )

    def create(self, variant: str, package_arn: str) -> bool:
        """Create a pointer; False, and its value kept, if it exists."""
        try:
            self._client.put_parameter(
                Name=self.parameters[variant], Value=package_arn, Type="String", Overwrite=False
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterAlreadyExists":
                return False
            raise
        return True

    def delete(self) -> None:
        """Delete every pointer that exists."""
        self._client.delete_parameters(Names=list(self.parameters.values()))
