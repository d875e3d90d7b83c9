"""The variants of one endpoint configuration in service: servers, weights, random choice."""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from local.engines import logs, roles
from local.engines.container import images
from local.engines.errors import validation
from local.engines.host import scoped, state_dir
from local.engines.process import JobDirectory
from local.engines.storage import TransferError
from local.services.sagemaker import models, store
from local.services.sagemaker.server import ModelServer, ServerError

_debug_lock = threading.Lock()
_debug: dict[str, dict[str, Any]] = {}


@dataclass(slots=True)
class Variant:
    """One production variant: its server, its share of traffic, its nominal size."""

    name: str
    model_name: str
    image: str
    weight: float
    instances: int
    server: ModelServer
    session: roles.RoleSession
    logged: int = 0


class Fleet:
    """All variants of one endpoint configuration. ``start`` either starts all or raises."""

    def __init__(self, endpoint: str, config: store.Record) -> None:
        self.endpoint = endpoint
        self.config = config
        base = state_dir() / "sagemaker" / "endpoint" / f"{endpoint}-{time.time_ns()}"
        self.base = base
        self.variants = [self._variant(spec) for spec in config["ProductionVariants"]]

    def _variant(self, spec: Mapping[str, Any]) -> Variant:
        model = models.find_model(spec["ModelName"])
        container = models.container(model)
        session = roles.assume(model["ExecutionRoleArn"], roles.SAGEMAKER, "SageMaker")
        directory = JobDirectory(self.base / spec["VariantName"] / "ml")
        directory.base.mkdir(parents=True)
        return Variant(
            name=spec["VariantName"],
            model_name=spec["ModelName"],
            image=container.image,
            weight=float(spec["InitialVariantWeight"]),
            instances=int(spec.get("InitialInstanceCount", 1)),
            server=ModelServer(container, session, directory),
            session=session,
        )

    @property
    def role_session(self) -> roles.RoleSession:
        """The execution role that writes captured data: that of the first variant's model."""
        return self.variants[0].session

    def start(self) -> None:
        """Start all servers at once; ServerError names the variant that failed."""
        with ThreadPoolExecutor(max_workers=len(self.variants)) as pool:
            tasks = [pool.submit(copy_context().run, self._start, v) for v in self.variants]
            failures = [str(task.exception()) for task in tasks if task.exception()]
        if failures:
            self.stop()
            raise ServerError("; ".join(failures))
        for variant in self.variants:
            scoped(variant.server.watch, f"watch-{self.endpoint}-{variant.name}")

    def _start(self, variant: Variant) -> None:
        if not images.runs(variant.image):
            raise ServerError(f"Variant {variant.name}: {images.refusal(variant.image)}")
        try:
            variant.server.start(variant.session.client("s3"))
        except (ServerError, TransferError) as error:
            raise ServerError(f"Variant {variant.name}: {error}") from error
        finally:
            self._ship(variant)

    def _ship(self, variant: Variant) -> None:
        stream = f"{variant.name}/{self.base.name}"
        group = f"/aws/sagemaker/Endpoints/{self.endpoint}"
        log = variant.server.directory.log
        variant.logged = logs.ship(variant.session, group, stream, log, variant.logged)

    def variant(self, name: str) -> Variant:
        """A variant by name; ValidationException when the endpoint has none of that name."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise validation(f"Variant {name} not found for endpoint {self.endpoint}.")

    def choose(self, target: str | None) -> Variant:
        """The target variant, or one drawn in proportion to its weight."""
        if target:
            return self.variant(target)
        if len(self.variants) == 1:
            return self.variants[0]
        weights = [variant.weight for variant in self.variants]
        return random.choices(self.variants, weights)[0]  # noqa: S311

    def keep_properties(self, other: Fleet, overridden: set[str]) -> None:
        """Take weights and counts of same-named variants over, except the overridden ones."""
        former = {variant.name: variant for variant in other.variants}
        for variant in self.variants:
            if variant.name not in former:
                continue
            if "DesiredWeight" not in overridden:
                variant.weight = former[variant.name].weight
            if "DesiredInstanceCount" not in overridden:
                variant.instances = former[variant.name].instances

    def summaries(self) -> list[dict[str, Any]]:
        """ProductionVariants of DescribeEndpoint."""
        return [
            {
                "VariantName": v.name,
                "DeployedImages": [{"SpecifiedImage": v.image, "ResolvedImage": v.image}],
                "CurrentWeight": v.weight,
                "DesiredWeight": v.weight,
                "CurrentInstanceCount": v.instances,
                "DesiredInstanceCount": v.instances,
            }
            for v in self.variants
        ]

    def stop(self) -> None:
        """End all servers and remove their files; logs stay."""
        for variant in self.variants:
            variant.server.stop()
            self._ship(variant)
            shutil.rmtree(variant.server.directory.base, ignore_errors=True)


def publish_debug(endpoint: str, fleet: Fleet | None) -> None:
    """Keep ``endpoints.json`` in the state directory: which process serves which variant."""
    with _debug_lock:
        if fleet is None:
            _debug.pop(endpoint, None)
        else:
            _debug[endpoint] = {
                variant.name: {
                    "pid": variant.server.pid,
                    "socket": variant.server.socket,
                    "model": variant.model_name,
                    "weight": variant.weight,
                    "restarts": variant.server.restarts,
                }
                for variant in fleet.variants
            }
        path = state_dir() / "endpoints.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(_debug, indent=2) + "\n")
        temporary.replace(path)
