"""The class archive is an option of the JVM only once it is complete."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from local.engines.spark import classes, jars

OPTIONS = "spark.driver.extraJavaOptions"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with jars and no archive yet."""
    monkeypatch.setattr(jars, "folder", lambda: tmp_path)
    for name in (jars.FILE_SYSTEMS, jars.LANG, jars.ICEBERG, "base.jsa"):
        (tmp_path / name).touch()
    return tmp_path


def test_archive_is_used_once_it_is_there(made: Path) -> None:
    bare = classes.settings("Asia/Tokyo")
    assert "SharedArchiveFile" not in bare[OPTIONS]
    classes._archive().touch()
    full = classes.settings("Asia/Tokyo")
    assert full[OPTIONS] == f"{bare[OPTIONS]} -XX:SharedArchiveFile={classes._archive()}"
    assert full["spark.driver.extraClassPath"].split(":") == [str(one) for one in jars.every()]


def test_failed_preparation_leaves_jobs_as_they_were(
    made: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes before the step that fails is there already: half a minute of a processor."""
    before = classes.settings()
    monkeypatch.setattr(classes, "_WARM_UP", "raise SystemExit(3)")
    classes._prepare()
    assert "no class archive" in caplog.text
    assert classes.settings() == before


def test_without_jars_a_job_says_what_to_do(made: Path) -> None:
    (made / jars.LANG).unlink()
    with pytest.raises(RuntimeError, match=f"{jars.LANG} not in .*; run `make setup`"):
        classes.settings()


def test_only_classes_of_iceberg_have_other_names_here() -> None:
    for name, local in {
        "org.apache.iceberg.aws.X": "smfs.shaded.org.apache.iceberg.aws.X",
        "a,org.apache.iceberg.x.Y": "a,smfs.shaded.org.apache.iceberg.x.Y",
        "org.apache.spark.serializer.KryoSerializer": "org.apache.spark.serializer.KryoSerializer",
        "smfs.shaded.org.apache.iceberg.x.Y": "smfs.shaded.org.apache.iceberg.x.Y",
    }.items():
        assert jars.local_names(name) == local


def test_a_class_is_relocated_by_its_constants_alone(tmp_path: Path) -> None:
    """Text of a constant may change its length; a long or a double takes two places."""

    def constants(*names: bytes) -> bytes:
        long = struct.pack(">BQ", 5, 7)
        text = [struct.pack(">BH", 1, len(name)) + name for name in names]
        count = struct.pack(">H", len(names) + 2 + 1)
        return b"\xca\xfe\xba\xbe\0\0\0\x34" + count + long + b"".join(text) + b"the code"

    name, other = b"org/apache/commons/lang3/Range", b"java/lang/Object"
    given, target = tmp_path / "given.jar", tmp_path / "target.jar"
    with zipfile.ZipFile(given, "w") as jar:
        jar.writestr("org/apache/commons/lang3/Range.class", constants(name, other))
        jar.writestr("META-INF/NOTICE", "left out")
    jars.relocate(given, target)
    with zipfile.ZipFile(target) as jar:
        assert jar.namelist() == ["smfs/shaded/org/apache/commons/lang3/Range.class"]
        assert jar.read(jar.namelist()[0]) == constants(b"smfs/shaded/" + name, other)
