"""Archives are the same bytes for the same sources, and refuse to be incomplete."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bundles import archives, contents
from bundles.archives import ROOT, BundleError
from lambdas.functions import FUNCTIONS
from model_code.algorithms import ALGORITHMS, CONSTANT
from model_code.tasks import TASKS
from tests.support.imports import imported

CONTRACT = {"name": "flights"}
KINDS = [f"{task} {kind}" for task in TASKS for kind in (CONSTANT, *ALGORITHMS)]
TASKED = [name for name, function in FUNCTIONS.items() if function.asks_task]
TASK_MODULES = [f"model_code.tasks.{task}.task" for task in TASKS]
ARCHIVES = {
    **contents.FUNCTIONS,
    "glue": contents.GLUE,
    "training": contents.TRAINING,
    **{f"serving {kind}": list(contents.serving(*kind.split())) for kind in KINDS},
}


def serving_entries(task: str, algorithm: str) -> list[str]:
    loading = [] if algorithm == CONSTANT else [f"model_code.algorithms.{algorithm}.loading"]
    return ["model_code.serving.inference", f"model_code.tasks.{task}.task", *loading]


ENTRIES = {
    **{
        name: [f"lambdas.{name}.handler", *(TASK_MODULES if name in TASKED else [])]
        for name in contents.FUNCTIONS
    },
    "glue": [
        "glue_jobs.curate",
        "glue_jobs.features",
        "glue_jobs.outcomes",
        *TASK_MODULES,
        *(f"model_code.tasks.{task}.labels" for task in TASKS),
    ],
    "training": [
        "model_code.training.train",
        "model_code.evaluation.evaluate",
        "model_code.monitoring.monitor",
        *TASK_MODULES,
        *(f"model_code.tasks.{task}.measures" for task in TASKS),
        *(f"model_code.algorithms.{name}.training" for name in ALGORITHMS),
    ],
    **{f"serving {kind}": serving_entries(*kind.split()) for kind in KINDS},
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of every module that an archive holds."""
    for name in {name for modules in ARCHIVES.values() for name in modules}:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(archives, "ROOT", tmp_path)
    monkeypatch.setattr(archives, "BUNDLES", tmp_path / "build" / "bundles")
    return tmp_path


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.mark.parametrize("archive", sorted(ARCHIVES))
def test_an_archive_holds_what_its_entries_import_and_nothing_else(archive: str) -> None:
    listed = ARCHIVES[archive]
    assert sorted(set(listed)) == sorted(listed), "each module once"
    needed = imported(ENTRIES[archive])
    if archive == "training":
        # The modules that a trained model takes with it.
        needed |= {"model_code/serving/inference.py"}
        needed |= {module for kind in KINDS for module in contents.serving(*kind.split())}
    assert set(listed) == needed


