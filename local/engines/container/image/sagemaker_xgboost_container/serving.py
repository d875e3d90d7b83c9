"""The image's ``serve`` command and its ``SAGEMAKER_SERVING_MODULE``, for one model in script mode.

``serve`` installs the model's code and starts nginx and gunicorn through the toolkit; each gunicorn
worker builds the application with its first request, which on SageMaker is a ping.

The toolkit's modules are imported where they are needed, and not by way of its ``framework``, which
brings all of them: SciPy and MPI's secure shell for a process that only starts two others are half
of a server's start.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from . import installs


def import_when_used(name: str) -> None:
    """Let ``import`` of a package find a module that is filled with the first use of a name in it.

    The toolkit imports boto3 in each process and calls it in training only: a third of a server's
    start. A model's own code finds it as ever. The standard library's lazy loader is of no use:
    already the next ``import`` statement asks the module for its specification.
    """
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    module, loader = importlib.util.module_from_spec(spec), spec.loader

    def first_use(attribute: str) -> Any:
        del module.__dict__["__getattr__"]
        loader.exec_module(module)
        return getattr(module, attribute)

    module.__dict__["__getattr__"] = first_use
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


import_when_used("boto3")

from sagemaker_containers import _env as env  # noqa: E402 - it is what imports boto3

_HOOKS = ("input_fn", "predict_fn", "output_fn")
_application: Callable[[Any, Any], Iterable[bytes]] | None = None


class UserError(Exception):
    """The user's module cannot be served."""


def serving_entrypoint() -> None:
    """The command ``serve``."""
    if os.environ.get("SAGEMAKER_MULTI_MODEL"):
        raise NotImplementedError("SAGEMAKER_MULTI_MODEL: the local platform serves one model")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from sagemaker_containers import _modules as modules
    from sagemaker_containers import _server as server

    _stay_in_container(server)
    installs.keep(modules)
    server.start(env.ServingEnv().framework_module)


def _stay_in_container(server: Any) -> None:
    """A container has ``/tmp`` and ``/etc`` to itself; here several share a machine."""
    own = Path(tempfile.gettempdir())
    server.UNIX_SOCKET_BIND = f"unix:{own / 'gunicorn.sock'}"
    server.nginx_config_file = str(own / "sagemaker-nginx.conf")


def default_input_fn(input_data: Any, content_type: str) -> Any:
    """The image decodes CSV, LibSVM and protobuf to a matrix."""
    raise NotImplementedError("the image's own decoder is not in the local platform: add input_fn")


def default_predict_fn(input_data: Any, model: Any) -> Any:
    """Predict with a booster."""
    return model.predict(input_data, validate_features=False)


def default_output_fn(prediction: Any, accept: str) -> Any:
    """Encode a prediction by the toolkit's encoders."""
    from sagemaker_containers import _encoders as encoders
    from sagemaker_containers import _worker as worker

    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)


def user_transformer(module: ModuleType) -> Any:
    """The toolkit's transformer around the module's hooks; ``transform_fn`` excludes the others."""
    from sagemaker_containers import _transformer as transformer

    hooks = {name: getattr(module, name, None) for name in _HOOKS}
    model_fn = getattr(module, "model_fn", transformer.default_model_fn)
    transform_fn = getattr(module, "transform_fn", None)
    if transform_fn is None:
        defaults = (default_input_fn, default_predict_fn, default_output_fn)
        chosen = {n: hooks[n] or d for n, d in zip(_HOOKS, defaults, strict=True)}
        return transformer.Transformer(model_fn=model_fn, **chosen)
    if any(hooks.values()):
        raise UserError(f"transform_fn excludes {', '.join(n for n in _HOOKS if hooks[n])}")
    return transformer.Transformer(model_fn=model_fn, transform_fn=transform_fn)


def main(environ: Any, start_response: Any) -> Iterable[bytes]:
    """The WSGI application; an error while it is built is a status 500, the next call retries."""
    global _application  # noqa: PLW0603 - one application in each worker process
    if _application is None:
        # SciPy takes every name of NumPy, and with them its compiler of Fortran.
        import_when_used("numpy.f2py")
        from sagemaker_containers import _worker as worker

        name = env.ServingEnv().module_name
        if name is None:
            raise NotImplementedError("SAGEMAKER_PROGRAM is missing: script mode only")
        hooks = user_transformer(importlib.import_module(name))
        hooks.initialize()
        _application = worker.Worker(transform_fn=hooks.transform, module_name=name)
    return _application(environ, start_response)
