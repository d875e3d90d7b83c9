"""Endpoints: creation, blue/green updates with rollback, weights, deletion.

Work happens on a thread while the record says Creating or Updating, as on AWS. Until a new fleet
has loaded every model, the old one serves; if it never does, the old one keeps serving and the
record says why.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.engines.errors import ServiceError, in_use, not_found, validation
from local.engines.host import scoped
from local.services.sagemaker import deployment, events, guardrails, models, store, wire
from local.services.sagemaker.capture import Capture
from local.services.sagemaker.fleet import Fleet, publish_debug
from local.services.sagemaker.server import ServerError

_log = logging.getLogger("millrace.sagemaker")
_DRAIN_SECONDS = 1.0
# Minutes on AWS.
_WEIGHTS_SECONDS = 0.5
# AWS::SageMaker::Endpoint reports these as its steady states.
SETTLED = ("InService", "Failed")
# (endpoint, variant) -> whether something holds the variant as a scalable target.
scaling_checks: list[Callable[[str, str], bool]] = []


class Endpoint:
    """One endpoint: its record, the fleets that share its traffic, and its data capture."""

    def __init__(self, record: store.Record) -> None:
        self.record = record
        self.name: str = record["EndpointName"]
        self.fleet: Fleet | None = None
        self._trial: tuple[Fleet, float] | None = None
        self.capture: Capture | None = None
        self._capture_lock = threading.Lock()

    def create(self) -> None:
        """Start the first fleet (thread body)."""
        try:
            fleet = Fleet(self.name, self._config(self.record["EndpointConfigName"]))
            fleet.start()
        except (ServiceError, ServerError) as error:
            self._settle("Failed", str(getattr(error, "message", error)))
            return
        except Exception as error:
            _log.exception("endpoint %s", self.name)
            self._settle("Failed", f"InternalServerError: {error}")
            return
        self._serve(fleet)
        self._settle("InService")

    def update(self, request: Mapping[str, Any]) -> None:
        """Start a fleet of the new configuration and move the traffic to it (thread body)."""
        former = self.fleet
        assert former is not None
        fleet: Fleet | None = None
        try:
            fleet = Fleet(self.name, self._config(request["EndpointConfigName"]))
            if request.get("RetainAllVariantProperties"):
                excluded = request.get("ExcludeRetainedVariantProperties", [])
                overridden = {item["VariantPropertyType"] for item in excluded}
                fleet.keep_properties(former, overridden)
            fleet.start()
            self._shift(fleet, request.get("DeploymentConfig"))
        except Exception as error:
            self._trial = None
            if fleet is not None:
                fleet.stop()
            if not isinstance(error, (ServiceError, ServerError, deployment.RolledBackError)):
                _log.exception("update of endpoint %s", self.name)
            reason = str(getattr(error, "message", error))
            self._settle("InService", f"Request to update endpoint failed: {reason}")
            return
        self._serve(fleet)
        with store.lock:
            self.record["EndpointConfigName"] = request["EndpointConfigName"]
            self.record.pop("FailureReason", None)
            if "DeploymentConfig" in request:
                self.record["LastDeploymentConfig"] = request["DeploymentConfig"]
        self._settle("InService")
        # Requests that chose the old fleet a moment ago still have to be answered.
        time.sleep(_DRAIN_SECONDS)
        former.stop()

    def route(self) -> Fleet:
        """The fleet that takes the next request; ValidationException when none does."""
        fleet, trial = self.fleet, self._trial
        if trial is not None and random.random() < trial[1]:  # noqa: S311
            return trial[0]
        if fleet is None:
            raise validation(f"Endpoint {self.name} of account is not in service.")
        return fleet

    def apply_weights(self, desired: list[dict[str, Any]]) -> None:
        """UpdateEndpointWeightsAndCapacities: takes effect with the next request."""
        fleet = self.route()
        changes = [(fleet.variant(item["VariantName"]), item) for item in desired]
        weights = {v.name: v.weight for v in fleet.variants}
        weights |= {v.name: c["DesiredWeight"] for v, c in changes if "DesiredWeight" in c}
        if not any(weight > 0 for weight in weights.values()):
            raise validation("At least one variant needs a weight above zero.")
        for variant, change in changes:
            variant.weight = float(change.get("DesiredWeight", variant.weight))
            variant.instances = int(change.get("DesiredInstanceCount", variant.instances))
        publish_debug(self.name, fleet)

    def close(self) -> None:
        """End servers and capture: deletion or shutdown."""
        with self._capture_lock:
            capture, self.capture = self.capture, None
        if capture is not None:
            capture.close()
        fleet, self.fleet = self.fleet, None
        if fleet is not None:
            fleet.stop()
        publish_debug(self.name, None)

    def _config(self, name: str) -> store.Record:
        return models.find_endpoint_config(name)

    def _shift(self, fleet: Fleet, config: Mapping[str, Any] | None) -> None:
        def set_share(share: float) -> None:
            self._trial = (fleet, share)

        guardrails.check_alarms(fleet.role_session.role_arn, config)
        instances = sum(variant.instances for variant in fleet.variants)
        deployment.shift(config, instances, set_share)

    def _serve(self, fleet: Fleet) -> None:
        self.fleet, self._trial = fleet, None
        config = fleet.config.get("DataCaptureConfig", {})
        session = fleet.role_session
        fresh = Capture(self.name, config, session) if config.get("EnableCapture") else None
        with self._capture_lock:
            former, self.capture = self.capture, fresh
        if former is not None:
            former.close()
        publish_debug(self.name, fleet)

    def _settle(self, status: str, reason: str | None = None) -> None:
        with store.lock:
            self.record["EndpointStatus"] = status
            self.record["LastModifiedTime"] = wire.now()
            if reason:
                self.record["FailureReason"] = reason[:1024]
        events.publish(
            "SageMaker Endpoint State Change",
            describe_record(self.record),
            self.record["EndpointArn"],
        )


def create(request: Mapping[str, Any]) -> store.Record:
    """CreateEndpoint: answers at once; Describe reports Creating until the fleet is healthy."""
    name = request["EndpointName"]
    if name in store.tables().endpoints:
        raise in_use(f"Cannot create already existing endpoint {store.arn('endpoint', name)!r}.")
    config = models.find_endpoint_config(request["EndpointConfigName"])
    _check_deployment(request, config)
    record: store.Record = {
        "EndpointName": name,
        "EndpointArn": store.arn("endpoint", name),
        "EndpointConfigName": request["EndpointConfigName"],
        "EndpointStatus": "Creating",
        "CreationTime": wire.now(),
        "LastModifiedTime": wire.now(),
    }
    if "DeploymentConfig" in request:
        record["LastDeploymentConfig"] = request["DeploymentConfig"]
    endpoint = record["_endpoint"] = Endpoint(record)
    with store.lock:
        store.tables().endpoints[name] = record
        store.set_tags(record["EndpointArn"], request.get("Tags"))
    scoped(endpoint.create, f"create-endpoint-{name}")
    return {"EndpointArn": record["EndpointArn"]}


def update(request: Mapping[str, Any]) -> store.Record:
    """UpdateEndpoint: the old fleet serves until the new one has proved itself."""
    record = find(request["EndpointName"])
    # An endpoint whose configuration was deleted cannot be updated until it is there again.
    # https://github.com/hashicorp/terraform-provider-aws/issues/48997
    former = models.find_endpoint_config(record["EndpointConfigName"])
    config = models.find_endpoint_config(request["EndpointConfigName"])
    request = guardrails.with_retained(request, record)
    guardrails.check_variants(request, former, config)
    _check_deployment(request, config, record["_endpoint"].fleet)
    _check_scaling(record, config)
    _begin_update(record)
    endpoint: Endpoint = record["_endpoint"]
    scoped(lambda: endpoint.update(request), f"update-endpoint-{endpoint.name}")
    return {"EndpointArn": record["EndpointArn"]}


def update_weights(request: Mapping[str, Any]) -> store.Record:
    """UpdateEndpointWeightsAndCapacities: Updating for a while, and nothing else meanwhile."""
    record = find(request["EndpointName"])
    endpoint: Endpoint = record["_endpoint"]
    _begin_update(record)
    try:
        endpoint.apply_weights(request["DesiredWeightsAndCapacities"])
    except ServiceError:
        endpoint._settle("InService")
        raise

    def settle() -> None:
        time.sleep(_WEIGHTS_SECONDS)
        endpoint._settle("InService")

    scoped(settle, f"update-weights-{endpoint.name}")
    return {"EndpointArn": record["EndpointArn"]}


def delete(request: Mapping[str, Any]) -> store.Record:
    """DeleteEndpoint: refused while it is being created or updated, as on AWS."""
    record = find(request["EndpointName"])
    with store.lock:
        if record["EndpointStatus"] not in SETTLED:
            raise validation(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        record["EndpointStatus"] = "Deleting"
    record["_endpoint"].close()
    with store.lock:
        store.tables().endpoints.pop(request["EndpointName"], None)
        store.tables().tags.pop(record["EndpointArn"], None)
    return {}


def find(name: str) -> store.Record:
    """The endpoint's record, or the ValidationException AWS answers."""
    record = store.tables().endpoints.get(name)
    if record is None:
        raise not_found("endpoint", store.arn("endpoint", name))
    return record


