"""The endpoint: whether it can be updated, what it serves, and its variants' weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from core.names import CHALLENGER, CHAMPION
from lambdas.shared.errors import StackBusy

_BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


@dataclass(frozen=True, slots=True)
class Serving:
    """What one ``DescribeEndpoint`` says.

    An update that failed or was rolled back returns to ``InService`` with the configuration that
    it had before; ``failure`` may say why, or be empty again.
    https://github.com/hashicorp/terraform-provider-aws/issues/48997
    """

    status: str
    config: str
    failure: str
    modified_at: datetime
    weights: Mapping[str, float]

    @property
    def busy(self) -> bool:
        """Whether it is being changed: new weights take a while to settle, too."""
        return self.status in _BUSY

    @property
    def has_challenger(self) -> bool:
        """Whether a challenger variant answers clients."""
        return CHALLENGER in self.weights

    @property
    def challenger_share(self) -> float:
        """The challenger's share of the traffic, 0 to 1."""
        whole = sum(self.weights.values())
        return self.weights.get(CHALLENGER, 0.0) / whole if whole else 0.0


class Endpoint:
    """An endpoint that may be off.

    Args:
        client: a boto3 SageMaker client.
        name: the endpoint's name; empty while serving is off.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def read(self) -> Serving | None:
        """What it serves; None when there is none."""
        if not self.name:
            return None
        try:
            found = self._client.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if "could not find" in error.response["Error"]["Message"].lower():
                return None
            raise
        return Serving(
            status=found["EndpointStatus"],
            config=found.get("EndpointConfigName", ""),
            failure=found.get("FailureReason", ""),
            modified_at=found["LastModifiedTime"],
            weights={
                variant["VariantName"]: float(variant.get("CurrentWeight", 0.0))
                for variant in found.get("ProductionVariants", [])
            },
        )

    def set_challenger_weight(self, weight: float) -> bool:
        """Give the challenger this share of the traffic and the champion the rest.

        Returns:
            False when there is no endpoint, it has no challenger, or that is its share already.

        Raises:
            StackBusy: the endpoint is being changed.
        """
        now = self.read()
        if now is None or not now.has_challenger:
            return False
        if now.busy:
            raise StackBusy(f"endpoint {self.name} is {now.status}")
        if math.isclose(now.challenger_share, weight, abs_tol=1e-6):
            return False
        try:
            self._client.update_endpoint_weights_and_capacities(
                EndpointName=self.name,
                DesiredWeightsAndCapacities=[
                    {"VariantName": CHAMPION, "DesiredWeight": 1 - weight},
                    {"VariantName": CHALLENGER, "DesiredWeight": weight},
                ],
            )
        except ClientError as error:
            # Somebody else may have begun a change since: a deploy, or another of these calls.
            after = self.read()
            if after is not None and after.busy:
                raise StackBusy(f"endpoint {self.name} is {after.status}") from error
            raise
        return True