def test_every_function_is_listed() -> None:
    folders = {path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py")}
    assert set(FUNCTIONS) == folders


def test_a_function_has_its_modules_and_the_contract() -> None:
    found = _names(archives.function_bundle("transform", CONTRACT))
    assert found == sorted([*contents.FUNCTIONS["transform"], "contract.json"])


@pytest.mark.parametrize(
    "function", [name for name, held in contents.FUNCTIONS.items() if "core/contract.py" in held]
)
def test_a_function_finds_the_contract_in_its_archive(
    function: str, flights_contract: dict[str, Any], tmp_path: Path
) -> None:
    zipfile.ZipFile(archives.function_bundle(function, flights_contract)).extractall(tmp_path)
    read = "from core.contract import load; print(load()['version'])"
    found = subprocess.check_output([sys.executable, "-c", read], cwd=tmp_path, text=True)
    assert found.strip() == flights_contract["version"]


@pytest.mark.usefixtures("root")
def test_a_changed_lease_leaves_every_other_archive_as_it_is(root: Path) -> None:
    def packed() -> dict[str, Path]:
        found = {name: archives.function_bundle(name, CONTRACT) for name in contents.FUNCTIONS}
        seed = archives.archive("seed.tar.gz", archives.files(contents.serving("binary", CONSTANT)))
        return {**found, "glue": archives.glue_bundle(), "train": archives.source_bundle(),
                "seed": seed}  # fmt: skip

    def change(name: str) -> set[str]:
        """Archives that another line in a module changes."""
        before = packed()
        (root / name).write_text((root / name).read_text() + "\n# another\n")
        after = packed()
        return {name for name in before if before[name] != after[name]}

    assert change("lambdas/shared/leases.py") == {"lease", "rollout"}
    assert change("lambdas/lease/environment.py") == {"lease"}


def _of_tasks() -> dict[str, Path]:
    """Every function's archive, and for each task those of a seed and of what is trained."""
    found = {name: archives.function_bundle(name, CONTRACT) for name in contents.FUNCTIONS}
    for kind in KINDS:
        entries = archives.files(contents.serving(*kind.split()))
        found[kind] = archives.archive("model.tar.gz", entries)
    return {**found, "glue": archives.glue_bundle(), "train": archives.source_bundle()}


@pytest.mark.parametrize(
    ("module", "changed"),
    [
        ("tasks/regression/task.py", {*TASKED, "glue", "train",
                                      *(f"regression {kind}" for kind in (CONSTANT, *ALGORITHMS))}),
        ("tasks/multiclass/labels.py", {"glue"}),
        ("tasks/multiclass/measures.py", {"train"}),
        ("tasks/regression/contract.py", set()),
        ("algorithms/linear/loading.py", {"train", *(f"{task} linear" for task in TASKS)}),
        ("algorithms/xgboost/training.py", {"train"}),
    ],
)  # fmt: skip
def test_a_changed_part_leaves_other_tasks_and_algorithms_as_they_are(
    root: Path, module: str, changed: set[str]
) -> None:
    before, path = _of_tasks(), root / "model_code" / module
    if path.exists():
        path.write_text(path.read_text() + "\n# another\n")
    after = _of_tasks()
    assert {name for name in before if before[name] != after[name]} == changed


def test_times_and_owners_of_files_leave_no_trace(root: Path) -> None:
    first = archives.source_bundle()
    before = first.read_bytes()
    for path in root.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    first.unlink()
    assert archives.source_bundle() == first
    assert first.read_bytes() == before


def test_changed_code_gets_another_file_and_leaves_the_first(root: Path) -> None:
    first = archives.glue_bundle()
    (root / "glue_jobs/curate.py").write_text("print(1)\n")
    second = archives.glue_bundle()
    assert first != second
    assert first.exists()


@pytest.mark.usefixtures("root")
def test_training_starts_at_the_archive_s_root() -> None:
    content = io.BytesIO(archives.source_bundle().read_bytes())
    with tarfile.open(fileobj=content) as archive:
        entry = archive.extractfile("train.py")
        assert entry is not None
        assert entry.read().decode().startswith("from model_code.training.train import main")


def test_a_missing_module_and_an_unknown_function_are_refused(root: Path) -> None:
    (root / "lambdas/router/handler.py").unlink()
    with pytest.raises(BundleError, match=r"lambdas/router/handler\.py does not exist"):
        archives.function_bundle("router", CONTRACT)
    with pytest.raises(BundleError, match="lambdas/functions"):
        archives.function_bundle("unheard_of", CONTRACT)


def test_a_packed_folder_is_the_same_bytes_whatever_its_file_times(tmp_path: Path) -> None:
    packed = []
    for name, moment in (("first", 1_000_000_000), ("second", 1_700_000_000)):
        module = tmp_path / name / "python" / "package" / "module.py"
        module.parent.mkdir(parents=True)
        module.write_text("VALUE = 1\n")
        os.utime(module, (moment, moment))
        archives.pack_folder(tmp_path / name, tmp_path / f"{name}.zip")
        packed.append((tmp_path / f"{name}.zip").read_bytes())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert archive.namelist() == ["python/package/module.py"]
