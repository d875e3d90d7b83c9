"""The emulator process: MiniStack with our extensions, on one loopback port.

Started by ``local.platform`` only, which sets its environment. MiniStack's own ``main`` is not
used because with TLS it also binds port 443 and names its pid file by port in the temp folder.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from local import address_grammar
from local.emulator import private_tables, process_guard
from local.emulator.extensions import Tables, attach_all, load_all

logger = logging.getLogger("millrace.emulator")


def build_tables() -> Tables:
    """Import MiniStack and collect its tables."""
    from ministack import app
    from ministack.services import stepfunctions
    from ministack.services.cloudformation import provisioners

    return Tables(
        state_dir=Path(os.environ["MILLRACE_STATE_DIR"]),
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        account=os.environ["MINISTACK_ACCOUNT_ID"],
        region=os.environ["MINISTACK_REGION"],
        resource_handlers=provisioners._RESOURCE_HANDLERS,
        task_integrations=stepfunctions._SERVICE_DISPATCH,
        service_handlers=app.SERVICE_HANDLERS,
    )


def _guarded(name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        logger.exception("%s failed", name)


def _run_periodic(tables: Tables, stopping: threading.Event) -> list[threading.Thread]:
    def loop(name: str, seconds: float, work: Callable[[], None]) -> None:
        while not stopping.wait(seconds):
            _guarded(name, work)

    threads = [
        threading.Thread(
            target=contextvars.copy_context().run, args=(loop, *entry), name=entry[0], daemon=True
        )
        for entry in tables.periodic
    ]
    for thread in threads:
        thread.start()
    return threads


async def serve(tables: Tables, port: int) -> None:
    """Serve until SIGTERM, SIGINT or the parent's end; then run the shutdown callbacks."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack import app

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile = os.environ["MINISTACK_SSL_CERT"]
    config.keyfile = os.environ["MINISTACK_SSL_KEY"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.accesslog = None
    config.loglevel = "WARNING"

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pipe = os.environ.pop("MILLRACE_PARENT_PIPE", "")
    if pipe:
        process_guard.watch_parent(int(pipe), lambda: loop.call_soon_threadsafe(stop.set))

    stopping = threading.Event()
    server = asyncio.create_task(hypercorn_serve(app.app, config, shutdown_trigger=stop.wait))
    for start in tables.startup_callbacks:
        await asyncio.to_thread(_guarded, "startup", start)
    threads = _run_periodic(tables, stopping)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({server, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    await asyncio.to_thread(_shut_down, tables, threads)
    stop.set()
    await asyncio.wait({server}, timeout=1.5)
    # Connections that clients keep open would make the loop's teardown wait and log errors.
    logging.shutdown()


def _shut_down(tables: Tables, threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(timeout=2)
    for callback in reversed(tables.shutdown_callbacks):
        _guarded("shutdown", callback)
    process_guard.end_marked(os.environ[process_guard.MARK])


def main() -> None:
    """Build, attach, serve."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"))
    guard = process_guard.start_guard(os.environ[process_guard.MARK])
    address_grammar.put_off()
    # What is imported here stays: looking for cycles in it would cost at each start, and later.
    gc.disable()
    modules = load_all()
    private_tables.verify()
    tables = build_tables()
    gc.freeze()
    gc.enable()
    private_tables.install_hooks(tables)
    attached = attach_all(tables, modules)
    logger.info("attached: %s", ", ".join(attached))
    try:
        asyncio.new_event_loop().run_until_complete(serve(tables, int(os.environ["GATEWAY_PORT"])))
    finally:
        guard.kill()
        guard.wait()
        # MiniStack leaves non-daemon threads; nothing is left that they should finish.
        os._exit(0)


if __name__ == "__main__":
    main()