def describe_record(record: store.Record) -> store.Record:
    """The DescribeEndpoint members, with the variants as they are now."""
    answer = {key: value for key, value in record.items() if not key.startswith("_")}
    fleet = record["_endpoint"].fleet
    if fleet is not None:
        answer["ProductionVariants"] = fleet.summaries()
        config = fleet.config.get("DataCaptureConfig")
        if config:
            answer["DataCaptureConfig"] = {
                "EnableCapture": config.get("EnableCapture", False),
                "CaptureStatus": "Started" if config.get("EnableCapture") else "Stopped",
                "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
                "DestinationS3Uri": config["DestinationS3Uri"],
                "KmsKeyId": config.get("KmsKeyId", ""),
            }
    return answer


def _check_scaling(record: store.Record, config: store.Record) -> None:
    """A variant with a scalable target can neither go nor change its instance type."""
    fleet = record["_endpoint"].fleet
    planned = {spec["VariantName"]: spec for spec in config["ProductionVariants"]}
    for spec in fleet.config["ProductionVariants"] if fleet is not None else []:
        name = spec["VariantName"]
        kept = planned.get(name, {}).get("InstanceType") == spec.get("InstanceType")
        if not kept and any(bound(record["EndpointName"], name) for bound in scaling_checks):
            raise validation(
                f"The variant(s) {name!r} must be deregistered as scalable target with AutoScaling "
                f"before they can be removed or updated to be a different instance type."
            )


def _begin_update(record: store.Record) -> None:
    with store.lock:
        if record["EndpointStatus"] != "InService":
            raise validation(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        record["EndpointStatus"] = "Updating"
        record.pop("FailureReason", None)


def _check_deployment(
    request: Mapping[str, Any], config: store.Record, fleet: Fleet | None = None
) -> None:
    """Sizes are parts of the new fleet, which has the old one's counts if they are retained."""
    counts = {
        spec["VariantName"]: int(spec.get("InitialInstanceCount", 1))
        for spec in config["ProductionVariants"]
    }
    if fleet is not None and request.get("RetainAllVariantProperties"):
        kept = {variant.name: variant.instances for variant in fleet.variants}
        counts |= {name: kept[name] for name in counts if name in kept}
    try:
        deployment.check(request.get("DeploymentConfig"), counts)
    except ValueError as error:
        raise validation(str(error)) from error
