"""User pools, their clients and the authorizer decide who is let in, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support.api_probe import call, functions, of_api, route, stage
from tests.support.probe_stack import Template, deployed

pytestmark = pytest.mark.platform

USER, PASSWORD = "pilot", "Short-pass1!"
PASSWORD_FLOW = "ALLOW_ADMIN_USER_PASSWORD_AUTH"


def _pool(least: int) -> Template:
    policy = {
        "MinimumLength": least, "RequireNumbers": True, "RequireLowercase": True,
        "RequireUppercase": True, "RequireSymbols": True,
    }  # fmt: skip
    properties = {
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
        "Policies": {"PasswordPolicy": policy},
    }
    return {"Type": "AWS::Cognito::UserPool", "Properties": properties}


def _client(pool: str, minutes: int, flow: str = PASSWORD_FLOW) -> Template:
    return {
        "Type": "AWS::Cognito::UserPoolClient",
        "Properties": {
            "UserPoolId": {"Ref": pool},
            "ExplicitAuthFlows": [flow, "ALLOW_REFRESH_TOKEN_AUTH"],
            "AccessTokenValidity": minutes,
            "TokenValidityUnits": {"AccessToken": "minutes"},
        },
    }


def _guarded(name: str, pool: str) -> Template:
    guard = {
        "Type": "AWS::ApiGateway::Authorizer",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "Name": name,
            "Type": "COGNITO_USER_POOLS",
            "IdentitySource": "method.request.header.Authorization",
            "ProviderARNs": [{"Fn::GetAtt": [pool, "Arn"]}],
        },
    }
    authorizer = {"Ref": f"{name}Guard"}
    return {
        f"{name}Guard": guard,
        **route(name, auth="COGNITO_USER_POOLS", AuthorizerId=authorizer),
    }


def _template() -> Template:
    resources: Template = {
        **functions(),
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "users"}},
        "Pool": _pool(8),
        "LongWords": _pool(20),
        "Client": _client("Pool", 5),
        "Patient": _client("Pool", 10),
        "SrpOnly": _client("Pool", 5, "ALLOW_USER_SRP_AUTH"),
        **_guarded("Mine", "Pool"),
        **_guarded("Theirs", "LongWords"),
        "Deployment": of_api("Deployment", ["MineMethod", "TheirsMethod"]),
        "Stage": stage("v1", "Deployment"),
    }
    named = ("Api", "Pool", "LongWords", "Client", "Patient", "SrpOnly")
    outputs = {name: {"Value": {"Ref": name}} for name in named}
    return {"Resources": resources, "Outputs": outputs}


def _add_user(platform: Platform, pool: str) -> None:
    cognito = platform.client("cognito-idp")
    cognito.admin_create_user(UserPoolId=pool, Username=USER, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=USER, Password=PASSWORD, Permanent=True
    )


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    with deployed(platform, "users", _template()) as found:
        _add_user(platform, found["Pool"])
        yield found


def _signed_in(platform: Platform, pool: str, client: str) -> dict[str, Any]:
    found: dict[str, Any] = platform.client("cognito-idp").admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": USER, "PASSWORD": PASSWORD},
    )
    return found


@pytest.mark.proves("AWS::Cognito::UserPool")
def test_a_pool_decides_on_passwords(platform: Platform, stack: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="InvalidPasswordException"):
        _add_user(platform, stack["LongWords"])
    assert "AuthenticationResult" in _signed_in(platform, stack["Pool"], stack["Client"])


@pytest.mark.proves("AWS::Cognito::UserPoolClient")
def test_a_client_decides_on_flows_and_validity(platform: Platform, stack: dict[str, str]) -> None:
    for client, seconds in (("Client", 300), ("Patient", 600)):
        tokens = _signed_in(platform, stack["Pool"], stack[client])["AuthenticationResult"]
        assert tokens["ExpiresIn"] == seconds
    with pytest.raises(ClientError, match="InvalidParameterException"):
        _signed_in(platform, stack["Pool"], stack["SrpOnly"])


@pytest.mark.proves("AWS::ApiGateway::Authorizer")
def test_an_authorizer_lets_in_who_comes_from_its_pool(
    platform: Platform, stack: dict[str, str]
) -> None:
    tokens = _signed_in(platform, stack["Pool"], stack["Client"])["AuthenticationResult"]
    token = tokens["IdToken"]
    mine = call(platform, stack["Api"], "v1/mine", token=token)
    assert mine.status_code == 200
    assert mine.json()["claims"]["cognito:username"] == USER
    assert call(platform, stack["Api"], "v1/theirs", token=token).status_code == 401
    assert call(platform, stack["Api"], "v1/mine").status_code == 401
