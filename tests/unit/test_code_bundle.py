"""Archives are the same bytes for the same sources, and refuse to be incomplete."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from stacks.constructs import code_bundle
from stacks.constructs.code_bundle import BundleError

CONTRACT = {"name": "flights"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository."""
    for name, text in {
        "lambdas/__init__.py": "",
        "lambdas/shared/names.py": "A = 1\n",
        "lambdas/transform/handler.py": "def handler(): ...\n",
        "lambdas/transform/tests/test_it.py": "",
        "lambdas/transform/__pycache__/handler.pyc": "x",
        "glue_jobs/curate.py": "print()\n",
        "model_code/__init__.py": "",
        "model_code/features/spark.py": "",
        "model_code/training/train.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code_bundle, "ROOT", tmp_path)
    monkeypatch.setattr(code_bundle, "BUNDLES", tmp_path / "build" / "bundles")
    return tmp_path


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.mark.usefixtures("root")
def test_a_function_has_its_code_the_shared_code_and_the_contract() -> None:
    assert _names(code_bundle.function_bundle("transform", CONTRACT)) == [
        "contract.json",
        "lambdas/__init__.py",
        "lambdas/shared/names.py",
        "lambdas/transform/handler.py",
    ]


def test_times_and_owners_of_files_leave_no_trace(root: Path) -> None:
    first = code_bundle.source_bundle()
    before = first.read_bytes()
    for path in root.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    first.unlink()
    assert code_bundle.source_bundle() == first
    assert first.read_bytes() == before


def test_changed_code_gets_another_file_and_leaves_the_first(root: Path) -> None:
    first = code_bundle.glue_bundle()
    (root / "glue_jobs/curate.py").write_text("print(1)\n")
    second = code_bundle.glue_bundle()
    assert first != second
    assert first.exists()


@pytest.mark.usefixtures("root")
def test_training_starts_at_the_archive_s_root() -> None:
    content = io.BytesIO(code_bundle.source_bundle().read_bytes())
    with tarfile.open(fileobj=content) as archive:
        entry = archive.extractfile("train.py")
        assert entry is not None
        assert entry.read().decode().startswith("from model_code.training.train import main")


@pytest.mark.usefixtures("root")
def test_a_function_without_handler_is_refused() -> None:
    with pytest.raises(BundleError, match=r"lambdas/router/handler\.py does not exist"):
        code_bundle.function_bundle("router", CONTRACT)


def test_a_packed_folder_is_the_same_bytes_whatever_its_file_times(tmp_path: Path) -> None:
    packed = []
    for name, moment in (("first", 1_000_000_000), ("second", 1_700_000_000)):
        module = tmp_path / name / "python" / "package" / "module.py"
        module.parent.mkdir(parents=True)
        module.write_text("VALUE = 1\n")
        os.utime(module, (moment, moment))
        code_bundle.pack_folder(tmp_path / name, tmp_path / f"{name}.zip")
        packed.append((tmp_path / f"{name}.zip").read_bytes())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert archive.namelist() == ["python/package/module.py"]
