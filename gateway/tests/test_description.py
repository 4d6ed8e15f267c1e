"""The API's description: complete, with examples that are true to it, and true to what is answered."""

from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from gateway.api.operations import all_operations
from gateway.openapi import document
from gateway.tests.house import House
from gateway.tests.requests import PUBLISHED, Good
from gateway.tests.test_conformance import CONTRACTED, resolved, schema_of, send

WHOLE = document()
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path.removeprefix('/api/v1')}": resolved(operation, WHOLE)
    for path, methods in WHOLE["paths"].items()
    for method, operation in methods.items()
}
BY_NAME = {each.name: each for each in all_operations().operations}
by_operation = pytest.mark.parametrize("name", OPERATIONS)
NOT_TEXT = ("image/", "application/pdf", "application/octet-stream", "text/html", "text/css", "text/javascript")
"""What an example would say nothing about, or the operation itself shows."""
FILES = {"GET /statement.csv", "GET /statement.json", "GET /user/export", "GET /api/openapi.json"}


def fits(value: Any, schema: dict[str, Any]) -> None:
    """Raises ValidationError."""
    jsonschema.Draft202012Validator(schema).validate(value)


def contents(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Whose content it is, its media type, and what the description says of it."""
    operation = OPERATIONS[name]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, content
    for status, answer in operation["responses"].items():
        for kind, content in answer["content"].items():
            yield status, kind, content


def undescribed(value: Any, schema: dict[str, Any], place: str = "") -> list[str]:
    """Fields of a value that its schema says nothing of."""
    if isinstance(value, list):
        return [found for each in value for found in undescribed(each, schema.get("items", {}), place)]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    missing = [f"{place}.{name}" for name in value if name not in known]
    return missing + [
        found for name in value if name in known for found in undescribed(value[name], known[name], f"{place}.{name}")
    ]


@by_operation
def test_everything_has_an_example_and_every_example_fits_its_schema(name: str):
    for parameter in OPERATIONS[name].get("parameters", []):
        fits(parameter["example"], parameter["schema"])
    for whose, kind, content in contents(name):
        if "example" not in content:
            assert kind.startswith(NOT_TEXT) or name in FILES or whose == "request", (name, whose, kind)
            continue
        fits(content["example"], content["schema"])
        assert undescribed(content["example"], content["schema"]) == []
    bodies = {kind: content for whose, kind, content in contents(name) if whose == "request"}
    assert not bodies or any("example" in each for each in bodies.values()) or "image/png" in bodies


@by_operation
def test_every_answer_tells_of_its_request_id_and_of_the_time_to_come_back(name: str):
    operation = BY_NAME.get(OPERATIONS[name]["operationId"])
    answers = OPERATIONS[name]["responses"]
    assert {"413", "429", "500", "503"} <= set(answers)
    for status, answer in answers.items():
        assert "X-Request-Id" in answer["headers"], status
        assert ("Retry-After" in answer["headers"]) is (status in {"429", "503"})
    if operation is not None:
        assert set(answers) == {str(each) for each in {operation.status, *operation.statuses, 413, 503}}


@pytest.mark.parametrize("good", PUBLISHED, ids=lambda good: good.name)
def test_examples_of_published_operations_fit_the_published_shapes(good: Good):
    success = OPERATIONS[good.name]["responses"]["200"]["content"]["application/json"]
    published = schema_of(good.name, 200)
    if published is not None:
        fits(success["example"], published)
    body = resolved(CONTRACTED[good.name][0].get("requestBody", {}), CONTRACTED[good.name][1])
    if body:
        shape = body["content"]["application/json"]["schema"]
        given = OPERATIONS[good.name]["requestBody"]["content"]["application/json"]["example"]
        fits(given, {"anyOf": shape["oneOf"]} if "oneOf" in shape else shape)


@pytest.mark.parametrize("good", PUBLISHED, ids=lambda good: good.name)
async def test_an_answer_holds_nothing_that_the_description_does_not_tell_of(house: House, good: Good):
    heard = await send(house, good)
    schema = OPERATIONS[good.name]["responses"]["200"]["content"]["application/json"]["schema"]
    fits(heard.json, schema)
    assert undescribed(heard.json, schema) == []


@pytest.mark.parametrize("good", PUBLISHED, ids=lambda good: good.name)
def test_every_field_of_the_published_answers_is_described(good: Good):
    published = schema_of(good.name, 200)
    if published is None:
        return
    ours = OPERATIONS[good.name]["responses"]["200"]["content"]["application/json"]["schema"]

    def fields(schema: dict[str, Any], place: str = "") -> set[str]:
        inside = schema.get("items", schema).get("properties", {})
        return {f"{place}.{name}" for name in inside}.union(
            *(fields(about, f"{place}.{name}") for name, about in inside.items())
        )

    assert fields(published) <= fields(ours)
