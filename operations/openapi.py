"""The API as an OpenAPI 3.1 document, for those who call it and for the tests that fuzz it.

Routes, verbs, authorisation, models and the gateway's answers are read from the synthesised
template, so the document cannot say what is not deployed. What a template does not hold stands here
beside the router's names: which model tells of a route (the gateway itself asks for an object and
no more), the bodies of successful answers, the router's own errors.

``python -m operations.openapi cdk.out out/openapi.json`` writes it, ``make openapi`` calls that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from core import names

Document = dict[str, Any]
JSON = "application/json"
TEXT: Document = {"type": "string"}
NULLABLE = {"type": ["string", "null"]}
FLAG: Document = {"type": "boolean"}
# Statuses that API Gateway gives an answer whose gateway response names none.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
GATEWAY_STATUSES = {
    "BAD_REQUEST_BODY": 400, "DEFAULT_4XX": 403, "DEFAULT_5XX": 500, "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429, "WAF_FILTERED": 403,
}  # fmt: skip
ROUTER_STATUSES = {
    names.ROUTE_HEALTH: (),
    names.ROUTE_PREDICTIONS: (400, 413, 415, 502, 503),
    names.ROUTE_BATCH: (400, 413, 415, 502, 503),
}
MEANINGS = {
    400: "The body, a record or the variant is not as the API asks",
    403: "Not signed, not allowed, no such route, or refused by the web application firewall",
    413: "Body or batch too large",
    415: "Not application/json in UTF-8, or sent with a Content-Encoding",
    429: "Too many requests",
    500: "The request could not be answered",
    502: "The model failed on this request",
    503: "Off or overloaded; try again after Retry-After seconds",
}


class NotOneApiError(LookupError):
    """The folder holds no template with one REST API."""


def _object(**properties: Any) -> Document:
    return {
        "type": "object", "required": list(properties), "properties": properties,
        "additionalProperties": False,
    }  # fmt: skip


ERROR = _object(code=TEXT, field=NULLABLE, message=TEXT)


def _answers(model: str, members: Document) -> Document:
    """Schemas of a model's answers; ``members`` are what it says of one record."""
    in_place = [
        _object(record_id=TEXT, **members),
        _object(record_id=NULLABLE, error=ERROR),
    ]
    return {
        f"{model}Prediction": _object(
            record_id=TEXT, **members, variant=TEXT, failed_over=FLAG, inference_id=TEXT
        ),
        f"{model}Predictions": _object(
            predictions={"type": "array", "items": {"anyOf": in_place}},
            variant=NULLABLE,
            failed_over=FLAG,
            inference_id=TEXT,
        ),
    }


SHARED = {
    "Error": _object(error=ERROR),
    "Health": _object(status=TEXT, contract=_object(name=TEXT, version=TEXT)),
}
# By route below a model's name; schemas of a model begin with its name.
REQUESTS = {names.ROUTE_PREDICTIONS: "Record", names.ROUTE_BATCH: "Batch"}
ANSWERS = {
    names.ROUTE_HEALTH: "Health",
    names.ROUTE_PREDICTIONS: "Prediction",
    names.ROUTE_BATCH: "Predictions",
}


def _content(schema: str, model: str = "") -> Document:
    schema = schema if schema in SHARED else f"{model}{schema}"
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


class _Template:
    """The parts of the API in one synthesised template."""

    def __init__(self, template: Document) -> None:
        self._resources = template["Resources"]
        self.models = {
            logical_id: self._resources[logical_id]["Properties"] for logical_id in self.of("Model")
        }

    def of(self, kind: str) -> dict[str, Document]:
        """Properties of the resources of ``AWS::ApiGateway::<kind>`` by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self._resources.items()
            if resource["Type"] == f"AWS::ApiGateway::{kind}"
        }

    def path(self, resource_id: Document) -> str:
        """The path of a resource, from the root."""
        if "Ref" not in resource_id:
            return ""
        resource = self._resources[resource_id["Ref"]]["Properties"]
        return f"{self.path(resource['ParentId'])}/{resource['PathPart']}"

    def gateway_statuses(self) -> set[int]:
        """Statuses with which the gateway answers by itself."""
        return {
            int(found.get("StatusCode", GATEWAY_STATUSES[found["ResponseType"]]))
            for found in self.of("GatewayResponse").values()
        }


def _parts(path: str) -> tuple[str, str]:
    """Prefix of a model's schemas, and the route below its name."""
    model, _, route = path.strip("/").partition("/")
    return model.capitalize(), f"/{route}"


