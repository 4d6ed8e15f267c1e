"""The OpenAPI 3.1 document, generated from the operations as they are declared."""

import inspect
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from gateway.api import examples
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
_HEADERS: Json = {
    "RequestId": {
        "description": "the request's id: the given `X-Request-Id`, or one made here",
        "schema": {"type": "string"},
        "example": "0199b3f0-0000-7000-8000-00000000000f",
    },
    "RetryAfter": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}, "example": 1},
    "ETag": {"description": "for `If-Match`", "schema": {"type": "string"}, "example": '"4"'},
}
_EDITS = frozenset({"change_own_entity", "change_any_entity"})
_TAGGED = _EDITS | {"show_any_entity"}
"""Operations that take `If-Match`, and those that answer an `ETag`."""
_OF_OTHERS = frozenset({"search_entities", "show_entity", "list_favorites", "list_matches"})
"""Operations that show entities of others."""
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
            "responses": {_refusal_name(status): _refusal(status) for status in _SAID},
            "headers": _HEADERS,
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
            "schema": schema,
            "example": examples.parameter(name, schema),
        }
        for name in operation.path_names
        for schema in ({"type": "string", "format": "uuid"} if name.endswith("ID") else {"type": "string"},)
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
        parameter["example"] = examples.parameter(name, parameter["schema"])
        parameters.append(parameter)
    return parameters


def _header_parameters(operation: Operation) -> list[Json]:
    schemas: Json = {}
    if operation.method != "GET" and "ransfer" in operation.path:
        schemas["Idempotency-Key"] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    if operation.name in _EDITS:
        schemas["If-Match"] = {"type": "string", "pattern": r'^(\*|(W/)?"?[0-9]{1,15}"?)$'}
    return [
        {"name": name, "in": "header", "required": False, "schema": schema, "example": examples.parameter(name, schema)}
        for name, schema in schemas.items()
    ]


def _body(operation: Operation, schemas: Json) -> Json | None:
    content: Json = {kind: {"schema": operation.raw_schema or {"type": "string"}} for kind in operation.raw_types}
    if operation.raw_example is not None:
        content[operation.raw_types[0]]["example"] = operation.raw_example
    if operation.body is not None:
        content["application/json"] = {"schema": schemas["bodies"][operation.body]}
        if operation.example is not None:
            content["application/json"]["example"] = operation.example
    return {"required": True, "content": content} if content else None


def _responses(operation: Operation, schemas: Json) -> Json:
    responses: Json = {str(operation.status): _success(operation, schemas)}
    for status in sorted({*operation.statuses, *_ALWAYS}):
        responses[str(status)] = {"$ref": f"#/components/responses/{_refusal_name(status)}"}
    return responses


def _refusal_name(status: int) -> str:
    return f"Refused{status}"


def _refusal(status: int) -> Json:
    shape: Json = {
        "description": _SAID[status],
        "headers": {"X-Request-Id": _header("RequestId")},
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Errors"},
                "example": examples.refused(status),
            }
        },
    }
    if status in {429, 503}:
        shape["headers"]["Retry-After"] = _header("RetryAfter")
    return shape


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _success(operation: Operation, schemas: Json) -> Json:
    headers = {"X-Request-Id": _header("RequestId")}
    if operation.name in _TAGGED:
        headers["ETag"] = _header("ETag")
    content: Json
    if operation.media_types:
        kinds = {kind: {"type": "object" if kind.endswith("json") else "string"} for kind in operation.media_types}
        content = {kind: {"schema": schema} for kind, schema in kinds.items()}
        if operation.answer_example is not None:
            content[operation.media_types[0]]["example"] = operation.answer_example
    else:
        schema = _answer(operation, schemas)
        example = examples.example_of(schema, schemas["definitions"] | {"Meta": _META})
        shown = examples.of_another(example) if operation.name in _OF_OTHERS else example
        content = {"application/json": {"schema": schema, "example": shown}}
    return {"description": "Success", "headers": headers, "content": content}


def _answer(operation: Operation, schemas: Json) -> Json:
    properties: Json = {}
    if operation.answers is not None:
        properties["data"] = schemas["answers"][str(operation.answers)]
    if operation.numbered:
        properties["meta"] = {"$ref": "#/components/schemas/Meta"}
    elif operation.cursored:
        properties["meta"] = _CURSOR_META
    return {"type": "object", "properties": properties, "required": list(properties)}
