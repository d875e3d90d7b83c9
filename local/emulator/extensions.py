"""What an extension of the emulator may touch, and through which names.

MiniStack has no plug-in interface: a service, a CloudFormation type or a Step Functions
integration is added by writing into a private table. Every such write goes through ``Tables``,
so an upgrade that moves a table breaks in one file (and in its test,
``tests/local/emulator/test_private_tables.py``) instead of in every extension.

An extension is a module with ``types() -> list[ResourceType]``, ``attach(tables: Tables) -> None``
or both; each is called once, before the server listens, in the order of ``local.emulator.order``.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from local.emulator.order import EXTENSIONS

# One HTTP answer as MiniStack's services give it: status, headers, body.
Response = tuple[int, dict[str, str], bytes]
ServiceHandler = Callable[
    [str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]
]
# (logical_id, properties, stack_name) -> (physical id, attributes for Fn::GetAtt)
CreateResource = Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]]
# (physical_id, old, new, stack_name, logical_id) -> (physical id, attributes)
UpdateResource = Callable[
    [str, dict[str, Any], dict[str, Any], str, str | None], tuple[str, dict[str, Any]]
]
DeleteResource = Callable[[str, dict[str, Any]], None]
# (resource ARN of the state's Task, its resolved parameters) -> the task's result
TaskIntegration = Callable[[str, Any], Any]
# (method, path, headers, body, query) -> the resource ARNs one request has to be allowed on
ResourceArns = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], list[str]]


class MissingTableError(RuntimeError):
    """A private name of MiniStack that an extension needs is gone or has changed its kind."""


@dataclass(frozen=True, slots=True)
class Service:
    """An AWS service MiniStack lacks: how its requests are recognised, authorised and answered.

    ``name`` is the key in MiniStack's tables. A request belongs to the service when its
    ``X-Amz-Target`` starts with one of ``target_prefixes``, else when the credential scope is
    in ``signing_names`` and the path starts with one of ``path_prefixes`` (none: any path).
    ``iam_namespace`` is the prefix of its IAM actions; REST operations are found with the
    botocore model ``botocore_name``. ``resource_arns`` gives the ARNs a request is checked
    against; without it every check is made on ``*``. ``handler`` must not block the event
    loop: blocking work goes through ``asyncio.to_thread``.
    """

    name: str
    handler: ServiceHandler
    iam_namespace: str
    target_prefixes: tuple[str, ...] = ()
    signing_names: tuple[str, ...] = ()
    path_prefixes: tuple[str, ...] = ()
    botocore_name: str | None = None
    resource_arns: ResourceArns | None = None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A CloudFormation type. A change of a ``create_only`` property replaces the resource.

    ``blocking`` types are provisioned on a worker thread; all others run on the event loop and
    must return at once. Raise ``ValueError`` with a reason a person can act on.
    ``name_property``: an unchanged explicit name refuses a replacement, as CloudFormation does.
    """

    name: str
    create: CreateResource
    delete: DeleteResource
    update: UpdateResource | None = None
    create_only: frozenset[str] = frozenset()
    blocking: bool = False
    name_property: str | None = None


@dataclass(slots=True)
class Tables:
    """Typed access to the emulator's private tables; one instance is given to every extension."""

    state_dir: Path
    endpoint: str
    account: str
    region: str
    resource_handlers: dict[str, dict[str, Any]]
    task_integrations: dict[str, TaskIntegration]
    service_handlers: dict[str, ServiceHandler]
    services: dict[str, Service] = field(default_factory=dict)
    blocking_types: set[str] = field(default_factory=set)
    shutdown_callbacks: list[Callable[[], None]] = field(default_factory=list)
    startup_callbacks: list[Callable[[], None]] = field(default_factory=list)
    periodic: list[tuple[str, float, Callable[[], None]]] = field(default_factory=list)

    def add_service(self, service: Service) -> None:
        """Route, authorise and answer a service's requests."""
        from local.emulator import private_tables

        self.services[service.name] = service
        self.service_handlers[service.name] = service.handler
        private_tables.register_service(service)

    def add_resource_type(self, resource: ResourceType) -> None:
        """Let CloudFormation provision a type (replacing MiniStack's own provisioner, if any)."""
        from local.emulator import private_tables

        entry: dict[str, Any] = {"create": resource.create, "delete": resource.delete}
        if resource.update is not None:
            entry |= {"update": resource.update, "update_with_logical_id": True}
        self.resource_handlers[resource.name] = entry
        if resource.blocking:
            self.blocking_types.add(resource.name)
        private_tables.register_replacement(resource)

    def add_task_integration(self, prefix: str, run: TaskIntegration) -> None:
        """Serve a Step Functions ``Resource`` that starts with ``prefix`` (without ``.sync``).

        ``run`` gets the whole ARN, so it sees ``.sync``; it runs on the execution's own thread
        and may block. It raises ``service_roles.task_error(code, cause)`` to fail the state.
        The table is searched in order: the longer of two prefixes is kept first.
        """
        self.task_integrations[prefix] = run
        ordered = sorted(self.task_integrations.items(), key=lambda item: -len(item[0]))
        self.task_integrations.clear()
        self.task_integrations.update(ordered)

    def on_startup(self, callback: Callable[[], None]) -> None:
        """Run once the server listens (on a worker thread)."""
        self.startup_callbacks.append(callback)

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """Run before the server stops; last registered first. The place to end child processes."""
        self.shutdown_callbacks.append(callback)

    def every(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Run ``callback`` about every ``seconds`` on a thread of its own until shutdown."""
        self.periodic.append((name, seconds, callback))


def load_all(names: Iterable[str] = EXTENSIONS) -> list[ModuleType]:
    """Import every extension module, so that each names its private tables."""
    modules = [importlib.import_module(name) for name in names]
    for module in modules:
        if not hasattr(module, "attach") and not hasattr(module, "types"):
            raise MissingTableError(f"extension {module.__name__} has neither attach() nor types()")
    return modules


def attach_all(tables: Tables, modules: Iterable[ModuleType]) -> list[str]:
    """Attach the modules in order; return their names."""
    attached = []
    for module in modules:
        for resource in module.types() if hasattr(module, "types") else ():
            tables.add_resource_type(resource)
        if hasattr(module, "attach"):
            module.attach(tables)
        attached.append(module.__name__)
    return attached