def _operation(found: _Template, method: Document, path: str) -> Document:
    model, route = _parts(path)
    statuses = {*found.gateway_statuses(), *ROUTER_STATUSES[route]}
    errors = {
        str(status): {"description": MEANINGS[status], "content": _content("Error")}
        for status in sorted(statuses)
    }
    success = {"description": "Answered", "content": _content(ANSWERS[route], model)}
    operation: Document = {
        "operationId": f"{method['HttpMethod'].lower()}{path.title().replace('/', '')}",
        "security": [{method["AuthorizationType"]: []}],
        "parameters": [
            {
                "name": name.removeprefix("method.request.header."), "in": "header",
                "required": required, "schema": {"enum": list(names.VARIANTS)},
            }
            for name, required in method.get("RequestParameters", {}).items()
        ],
        "responses": {"200": success, **errors},
    }  # fmt: skip
    if "RequestModels" in method:
        operation["requestBody"] = {"required": True, "content": _content(REQUESTS[route], model)}
    return operation


def _schemas(found: _Template) -> Document:
    schemas = {
        model["Name"]: {key: value for key, value in model["Schema"].items() if key != "$schema"}
        for model in found.models.values()
    }
    del schemas["Body"]
    for name in sorted(name for name in schemas if name.endswith("Answer")):
        model = name.removesuffix("Answer")
        members = schemas.pop(name)["properties"]
        batch = schemas[f"{model}Batch"]
        # Beside a bad record its neighbours are answered.
        record = {"items": {"$ref": f"#/components/schemas/{model}Record"}}
        records = batch["properties"]["records"] | record
        schemas[f"{model}Batch"] = batch | {"properties": {"records": records}}
        schemas |= _answers(model, members)
    return schemas | SHARED


def document(template: Document) -> Document:
    """The OpenAPI document of the one REST API of a synthesised template."""
    found = _Template(template)
    (api,), (stage,) = found.of("RestApi").values(), found.of("Stage").values()
    paths: dict[str, Document] = {}
    for method in found.of("Method").values():
        path = found.path(method["ResourceId"])
        paths.setdefault(path, {})[method["HttpMethod"].lower()] = _operation(found, method, path)
    schemes = {
        "AWS_IAM": {"type": "apiKey", "name": "Authorization", "in": "header",
                    "x-amazon-apigateway-authtype": "awsSigv4"},
        "COGNITO_USER_POOLS": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }  # fmt: skip
    used = {name for path in paths.values() for one in path.values() for name in one["security"][0]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api["Name"],
            "description": api["Description"],
            "version": stage["StageName"],
        },
        "servers": [{"url": f"/{stage['StageName']}"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(found),
            "securitySchemes": {name: schemes[name] for name in sorted(used)},
        },
    }


def from_assembly(assembly: Path) -> Document:
    """The template of a cloud assembly that holds the REST API.

    Raises:
        NotOneApiError: none does, or more than one.
    """
    templates = [json.loads(path.read_text()) for path in sorted(assembly.glob("*.template.json"))]
    found = [
        one for one in templates
        if any(r["Type"] == "AWS::ApiGateway::RestApi" for r in one["Resources"].values())
    ]  # fmt: skip
    if len(found) != 1:
        raise NotOneApiError(f"{assembly} holds {len(found)} templates with a REST API; one needed")
    api: Document = found[0]
    return api


def main(assembly: str, output: str) -> None:
    """Write the document of an assembly's API."""
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    found = document(from_assembly(Path(assembly)))
    text = json.dumps(found, indent=2, ensure_ascii=False)
    target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
