"""Code that pip installed for one container is given to the next, and nothing else is."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from core import names
from local.engines.container import overlay
from local.engines.process import INSTALLS_VARIABLE
from local.services.sagemaker.server import ServerError
from tests.support.containers import ask, hooks, server
from tests.support.files import tree

KEPT = "Installed before by pip from the same files"
PIP = "Successfully installed inference-1.0.0"
ANSWERS = """
import pathlib
def model_fn(d): return pathlib.Path(__file__).read_text()
def transform_fn(model, *rest): return model, "text/plain"
"""


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The container's module, as the container imports it, with a folder to keep things in."""
    place = overlay.IMAGE_FILES / "sagemaker_xgboost_container" / "installs.py"
    spec = importlib.util.spec_from_file_location("installs", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv(module.FOLDER, str(tmp_path / "kept"))
    return module


class Container:
    """A container's two folders, and a toolkit that counts what it installs."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.code, self.packages = root / "code", root / "packages"
        self.packages.mkdir(parents=True)
        self.code.mkdir()
        for name, text in files.items():
            (self.code / name).write_text(text)
        self.toolkit = SimpleNamespace(prepare=self._prepare, install=self._install)
        self.pip = 0

    def _prepare(self, path: str, name: str) -> None:
        (Path(path) / "setup.py").write_text(f"# {name}")

    def _install(self, path: str, capture_error: bool = False) -> None:
        del capture_error
        self.pip += 1
        for file in Path(path).glob("*.py"):
            if "error" in file.read_text():
                raise ValueError("pip failed")
            (self.packages / file.name).write_text(file.read_text())
        (Path(path) / "build").mkdir()
        (Path(path) / "build" / "log").touch()


@pytest.fixture
def start(
    installs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Container]:
    """Start a container with these files; what it did."""
    started: list[Container] = []

    def start(name: str = "inference", **files: str) -> Container:
        given = {key.replace("_", "."): text for key, text in files.items()}
        container = Container(tmp_path / f"container-{len(started)}", given)
        started.append(container)
        monkeypatch.setattr(installs.sysconfig, "get_path", lambda _: str(container.packages))
        installs.keep(container.toolkit)
        container.toolkit.prepare(str(container.code), name)
        container.toolkit.install(str(container.code))
        return container

    return start


def test_the_same_code_is_installed_once(start: Callable[..., Container]) -> None:
    first, second = (start(inference_py="x = 1") for _ in range(2))
    assert (first.pip, second.pip) == (1, 0)
    for folder in ("code", "packages"):
        assert tree(getattr(first, folder)) == tree(getattr(second, folder))


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("inference", {"inference_py": "x = 2"}),
        ("inference", {"other_py": "x = 1"}),
        ("inference", {"inference_py": "x = 1", "data_json": "{}"}),
        ("other", {"inference_py": "x = 1"}),
    ],
    ids=["content", "file's name", "one more", "module's name"],
)
def test_other_code_is_installed_by_pip(
    start: Callable[..., Container], name: str, files: dict[str, str]
) -> None:
    start(inference_py="x = 1")
    assert start(name, **files).pip == 1


@pytest.mark.parametrize("packaging", ["setup_py", "pyproject_toml", "requirements_txt"])
def test_code_with_packaging_of_its_own_is_always_installed_by_pip(
    start: Callable[..., Container], packaging: str
) -> None:
    """What it installs may depend on more than its files."""
    assert [start(inference_py="x = 1", **{packaging: ""}).pip for _ in range(2)] == [1, 1]


def test_what_pip_goes_by_counts(
    start: Callable[..., Container], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(inference_py="x = 1")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "1")
    assert start(inference_py="x = 1").pip == 1
    (tmp_path / "pip.conf").write_text("[global]\nretries = 7\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert start(inference_py="x = 1").pip == 1
    (tmp_path / "moved.conf").write_text("[global]\nretries = 7\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "moved.conf"))
    assert start(inference_py="x = 1").pip == 0


def test_a_failure_is_not_kept(start: Callable[..., Container], tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="pip failed"):
            start(inference_py="error")
    assert not (tmp_path / "kept").exists()


def test_without_a_folder_it_is_the_toolkits_pip(
    start: Callable[..., Container], installs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(installs.FOLDER)
    assert [start(inference_py="x = 1").pip for _ in range(2)] == [1, 1]


def test_servers_of_one_run_share_what_pip_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answers from files of its own; without pip's variables the same code fails."""
    monkeypatch.delenv(INSTALLS_VARIABLE)
    monkeypatch.setenv("MILLRACE_STATE_DIR", str(tmp_path / "run"))
    answers, logs, installed = [], [], []
    for name in ("one", "two"):
        with server(tmp_path / name, hooks(ANSWERS)) as running:
            answers.append(ask(running, b"").body)
            logs.append(running.directory.log.read_text())
            installed.append(tree(running.directory.overlay / "lib"))
    assert answers[0] == answers[1] != b""
    assert [PIP in log for log in logs] == [True, False]
    assert [KEPT in log for log in logs] == [False, True]
    assert installed[0].keys() == installed[1].keys()
    without = {k: v for k, v in names.MODEL_ENVIRONMENT.items() if not k.startswith("PIP_")}
    with pytest.raises(ServerError), server(tmp_path / "three", hooks(ANSWERS), without):
        pass
