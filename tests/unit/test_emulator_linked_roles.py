"""Stacks that are made side by side get one service-linked role, whatever else is made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ministack.core.responses import AccountScopedDict
from ministack.services import iam

from config.resource_types import LinkedRole
from local.services.iam import linked_roles

ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
SERVICE = "sagemaker.application-autoscaling.amazonaws.com"


@pytest.fixture(autouse=True)
def no_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam, "_roles", AccountScopedDict())


def test_a_role_that_another_stack_makes_meanwhile_keeps_its_name() -> None:
    made = iam._create_service_linked_role

    def beside_another(parameters: dict[str, Any]) -> Any:
        answer = made(parameters)
        iam._roles["other"] = {"RoleName": "other", "Arn": "arn:aws:iam::123456789012:role/other"}
        return answer

    create = linked_roles._named(beside_another, {SERVICE: ROLE})
    status, _, body = create({"AWSServiceName": [SERVICE]})
    assert status == 200
    assert f"<RoleName>{ROLE}</RoleName>" in body.decode()
    assert set(iam._roles.keys()) == {ROLE, "other"}
    assert iam._roles[ROLE]["Arn"].endswith(f"/{ROLE}")
    assert iam._roles["other"]["RoleName"] == "other"


def test_the_first_use_of_several_stacks_makes_one_role(monkeypatch: pytest.MonkeyPatch) -> None:
    create = linked_roles._named(iam._create_service_linked_role, {SERVICE: ROLE})
    answers: list[int] = []

    def counted(parameters: dict[str, Any]) -> Any:
        answer = create(parameters)
        answers.append(answer[0])
        return answer

    monkeypatch.setattr(iam, "_create_service_linked_role", counted)
    role = LinkedRole(name=ROLE, service=SERVICE)
    first_use = linked_roles._on_first_use(lambda: None, role)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: first_use(), range(8)))
    assert answers == [200]
    assert set(iam._roles.keys()) == {ROLE}
