"""The class archive is an option of the JVM only once it is complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.engines.spark import classes as spark_classes

OPTIONS = "spark.driver.extraJavaOptions"


def test_archive_is_used_once_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "spark.jsa"
    monkeypatch.setattr(spark_classes, "_archive", lambda: archive)
    bare = spark_classes.settings("Asia/Tokyo")
    assert list(bare) == [OPTIONS]
    archive.touch()
    full = spark_classes.settings("Asia/Tokyo")
    assert full[OPTIONS] == f"{bare[OPTIONS]} -XX:SharedArchiveFile={archive}"
    assert full["spark.driver.extraClassPath"] == str(tmp_path / "files.jar")


def test_failed_preparation_leaves_jobs_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes before the step that fails is there already: half a minute of a processor."""
    for made in ("base.jsa", "files.jar"):
        (tmp_path / made).touch()
    monkeypatch.setattr(spark_classes, "_archive", lambda: tmp_path / "spark.jsa")
    monkeypatch.setattr(spark_classes, "_WARM_UP", "raise SystemExit(3)")
    spark_classes._prepare()
    assert "no class archive" in caplog.text
    assert list(spark_classes.settings()) == [OPTIONS]
