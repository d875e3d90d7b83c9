"""What keeps tests and starts short changes nothing that they say."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema import Draft7Validator

from config.load import REPOSITORY
from local.platform_clients import Asked, Clients
from tests.support import distribution

ADDRESS = Draft7Validator({"format": "iri"}, format_checker=Draft7Validator.FORMAT_CHECKER)


@pytest.mark.parametrize(
    ("value", "valid"), [("http://ä.de/ö", True), ("not an address", False), ("http://a b", False)]
)
def test_an_address_is_held_against_the_grammar(value: str, valid: bool) -> None:
    assert ADDRESS.is_valid(value) is valid


def test_the_grammar_is_not_built_before_it_is_asked_for() -> None:
    program = (
        "import sys; from local import address_grammar; address_grammar.put_off()\n"
        "import jsonschema; assert 'lark' not in sys.modules\n"
        "check = jsonschema.Draft7Validator.FORMAT_CHECKER\n"
        "assert not check.conforms('no address', 'iri'); assert 'lark' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def _item(nodeid: str, *used: str, mark: str = "platform") -> pytest.Item:
    marks = [SimpleNamespace(name=mark)]
    item = SimpleNamespace(nodeid=nodeid, fixturenames=used, iter_markers=lambda: marks)
    return cast(pytest.Item, item)


@pytest.mark.parametrize("started", distribution.STARTED)
def test_tests_go_by_what_is_started_for_them_and_else_by_file(started: str) -> None:
    nodeid = "tests/local/test_verify.py::test_a[x]"
    assert distribution.group(_item(nodeid, "prod", started)) == started
    assert distribution.group(_item(nodeid, mark=started)) == started
    assert distribution.group(_item("tests/unit/test_b.py::test_c")) == "tests/unit/test_b.py"


def test_what_takes_longest_starts_first() -> None:
    units = ["tests/unit/test_b.py", "tests/local/test_firehose.py", "demo_deployment",
             "tests/local/test_full_loop.py"]  # fmt: skip
    assert sorted(units, key=distribution.rank) == units[::-1]


def test_every_story_that_starts_first_exists() -> None:
    files = [unit for unit in distribution.FIRST if unit not in distribution.STARTED]
    assert all((REPOSITORY / file).is_file() for file in files)


def test_one_key_has_one_client_and_another_key_another() -> None:
    clients = Clients()

    def client(key: str, region: str = "eu-west-1") -> Any:
        asked = Asked("sts", region, key, "secret", None)
        return clients.get("http://127.0.0.1:9", str(True), asked)

    assert client("one") is client("one")
    assert client("one") is not client("two")
    assert client("one") is not client("one", "eu-west-2")
    first = client("one")
    clients.close()
    assert client("one") is not first
