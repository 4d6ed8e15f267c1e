"""Every published operation against the contract's own schemas: success, and each status that the contract lists."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from gateway.api.operations import all_operations
from gateway.tests.house import House, refusal
from gateway.tests.requests import MEMBER, OFFICE, PUBLISHED, Good

FOLDER = Path(__file__).parent / "contract"
CONTRACTS = [json.loads((FOLDER / name).read_text()) for name in sorted(path.name for path in FOLDER.glob("*.json"))]
# `api.md` of the published API adds a 400 for malformed parameters where the document forgot it
MALFORMED_TOO = {"GET /entities", "GET /categories", "GET /tags", "GET /admin/users", "GET /admin/entities"}


def contracted() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Operation by name, with the document it stands in."""
    return {
        f"{method.upper()} {path}": (operation, document)
        for document in CONTRACTS
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


CONTRACTED = contracted()
by_name = pytest.mark.parametrize("good", PUBLISHED, ids=lambda good: good.name)


def resolved(shape: Any, document: dict[str, Any]) -> Any:
    """The shape with what it refers to in its place; answers may hold more fields, and must hold no unknown null."""
    if isinstance(shape, dict):
        if "$ref" in shape:
            found: Any = document
            for part in shape["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            return resolved(found, document)
        return {key: resolved(value, document) for key, value in shape.items()}
    return [resolved(each, document) for each in shape] if isinstance(shape, list) else shape


def schema_of(name: str, status: int) -> Any:
    operation, document = CONTRACTED[name]
    answer = resolved(operation["responses"][str(status)], document)
    return answer.get("content", {}).get("application/json", {}).get("schema")


async def send(house: House, good: Good, **changed: Any) -> Any:
    given: dict[str, Any] = {"token": good.token, "query": good.query} | changed
    return await house(good.method, good.path, good.body, **given)


def test_all_43_operations_are_there_and_no_other_calls_itself_published():
    ours = {
        f"{each.method} {each.path.removeprefix('/api/v1')}" for each in all_operations().operations if each.published
    }
    assert ours == set(CONTRACTED)
    assert len(ours) == 43
    assert {good.name for good in PUBLISHED} == ours


def test_every_published_operation_lists_only_the_contracts_statuses():
    for operation in all_operations().operations:
        if not operation.published:
            continue
        name = f"{operation.method} {operation.path.removeprefix('/api/v1')}"
        listed = {int(status) for status in CONTRACTED[name][0]["responses"]}
        allowed = listed | ({400} if name in MALFORMED_TOO else set())
        assert {operation.status, *operation.statuses} == allowed, name


def test_every_parameter_and_body_field_of_the_contract_is_read():
    for operation in all_operations().operations:
        if not operation.published:
            continue
        contract, document = CONTRACTED[f"{operation.method} {operation.path.removeprefix('/api/v1')}"]
        asked = {each["name"] for each in resolved(contract.get("parameters", []), document) if each["in"] == "query"}
        ours = operation.query.model_json_schema()["properties"] if operation.query else {}
        assert asked <= set(ours), operation.path
        if "requestBody" in contract:
            body = resolved(contract["requestBody"], document)["content"]["application/json"]["schema"]
            fields = {name for shape in body.get("oneOf", [body]) for name in shape["properties"]}
            assert operation.body is not None
            assert fields <= set(operation.body.model_json_schema()["properties"]), operation.path


@by_name
async def test_success_has_the_contracts_shape(house: House, good: Good):
    heard = await send(house, good)
    assert heard.status == 200, heard.body
    schema = schema_of(good.name, 200)
    if schema is not None:
        jsonschema.validate(heard.json, schema)
        assert set(schema.get("properties", {})) <= set(heard.json)
    assert b"null" not in heard.body
    assert heard.headers["x-request-id"]


@by_name
async def test_without_a_token_where_one_is_needed_it_is_401(house: House, good: Good):
    open_to_all = 401 not in {int(status) for status in CONTRACTED[good.name][0]["responses"]}
    if open_to_all or good.token is None:
        return
    for token in (None, "forged"):
        heard = await send(house, good, token=token)
        assert heard.status == 401
        assert heard.headers["www-authenticate"] == "Bearer"
        jsonschema.validate(heard.json, schema_of(good.name, 401))


@by_name
async def test_the_other_role_is_refused_with_403_or_401(house: House, good: Good):
    if good.token is None or good.name.startswith("GET /entities"):
        return
    other = MEMBER if good.token == OFFICE else OFFICE
    heard = await send(house, good, token=other)
    listed = {int(status) for status in CONTRACTED[good.name][0]["responses"]}
    assert heard.status == (403 if 403 in listed else 401)
    assert heard.codes == [("members_only" if other == OFFICE else "admins_only", None)]
    assert not [each for each in house.services.asked if each.caller.token == other]


EXACTLY = {413: 413, 429: 429, 500: 500, 502: 503, 503: 503, 504: 503}
"""What a service's refusal becomes where every operation may say it."""


@by_name
@pytest.mark.parametrize("retry_after_s", [None, 7])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504])
async def test_whatever_a_service_refuses_the_status_is_one_of_the_contracts(
    house: House, good: Good, status: int, retry_after_s: int | None
):
    for service in ("identity", "directory", "ledger", "matcher"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            house.services.on(service, method, ".*", refusal(status, "some_code", retry_after_s=retry_after_s))
    heard = await send(house, good)
    listed = {int(each) for each in CONTRACTED[good.name][0]["responses"]} | {413, 503}
    listed |= {400} if good.name in MALFORMED_TOO else set()
    assert heard.status in listed, heard.body
    assert heard.status == EXACTLY.get(status, 400 if status == 400 and 400 in listed else heard.status)
    assert heard.status >= 400
    assert all({"message", "code"} <= set(problem) for problem in heard.json["errors"])
    if str(heard.status) in CONTRACTED[good.name][0]["responses"]:
        jsonschema.validate(heard.json, schema_of(good.name, heard.status))
    if heard.status in {429, 503}:
        assert int(heard.headers["retry-after"]) >= 1
    if heard.status == 500:
        assert "some_code" not in heard.body.decode()
        assert heard.headers["x-request-id"] in heard.json["errors"][0]["message"]


@by_name
async def test_what_breaks_inside_is_a_500_that_says_nothing_but_the_request_id(house: House, good: Good):
    if good.name in {"GET /categories", "GET /tags"}:
        good = Good(good.method, good.template)
    for service in ("identity", "directory", "ledger", "matcher"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            house.services.on(service, method, ".*", {"nobody": "expected this"})
    heard = await send(house, good)
    if schema_of(good.name, 200) is None or good.name == "GET /balance":  # nothing of what came is looked at
        assert heard.status == 200
        return
    assert heard.status == 500
    assert [each["code"] for each in heard.json["errors"]] == ["internal"]


@by_name
async def test_a_trailing_slash_is_as_without(house: House, good: Good):
    heard = await house(good.method, good.path + "/", good.body, token=good.token, query=good.query)
    assert heard.status == 200


@by_name
async def test_the_429_of_our_own_limit_says_when_to_come_back(good: Good):
    from gateway.tests.house import furnished

    house = furnished(House(rate_per_minute=1))
    heard = [await send(house, good) for _ in range(11)][-1]
    assert heard.status == 429
    assert int(heard.headers["retry-after"]) >= 1
    assert heard.codes == [("too_many_requests", None)]
