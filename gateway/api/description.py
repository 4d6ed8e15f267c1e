"""The OpenAPI 3.1 document, generated from the operations as they are declared."""

import inspect
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from gateway.api.operation import Given, Operation, Registry

Json = dict[str, Any]
VERSION = "1.0.0"
"""Of the API, not of the program."""
_REF = "#/components/schemas/{model}"
_SAID = {
    400: "The request is malformed or against a rule: every problem with its code and field",
    401: "No valid token",
    403: "Not with this token, or not yours",
    404: "There is no such thing",
    409: "Not in the present state",
    413: "The body is too large",
    429: "Too many requests; `Retry-After` says how long to wait",
    500: "Something went wrong here; the message holds the request id and nothing else",
    503: "A service is away or full; `Retry-After` says when to try again",
}
_ALWAYS = (413, 503)
_ERRORS: Json = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["message", "code"],
                "properties": {
                    "message": {"type": "string", "description": "a sentence for a person"},
                    "code": {"type": "string", "description": "a stable word for a program"},
                    "field": {"type": "string", "description": "the field or parameter, where there is one"},
                },
            },
        }
    },
    "example": {"errors": [{"message": "amount: This is required.", "code": "required", "field": "amount"}]},
}
_META: Json = {
    "type": "object",
    "required": ["numberOfResults", "totalPages"],
    "properties": {
        "numberOfResults": {"type": "integer", "minimum": 0},
        "totalPages": {"type": "integer", "minimum": 1},
    },
}
_CURSOR_META: Json = {
    "type": "object",
    "properties": {"next": {"type": "string", "description": "the `cursor` of the next part; absent at the end"}},
}
_ABOUT = """Members, administrators and partner programs reach everything here.

Success is `{"data": …}`, lists add `meta`; every refusal is `{"errors": [{"message", "code", "field"}]}`. Amounts are
numbers with at most two decimals, exact. Times are RFC 3339 in UTC. The token goes into `Authorization: Bearer`.

Every request that moves credit takes an `Idempotency-Key`: a repeat under the same key gets the first answer. Every
answer carries `X-Request-Id`."""


def describe(registry: Registry) -> Json:
    """The whole document."""
    schemas = _schemas(registry)
    paths: Json = {}
    for operation in registry.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MCCS",
            "version": VERSION,
            "summary": "Mutual credit: list offers and wants, be matched, pay in credit issued together",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in registry.operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas["definitions"].items())) | {"Errors": _ERRORS, "Meta": _META},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a login, or of a partner program's key",
                }
            },
        },
    }


def _schemas(registry: Registry) -> Json:
    """Every body, and every answer's type, as schemas that refer to each other by name."""
    bodies = list(dict.fromkeys(each.body for each in registry.operations if each.body is not None))
    of_bodies, definitions = models_json_schema(
        [(body, "validation") for body in bodies], ref_template=_REF, by_alias=True
    )
    answers = {str(each.answers): TypeAdapter(each.answers) for each in registry.operations if each.answers is not None}
    of_answers, more = TypeAdapter.json_schemas(
        [(name, "serialization", adapter) for name, adapter in answers.items()], ref_template=_REF
    )
    named = {body: of_bodies[(body, "validation")] for body in bodies}
    return {
        "definitions": definitions.get("$defs", {}) | more.get("$defs", {}),
        "bodies": named,
        "answers": {name: of_answers[(name, "serialization")] for name in answers},
    }


def _operation(operation: Operation, schemas: Json) -> Json:
    shape: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": inspect.cleandoc(operation.handler.__doc__ or ""),
        "security": _security(operation),
        "responses": _responses(operation, schemas),
    }
    parameters = [*_path_parameters(operation), *_query_parameters(operation.query), *_header_parameters(operation)]
    if parameters:
        shape["parameters"] = parameters
    body = _body(operation, schemas)
    if body is not None:
        shape["requestBody"] = body
    if operation.scope is not None:
        shape["x-api-key-scope"] = operation.scope
    return shape


def _security(operation: Operation) -> list[Json]:
    if operation.who == "anyone":
        return []
    return [{}, {"bearer": []}] if operation.who == "visitor" else [{"bearer": []}]


def _path_parameters(operation: Operation) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if name.endswith("ID") else {"type": "string"},
        }
        for name in operation.path_names
    ]


def _query_parameters(query: type[Given] | None) -> list[Json]:
    if query is None:
        return []
    shape = query.model_json_schema(by_alias=True, schema_generator=GenerateJsonSchema)
    required = set(shape.get("required", ()))
    parameters = []
    for name, about in shape["properties"].items():
        schema = {key: value for key, value in about.items() if key not in {"title", "x-several"}}
        if schema.get("default", 0) in (None, []):
            schema.pop("default")
        parameter: Json = {"name": name, "in": "query", "required": name in required, "schema": schema}
        if about.get("x-several"):
            kept = {"items": {k: v for k, v in schema.items() if k != "default"}, "type": "array"}
            parameter |= {"schema": kept, "style": "form", "explode": False}
        parameters.append(parameter)
    return parameters


def _header_parameters(operation: Operation) -> list[Json]:
    if operation.method == "GET" or "ransfer" not in operation.path:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema}]


def _body(operation: Operation, schemas: Json) -> Json | None:
    content: Json = {kind: {"schema": {"type": "string"}} for kind in operation.raw_types}
    if operation.body is not None:
        content["application/json"] = {"schema": schemas["bodies"][operation.body]}
        if operation.example is not None:
            content["application/json"]["example"] = operation.example
    return {"required": True, "content": content} if content else None


def _responses(operation: Operation, schemas: Json) -> Json:
    responses: Json = {str(operation.status): _success(operation, schemas)}
    for status in sorted({*operation.statuses, *_ALWAYS}):
        responses[str(status)] = {
            "description": _SAID[status],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}},
        }
        if status in {429, 503}:
            responses[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    return responses


def _success(operation: Operation, schemas: Json) -> Json:
    if operation.media_types:
        return {
            "description": "Success",
            "content": {
                kind: {"schema": {"type": "object" if kind.endswith("json") else "string"}}
                for kind in operation.media_types
            },
        }
    properties: Json = {}
    if operation.answers is not None:
        properties["data"] = schemas["answers"][str(operation.answers)]
    if operation.numbered:
        properties["meta"] = {"$ref": "#/components/schemas/Meta"}
    elif operation.cursored:
        properties["meta"] = _CURSOR_META
    schema: Json = {"type": "object", "properties": properties, "required": list(properties)}
    content: Json = {"schema": schema}
    if operation.answer_example is not None:
        content["example"] = operation.answer_example
    return {"description": "Success", "content": {"application/json": content}}
