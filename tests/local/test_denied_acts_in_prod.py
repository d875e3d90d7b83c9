"""As the roles that only the production settings deploy: the same acts, the same table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.platform import Platform
from tests.support import denied_principals
from tests.support.denied_matrix import (
    PROD_ONLY,
    TABLE,
    Matrix,
    assert_none,
    performed,
    wrongly_decided,
    wrongly_done,
    wrongly_refused,
)
from tests.support.denied_principals import CONSUMER

pytestmark = [
    pytest.mark.platform,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PROD_ONLY, reason="no optional capability has a role"),
]


@pytest.fixture(scope="module")
def matrix(prod_deployment: Platform) -> Iterator[Matrix]:
    """Every act performed as each of these roles, once."""
    with performed(prod_deployment, "prod", PROD_ONLY) as found:
        yield found


def test_these_roles_and_no_other_acted(matrix: Matrix) -> None:
    assert {caller.label for caller in matrix.callers} == PROD_ONLY
    assert matrix.outcomes


def test_the_table_names_every_role_of_prod_and_no_other(matrix: Matrix) -> None:
    deployed = set(denied_principals.roles(matrix.target.deployed)) | {CONSUMER}
    assert set(TABLE["allowed"]) == deployed


def test_every_refused_act_is_refused_by_a_recorded_decision(matrix: Matrix) -> None:
    assert_none(wrongly_done(matrix))


def test_every_allowed_act_is_allowed(matrix: Matrix) -> None:
    assert_none(wrongly_refused(matrix))


def test_what_no_request_can_ask_is_decided_as_the_table_says(matrix: Matrix) -> None:
    assert_none(wrongly_decided(matrix))
