"""A REST API whose every property can be found out from what a request is answered with."""

from __future__ import annotations

import json
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.platform import Platform
from tests.support.probe_stack import Template, role

URI = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${NAME.Arn}/invocations"
ECHO = """
import json

def handler(event, context):
    identity = event["requestContext"].get("authorizer") or {}
    seen = {"resource": event["resource"], "claims": identity.get("claims")}
    return {"statusCode": 200, "body": json.dumps(seen)}
"""
CUSTOM_BODY = '{"refused": "$context.error.responseType"}'
CUSTOM_STATUS = 422
API = {"Ref": "Api"}


def echo() -> dict[str, Any]:
    """A function that answers as a Lambda proxy integration has to."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": ECHO},
            "Role": {"Fn::GetAtt": ["EchoRole", "Arn"]},
            "Timeout": 30,
        },
    }


def of_api(kind: str, depends: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """A part of the API."""
    found: dict[str, Any] = {
        "Type": f"AWS::ApiGateway::{kind}",
        "Properties": {"RestApiId": API, **properties},
    }
    return found | ({"DependsOn": depends} if depends else {})


def route(
    name: str, *, method: str = "GET", function: str = "Echo", auth: str = "NONE", **more: Any
) -> Template:
    """A resource below the root and its method; ``depends`` delays both."""
    depends = more.pop("depends", None)
    integration = {
        "Type": "AWS_PROXY",
        "IntegrationHttpMethod": "POST",
        "Uri": {"Fn::Sub": URI.replace("NAME", function)},
    }
    return {
        f"{name}Path": of_api(
            "Resource",
            depends,
            ParentId={"Fn::GetAtt": ["Api", "RootResourceId"]},
            PathPart=name.lower(),
        ),
        f"{name}Method": of_api(
            "Method",
            ResourceId={"Ref": f"{name}Path"},
            HttpMethod=method,
            AuthorizationType=auth,
            Integration=integration,
            **more,
        ),
    }


def validated(name: str, validator: str, model: str) -> Template:
    """A POST route whose bodies are held to a model."""
    return route(
        name,
        method="POST",
        RequestValidatorId={"Ref": validator},
        RequestModels={"$default": {"Ref": model}},
    )


def model(field: str) -> dict[str, Any]:
    """A model of objects that need a number ``field``."""
    schema = {
        "type": "object", "required": [field], "properties": {field: {"type": "number"}},
    }  # fmt: skip
    return of_api("Model", ContentType="application/json", Schema=schema)


def functions() -> Template:
    """Two functions, one of which API Gateway may invoke."""
    source = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/*"
    permission = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Fn::GetAtt": ["Echo", "Arn"]},
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": source},
    }
    return {
        "EchoRole": role("lambda.amazonaws.com"),
        "Echo": echo(),
        "Unreachable": echo(),
        "Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission},
    }


def policy(denied: str) -> dict[str, Any]:
    """A resource policy that admits everybody everywhere but on one route."""

    def statement(effect: str, resource: str) -> dict[str, Any]:
        return {
            "Effect": effect, "Principal": "*", "Action": "execute-api:Invoke",
            "Resource": resource,
        }  # fmt: skip

    statements = [
        statement("Allow", "execute-api:/*"),
        statement("Deny", f"execute-api:/*/*/{denied}"),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def stage(name: str, deployment: str, **properties: Any) -> dict[str, Any]:
    """A stage that serves a deployment."""
    return of_api("Stage", StageName=name, DeploymentId={"Ref": deployment}, **properties)


def call(
    platform: Platform,
    api: str,
    path: str,
    body: str | None = None,
    *,
    signed: bool = False,
    token: str = "",
) -> requests.Response:
    """GET, or POST with a body, ``/<stage>/<route>`` of the API."""
    assert platform.info is not None
    info = platform.info
    method = "GET" if body is None else "POST"
    url = f"{info.endpoint}/_aws/execute-api/{api}/{path}"
    headers = {"content-type": "application/json"} | ({"authorization": token} if token else {})
    if signed:
        request = AWSRequest(method, url, data=body, headers=headers)
        keys = Credentials(info.access_key_id, info.secret_access_key)
        SigV4Auth(keys, "execute-api", info.region).add_auth(request)
        headers = dict(request.headers)
    return requests.request(
        method, url, data=body, headers=headers, verify=info.certificate, timeout=30
    )


def number(field: str) -> str:
    """A body that the model of ``field`` accepts."""
    return json.dumps({field: 1})
