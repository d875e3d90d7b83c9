"""What is written anew here, held to the text of what it stands for.

The toolkit is installed; ``sagemaker_xgboost_container`` and the image's Dockerfile are in no
registry. Checkouts of both are named by environment variables (docs/container.md); without them
their tests are skipped. A failure means that the image has changed: read the difference, then
change what is written here.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from pathlib import Path

import pytest

from local.engines import process
from local.engines.container import build, overlay
from local.services.sagemaker import server
from tests.support.locks import locked

XGBOOST = "SAGEMAKER_XGBOOST_CONTAINER_CHECKOUT"
IMAGE = "DEEP_LEARNING_CONTAINERS_CHECKOUT"
# Packages of the image that nothing here touches; docs/container.md says why.
LEFT_OUT = {
    "cuda-bindings", "cuda-core", "cuda-pathfinder", "cuda-python", "nvidia-ml-py",
    "nvidia-nccl-cu12", "pynvml", "numba", "llvmlite", "rapids-dask-dependency", "xgboost",
    "dask", "dask-cuda", "distributed", "cloudpickle", "fsspec", "locket", "msgpack", "partd",
    "sortedcontainers", "tblib", "toolz", "tornado", "zict",
    "multi-model-server", "model-archiver", "enum-compat", "future", "sagemaker-inference",
    "matplotlib", "pillow", "contourpy", "cycler", "fonttools", "kiwisolver", "pyparsing",
    "colorama", "xgboost-dlc",
}  # fmt: skip


def checkout(variable: str) -> Path:
    """The folder that an environment variable names; skips where there is none."""
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"{variable} names no checkout")
    return Path(folder)


def body(path: Path, function: str, within: str | None = None) -> str:
    """Normalised source of a function, without docstring and comments."""
    tree: ast.AST = ast.parse(path.read_text())
    if within:
        tree = next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == within)
    found = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function)
    if ast.get_docstring(found) is not None:
        found.body = found.body[1:]
    return "\n".join(ast.unparse(line) for line in found.body)


def in_order(text: str, *parts: str) -> bool:
    """Whether the parts occur, one after the other."""
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True


def toolkit(name: str) -> Path:
    return build.site_packages() / "sagemaker_containers" / name


# The installed ``sagemaker_containers``.


def test_the_code_is_prepared_installed_and_then_imported_or_run() -> None:
    modules = toolkit("_modules.py")
    steps = ("download_and_extract(uri, _env.code_dir)", "prepare(_env.code_dir", "install(")
    assert in_order(body(modules, "import_module"), *steps, "importlib.import_module(name)")
    assert in_order(body(modules, "run_module"), *steps, "write_env_vars(env_vars)", "run(name")


def test_the_command_of_pip() -> None:
    install = body(toolkit("_modules.py"), "install")
    assert "'%s -m pip install . ' % _process.python_executable()" in install
    assert "-r requirements.txt" in install
    assert "isolation" not in install


def test_a_source_without_setup_gets_one_that_names_no_build_requirement() -> None:
    text = (toolkit("_modules.py")).read_text()
    assert "setup(packages=['']" in text
    assert "pyproject" not in text


def test_nginx_starts_before_the_code_is_installed_and_gunicorn_after() -> None:
    start = body(toolkit("_server.py"), "start")
    assert in_order(
        start, "env.use_nginx", "UNIX_SOCKET_BIND", "'nginx', '-c', nginx_config_file",
        "import_module", "'gunicorn'", "'--timeout'", "'-k', 'gevent'", "'--pythonpath'",
        "'-b'", "'-w'", "os.wait()",
    )  # fmt: skip


def test_the_constants_that_the_server_goes_by() -> None:
    text = toolkit("_env.py").read_text()
    assert "MODEL_SERVER_WORKERS_ENV, num_cpus()" in text
    assert 'MODEL_SERVER_TIMEOUT_ENV, "60"' in text
    assert f'SAGEMAKER_BIND_TO_PORT_ENV, "{server.PORT}"' in text
    assert server.REQUEST_SECONDS == 60
    assert 'BASE_PATH_ENV = "SAGEMAKER_BASE_DIR"' in text
    assert 'UNIX_SOCKET_BIND = "unix:/tmp/gunicorn.sock"' in toolkit("_server.py").read_text()


def test_the_order_of_hooks_and_the_statuses() -> None:
    transformer = toolkit("_transformer.py")
    assert in_order(
        body(transformer, "_default_transform_fn"), "self._input_fn(content, content_type)",
        "UNSUPPORTED_MEDIA_TYPE", "self._predict_fn(data, model)", "self._output_fn(prediction",
        "NOT_ACCEPTABLE",
    )  # fmt: skip
    assert "self._transform_fn(self._model, request.content, request.content_type" in body(
        transformer, "transform"
    )
    constructor = body(transformer, "__init__", "Transformer")
    for hook in ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn"):
        assert f"error_wrapper({hook}, error_class)" in constructor


def test_what_counts_as_text_and_as_any_type() -> None:
    request = body(toolkit("_worker.py"), "content", "Request")
    assert "self.content_type in _content_types.UTF8_TYPES" in request
    assert "accept == _content_types.ANY" in body(toolkit("_worker.py"), "accept", "Request")
    assert "UTF8_TYPES = [JSON, CSV]" in toolkit("_content_types.py").read_text()


def test_training_ends_with_its_exit_code_and_a_failure_file() -> None:
    train = body(toolkit("_trainer.py"), "train")
    assert in_order(
        train, "framework_module.split(':')", "entrypoint()", "write_success_file()",
        "ClientError", "write_failure_file(failure_message)", "DEFAULT_FAILURE_CODE",
        "_exit_processes(exit_code)",
    )  # fmt: skip


# ``sagemaker_xgboost_container`` of the image.


def container_source(name: str) -> Path:
    return checkout(XGBOOST) / "src" / "sagemaker_xgboost_container" / name


def test_serve_is_the_packages_own_command() -> None:
    setup = (checkout(XGBOOST) / "setup.py").read_text()
    module, function = overlay.COMMANDS["serve"]
    assert f'"serve={module}:{function}"' in setup
    assert '"train=' not in setup, "the command train is the toolkit's"


def test_serving_starts_the_toolkits_server_with_one_thread() -> None:
    entry = body(container_source("serving.py"), "serving_entrypoint")
    assert in_order(
        entry, "set_default_serving_env_if_unspecified()", "is_multi_model()",
        "server.start(env.ServingEnv().framework_module)",
    )  # fmt: skip
    assert '"OMP_NUM_THREADS": sm_env_constants.ONE_THREAD_PER_PROCESS' in (
        container_source("serving.py").read_text()
    )
    constants = container_source("constants/sm_env_constants.py").read_text()
    assert 'ONE_THREAD_PER_PROCESS = "1"' in constants


def test_transform_fn_excludes_the_other_hooks() -> None:
    hooks = body(container_source("serving.py"), "_user_module_transformer")
    assert in_order(
        hooks, "'model_fn', default_model_fn", "'input_fn', None", "'predict_fn', None",
        "'output_fn', None", "'transform_fn', None",
        "if transform_fn and (input_fn or predict_fn or output_fn)", "exc.UserError",
        "Transformer(model_fn=model_fn, transform_fn=transform_fn)",
        "input_fn=input_fn or default_input_fn", "predict_fn=predict_fn or default_predict_fn",
        "output_fn=output_fn or default_output_fn",
    )  # fmt: skip


def test_the_application_is_built_by_the_first_request_of_a_worker() -> None:
    main = body(container_source("serving.py"), "main")
    assert in_order(
        main, "if app is None", "serving_env.module_name is None", "csdk_start()",
        "importlib.import_module(serving_env.module_name)", "_user_module_transformer(",
        ".initialize()", "worker.Worker(transform_fn=", "module_name=serving_env.module_name",
        "app(environ, start_response)",
    )  # fmt: skip


def test_the_defaults_of_hooks() -> None:
    serving = container_source("serving.py")
    assert "model.predict(input_data, validate_features=False)" in body(
        serving, "default_predict_fn"
    )
    assert "encoders.encode(prediction, accept), mimetype=accept" in body(
        serving, "default_output_fn"
    )
    assert "transformer.default_model_fn" in body(serving, "default_model_fn")


def test_training_runs_the_module_and_ends() -> None:
    training = container_source("training.py")
    assert in_order(
        body(training, "train"), "user_entry_point is not None", "modules.run_module(",
        "module_dir", "to_cmd_args()", "to_env_vars()", "module_name", "capture_error=False",
    )  # fmt: skip
    assert in_order(body(training, "main"), "train(framework.training_env())", "sys.exit(0)")


# The Dockerfile and the lock file of the image.


def image_file(name: str) -> str:
    return (checkout(IMAGE) / "docker" / "xgboost" / name).read_text()


def test_every_package_has_the_images_version_or_is_left_out_by_name() -> None:
    packages = tomllib.loads(image_file("uv.lock"))["package"]
    image = {one["name"]: one["version"] for one in packages}
    ours = locked()
    extra = {"xgboost-cpu", "colorama"}
    assert {name: ours[name] for name in ours if name not in extra} == {
        name: version for name, version in image.items() if name not in LEFT_OUT
    }
    assert ours["xgboost-cpu"] == image["xgboost"]


def test_the_variables_are_the_images() -> None:
    text = image_file("Dockerfile").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("ENV ")]
    given = dict(re.findall(r"(\w+)=(\S+)", " ".join(lines)))
    here = {name: given.pop(name) for name in process.IMAGE_VARIABLES}
    assert here == process.IMAGE_VARIABLES
    # Those of the machine, of multi-model serving and of CUDA.
    assert set(given) == {
        "UV_PROJECT_ENVIRONMENT", "PATH", "NCCL_SOCKET_IFNAME", "TEMP", "LD_LIBRARY_PATH",
        "XGBOOST_MMS_CONFIG",
    }  # fmt: skip


def test_the_toolkit_is_patched_in_one_place() -> None:
    text = image_file("Dockerfile")
    assert r"s/collections\.Mapping/collections.abc.Mapping/g" in text
    assert text.count("sed -i") == 1
    assert "ARG PYTHON_VERSION=3.12" in text
