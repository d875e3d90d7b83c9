"""What the image's toolkit does with a user's hooks, on the real stack."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import names
from local.services.sagemaker.server import ModelServer, ServerError
from tests.support.containers import JSON, ask, hooks, server

HOOKS = """
import json, os, time
from sagemaker_containers.beta.framework import errors, worker
def model_fn(model_dir):
    return os.path.basename(model_dir)
def input_fn(body, content_type):
    if content_type == "text/odd":
        raise errors.UnsupportedFormatError(content_type)
    return {"text": isinstance(body, str), "type": content_type, **json.loads(body)}
def predict_fn(data, model):
    if "exit" in data:
        os._exit(data["exit"])
    if "sleep" in data:
        time.sleep(data["sleep"])
    return {**data, "model": model, "threads": os.environ["OMP_NUM_THREADS"], "pid": os.getpid()}
def output_fn(prediction, accept):
    if accept == "text/odd":
        raise errors.UnsupportedFormatError(accept)
    answer = json.dumps({**prediction, "accept": accept})
    if prediction.get("plain"):
        return answer
    if prediction.get("attributes"):
        name = "X-Amzn-SageMaker-Custom-Attributes"
        return worker.Response(answer, headers={name: prediction["attributes"]})
    return answer, "application/json"
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with server(tmp_path_factory.mktemp("odd"), hooks(HOOKS)) as running:
        yield running


def test_only_plain_json_is_decoded_for_the_hook(odd: ModelServer) -> None:
    assert json.loads(ask(odd, b"{}").body)["text"] is True
    found = json.loads(ask(odd, b"{}", content_type="application/json; charset=utf-8").body)
    assert (found["text"], found["type"]) == (False, "application/json; charset=utf-8")


def test_bytes_that_are_not_utf_8_are_replaced_and_not_refused(odd: ModelServer) -> None:
    answer = ask(odd, '{"name": "\xe9"}'.encode("latin-1"))
    assert (answer.status, json.loads(answer.body)["name"]) == (200, "\ufffd")


@pytest.mark.parametrize(
    ("header", "seen"),
    [("*/*", JSON), ("text/csv", "text/csv"), ("", JSON)],
    ids=["any", "csv", "no"],
)
def test_any_type_is_accepted_as_json(odd: ModelServer, header: str, seen: str) -> None:
    assert json.loads(ask(odd, b"{}", accept=header).body)["accept"] == seen


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 500),
        (b"[1]", {}, 500),
        # The wrapper around the hooks hides even the toolkit's own error class.
        (b"{}", {"content_type": "text/odd"}, 500),
        (b"{}", {"accept": "text/odd"}, 500),
    ],
)
def test_whatever_a_hook_raises_is_status_500(
    odd: ModelServer, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = ask(odd, body, **headers)
    assert (answer.status, answer.content_type) == (status, "text/html; charset=utf-8")
    assert b"Internal Server Error" in answer.body


def test_a_plain_string_is_answered_as_a_page(odd: ModelServer) -> None:
    """Data capture would encode it in base64: the type is none of the JSON types."""
    assert ask(odd, b'{"plain": 1}').content_type == "text/html; charset=utf-8"
    assert ask(odd, b"{}").content_type == JSON


def test_a_response_may_carry_headers(odd: ModelServer) -> None:
    answer = ask(odd, b'{"attributes": "trace-1"}')
    assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace-1"


def test_workers_predict_with_one_thread(odd: ModelServer) -> None:
    assert json.loads(ask(odd, b"{}").body)["threads"] == "1"


def test_requests_meet_both_workers(odd: ModelServer) -> None:
    """Side by side: of requests one after the other an idle worker may take every one."""
    seen: set[int] = set()
    with ThreadPoolExecutor(8) as clients:
        for _ in range(100):
            answers = clients.map(lambda _: ask(odd, b"{}").body, range(16))
            seen |= {json.loads(body)["pid"] for body in answers}
            if len(seen) == 2:
                break
    assert len(seen) == 2


def test_a_worker_that_dies_is_replaced_and_its_request_is_a_bad_gateway(odd: ModelServer) -> None:
    before = odd.pid
    assert ask(odd, b'{"exit": 5}').status == 502
    assert ask(odd, b"{}").status == 200
    assert odd.pid == before


REFUSED_AT_START = {
    "model_fn raises": (
        "def model_fn(d):\n    raise ValueError('no such model')\n",
        "no such model",
    ),
    "no model_fn": ("x = 1\n", "NotImplementedError"),
    "import fails": ("import nothing_of_this_name\n", "nothing_of_this_name"),
    "transform_fn beside others": (
        "def model_fn(d): return 1\ndef transform_fn(*a): return ''\ndef input_fn(*a): return 1\n",
        "transform_fn",
    ),
}


@pytest.mark.parametrize("case", REFUSED_AT_START)
def test_code_that_cannot_serve_never_passes_the_ping(case: str, tmp_path: Path) -> None:
    code, said = REFUSED_AT_START[case]
    with pytest.raises(ServerError, match="did not pass the ping"), server(tmp_path, hooks(code)):
        pass
    assert said in (tmp_path / "ml.log").read_text()


def test_without_submit_directory_there_is_no_code(tmp_path: Path) -> None:
    variables = {**names.MODEL_ENVIRONMENT}
    del variables["SAGEMAKER_SUBMIT_DIRECTORY"]
    with pytest.raises(ServerError), server(tmp_path, hooks(HOOKS), variables):
        pass
    assert "No module named 'inference'" in (tmp_path / "ml.log").read_text()


def test_a_worker_that_ends_with_code_3_ends_the_container(tmp_path: Path) -> None:
    """gunicorn takes the code for a worker that could not start, and stops."""
    with server(tmp_path, hooks(HOOKS)) as running:
        watcher = threading.Thread(target=running.watch, daemon=True)
        watcher.start()
        before, base = running.pid, running.directory.base
        for place in ("code", "model"):
            (base / place).mkdir(exist_ok=True)
            (base / place / "written").write_text("by the container")
        assert ask(running, b'{"exit": 3}').status == 502
        deadline = time.monotonic() + 60
        while running.restarts == 0 or not answers(running):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert running.pid != before
        assert not (base / "code" / "written").exists(), "the file system is the image's again"
        assert (base / "model" / "written").exists()


def answers(running: ModelServer) -> bool:
    """Whether the container is back."""
    try:
        return ask(running, b"{}").status == 200
    except ServerError:
        return False
