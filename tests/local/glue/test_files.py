"""The bridge between s3:// arguments and directories: what comes down, what goes up, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.engines.storage import TransferError
from local.services.glue.files import Mirror

BUCKET = "lake"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def store(s3: Any, **objects: str) -> None:
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key.replace("__", "/"), Body=body.encode())


def content(s3: Any, prefix: str = "") -> dict[str, str]:
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {
        item["Key"]: s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().decode()
        for item in listed
    }


def test_inputs_become_paths_and_other_arguments_stay(s3: Any, tmp_path: Path) -> None:
    store(s3, a__1="one", a__deep__2="two", b__3="three", c__file="contract")
    arguments = Mirror(s3, tmp_path).fetch(
        {
            "--input_rows": f"s3://{BUCKET}/a/,s3://{BUCKET}/b/",
            "--input_contract": f"s3://{BUCKET}/c/file",
            "--input_none": f"s3://{BUCKET}/none/",
            "--secret": "s3://not/an/input",
        }
    )

    first, second = arguments["--input_rows"].split(",")
    assert (Path(first) / "deep/2").read_text() == "two"
    assert (Path(second) / "3").read_text() == "three"
    assert first.endswith("/")
    assert Path(arguments["--input_contract"]).read_text() == "contract"
    assert list(Path(arguments["--input_none"]).iterdir()) == []
    assert arguments["--secret"] == "s3://not/an/input"


def test_plain_output_replaces_the_prefix(s3: Any, tmp_path: Path) -> None:
    store(s3, out__old="old", outside="kept")
    mirror = Mirror(s3, tmp_path)
    target = Path(mirror.fetch({"--output_t": f"s3://{BUCKET}/out/"})["--output_t"])
    assert list(target.iterdir()) == []
    (target / "new").write_text("new")
    (target / ".new.crc").write_text("checksum")
    mirror.publish()

    assert content(s3) == {"out/new": "new", "outside": "kept"}


def test_nothing_is_published_without_publish(s3: Any, tmp_path: Path) -> None:
    store(s3, out__old="old")
    target = Mirror(s3, tmp_path).fetch({"--output_t": f"s3://{BUCKET}/out/"})["--output_t"]
    (Path(target) / "new").write_text("new")

    assert content(s3) == {"out/old": "old"}


@pytest.mark.parametrize("more", [{"--input_t": "in"}, {"--output_mode_t": "merge"}])
def test_output_that_keeps_partitions_changes_only_what_changed(
    s3: Any, tmp_path: Path, more: dict[str, str]
) -> None:
    store(s3, t__day_1__a="one", t__day_2__b="two", t__day_3__c="three")
    location = f"s3://{BUCKET}/t/"
    more = {name: location if value == "in" else value for name, value in more.items()}
    mirror = Mirror(s3, tmp_path)
    target = Path(mirror.fetch({"--output_t": location, **more})["--output_t"])
    (target / "day_2/b").unlink()
    (target / "day_2/b2").write_text("two again")
    (target / "day_3/c").write_text("THREE")

    assert mirror.publish() == 3
    assert content(s3, "t/") == {
        "t/day_1/a": "one",
        "t/day_2/b2": "two again",
        "t/day_3/c": "THREE",
    }


def test_output_file(s3: Any, tmp_path: Path) -> None:
    mirror = Mirror(s3, tmp_path)
    path = mirror.fetch({"--output_spec": f"s3://{BUCKET}/run/spec.json"})["--output_spec"]
    Path(path).write_text("{}")
    mirror.publish()

    assert content(s3) == {"run/spec.json": "{}"}


def test_missing_input_file_is_refused(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="NoSuchKey"):
        Mirror(s3, tmp_path).fetch({"--input_contract": f"s3://{BUCKET}/absent.json"})


def test_keys_cannot_leave_the_directory(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key="a/../../../escape", Body=b"x")
    with pytest.raises(TransferError, match="leave"):
        Mirror(s3, tmp_path / "root").fetch({"--input_a": f"s3://{BUCKET}/a/"})
