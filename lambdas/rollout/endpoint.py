"""The endpoint: whether it can be updated, and its variants' weights."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.errors import StackBusy
from lambdas.shared.names import CHALLENGER, CHAMPION

_BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


class Endpoint:
    """An endpoint that may be off.

    Args:
        client: a boto3 SageMaker client.
        name: the endpoint's name; empty while serving is off.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def _describe(self) -> dict[str, Any] | None:
        if not self._name:
            return None
        try:
            return dict(self._client.describe_endpoint(EndpointName=self._name))
        except ClientError as error:
            if "could not find" in error.response["Error"]["Message"].lower():
                return None
            raise

    def busy(self) -> bool:
        """Whether it is being changed: new weights take a while to settle, too."""
        found = self._describe()
        return found is not None and found["EndpointStatus"] in _BUSY

    def set_challenger_weight(self, weight: float) -> bool:
        """Give the challenger this share of the traffic and the champion the rest.

        Returns:
            False when there is no endpoint or it has no challenger.

        Raises:
            StackBusy: the endpoint is being changed.
        """
        found = self._describe()
        if found is None:
            return False
        if found["EndpointStatus"] in _BUSY:
            raise StackBusy(f"endpoint {self._name} is {found['EndpointStatus']}")
        present = {variant["VariantName"] for variant in found.get("ProductionVariants", [])}
        if CHALLENGER not in present:
            return False
        self._client.update_endpoint_weights_and_capacities(
            EndpointName=self._name,
            DesiredWeightsAndCapacities=[
                {"VariantName": CHAMPION, "DesiredWeight": 1 - weight},
                {"VariantName": CHALLENGER, "DesiredWeight": weight},
            ],
        )
        return True
