"""Every field and parameter of every operation, wrong in every way: a 400 that names it, and nobody is asked."""

import json
import re
from typing import Any

import pytest

from gateway.api.operation import Operation
from gateway.api.operations import all_operations
from gateway.tests.house import BAKERY, House, refusal
from gateway.tests.requests import OTHERS, PUBLISHED, SIGNUP, Good

BY_NAME = {f"{each.method} {each.path.removeprefix('/api/v1')}": each for each in all_operations().operations}
ALL = [*PUBLISHED, *OTHERS]
WITH_BODY = [good for good in ALL if good.body is not None]
WITH_QUERY = [good for good in ALL if BY_NAME[good.name].query is not None]
MOMENTS = {"tagged_since", "date_from", "date_to", "since", "at"}
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE account; --",
    '{"$gt": ""}',
    "$where: sleep(1000)",
    "*:* AND _exists_:email",
    "name:/.*/",
    "(a+)+$",
    "=cmd|' /C calc'!A0",
    "x\\r\\nSet-Cookie: a=b",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "%00",
    "\u202etxt",
]


def schema_of(operation: Operation, name: str) -> dict[str, Any]:
    assert operation.body is not None
    shape: dict[str, Any] = operation.body.model_json_schema()["properties"][name]
    return shape


def parameters_of(good: Good) -> dict[str, dict[str, Any]]:
    query = BY_NAME[good.name].query
    assert query is not None
    shapes: dict[str, dict[str, Any]] = query.model_json_schema()["properties"]
    return shapes


def fields_of(good: Good) -> list[str]:
    operation = BY_NAME[good.name]
    assert operation.body is not None
    return list(operation.body.model_json_schema()["properties"])


def wrong_values(schema: dict[str, Any]) -> list[Any]:
    """What no field of this schema may hold."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    wrong: list[Any] = [{"deep": {}}, [[]]]
    if "string" not in kinds:
        wrong += ["text"]
    else:
        wrong += [1, True, ["x"]]
        if "maxLength" in schema:
            wrong += ["ä" * (schema["maxLength"] + 1)]
        if "enum" in schema or schema.get("format") == "uuid" or "pattern" in schema:
            wrong += ["neither"]
        if schema.get("format") != "password":
            wrong += ["a\u0007b", "a\u2028b"]
    if not {"integer", "number"} & set(kinds):
        wrong += [1.5]
    else:
        wrong += [-1, 10**30, True, 0.001]
    if "array" in kinds:
        wrong += ["a", [1], [None], ["x" * 1000], ["x"] * 200]
    if "boolean" not in kinds:
        wrong += [False]
    if "null" not in kinds:
        wrong += [None]
    return wrong


def done(house: House) -> list[str]:
    """What was asked of services beyond what else is wrong: with that nothing happens."""
    return [each.path for each in house.services.asked if each.path not in {"/entities/validate", "/signup/check"}]


@pytest.mark.parametrize("good", WITH_BODY, ids=lambda good: good.name)
async def test_a_wrong_value_of_any_field_is_a_400_that_names_it_and_nothing_is_done(house: House, good: Good):
    for name in fields_of(good):
        for value in wrong_values(schema_of(BY_NAME[good.name], name)):
            heard = await house(good.method, good.path, good.body | {name: value}, token=good.token, query=good.query)
            assert heard.status == 400, (name, value, heard.body)
            assert name in {field for _, field in heard.codes}, (name, value, heard.codes)
            assert all(problem["message"].endswith(".") for problem in heard.json["errors"]), heard.body
    assert done(house) == []


@pytest.mark.parametrize("good", WITH_BODY, ids=lambda good: good.name)
async def test_a_missing_field_is_named_and_several_at_once(house: House, good: Good):
    operation = BY_NAME[good.name]
    assert operation.body is not None
    required = set(operation.body.model_json_schema().get("required", ()))
    heard = await house(good.method, good.path, {}, token=good.token)
    if required:
        assert heard.status == 400
        assert {("required", name) for name in required} <= set(heard.codes)
        assert done(house) == []


@pytest.mark.parametrize("good", WITH_BODY, ids=lambda good: good.name)
async def test_what_is_not_strict_json_is_a_400(house: House, good: Good):
    name = fields_of(good)[0]
    bodies = [
        b"",
        b" ",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": 1e999999}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
        json.dumps(good.body)[:-1].encode() + b', "' + name.encode() + b'": 1}',
    ]
    for raw in bodies:
        heard = await house(good.method, good.path, raw=raw, token=good.token)
        assert heard.status == 400, (raw[:60], heard.body)
        assert heard.codes[0][0] == "malformed_body"
    assert done(house) == []


@pytest.mark.parametrize("good", WITH_BODY, ids=lambda good: good.name)
async def test_what_no_store_can_keep_is_refused_with_the_fields_name(house: House, good: Good):
    for name in good.body:
        for text in ("a\x00b", "a\ud800b", ["a\x00b"]):
            heard = await house(good.method, good.path, good.body | {name: text}, token=good.token)
            assert heard.status == 400
            assert heard.codes == [("malformed_body", name)]
    assert done(house) == []


@pytest.mark.parametrize("good", [good for good in PUBLISHED if good.body is not None], ids=lambda good: good.name)
async def test_text_of_any_kind_in_any_field_never_breaks_anything(house: House, good: Good):
    for name in fields_of(good):
        for text in INJECTIONS:
            heard = await house(good.method, good.path, good.body | {name: text}, token=good.token)
            assert heard.status in {200, 400}, (name, text)


@pytest.mark.parametrize("good", WITH_QUERY, ids=lambda good: good.name)
async def test_a_wrong_parameter_is_named_and_nobody_is_asked(house: House, good: Good):
    operation = BY_NAME[good.name]
    for name, about in parameters_of(good).items():
        values = ["x" * 3000, "a\x07b", "a\x00b"]
        if name in MOMENTS:
            values += ["x", "1e9", "-1", "2026-02-30", "2026-03-01T25:00:00Z", "99999999999999"]
        if about["type"] in {"integer", "number", "boolean"} or about.get("format") or "enum" in about:
            values += ["x", "-1e5", "1.5.5", "٣", "0x10", "NaN"]
        if about["type"] == "integer":
            values += ["0", "-1", "10000000000", "1.5", " 1"]
        for value in values:
            heard = await house(good.method, good.path, token=good.token, query=good.query | {name: value})
            allowed = {400} if 400 in operation.statuses else {403}
            assert heard.status in allowed, (name, value, heard.body)
            if heard.status == 400:
                assert name in {field for _, field in heard.codes}, (name, value, heard.codes)
    assert house.services.asked == []


@pytest.mark.parametrize("good", WITH_QUERY, ids=lambda good: good.name)
async def test_parameters_that_are_not_text_are_a_400(house: House, good: Good):
    status = 400 if 400 in BY_NAME[good.name].statuses else 403
    for name in parameters_of(good):
        heard = await house(good.method, good.path, token=good.token, query=f"unknown=1&{name}=%ff")
        assert (heard.status, heard.codes[0][1]) == (status, name)
    for query in ("x%ff=1", "&".join(f"a{number}=1" for number in range(200))):
        heard = await house(good.method, good.path, token=good.token, query=query)
        assert heard.status == status, query
    assert house.services.asked == []


@pytest.mark.parametrize("good", [good for good in ALL[1:] if good.query or good.body], ids=lambda good: good.name)
async def test_what_a_service_says_of_a_field_is_told_by_the_senders_name_of_it(house: House, good: Good):
    operation = BY_NAME[good.name]
    assert good.template != "/signup"  # its fields have other names for those who own them; see test_behaviour
    for name in operation.names:
        theirs = re.sub("IDs?$|[A-Z]", lambda found: f"_{found[0].lower()}", name)
        if theirs != name and theirs in operation.names:  # a batch is also given in CSV, with parameters
            continue
        for service in ("identity", "directory", "ledger", "matcher", "notifier"):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                house.services.on(service, method, ".*", refusal(400, "some_code", theirs))
        heard = await house(good.method, good.path, good.body, token=good.token, query=good.query)
        if heard.status != 400:  # nobody was asked with so little, or what was refused goes on without it
            continue
        assert heard.codes == [("some_code", name)] or heard.codes[0][0] != "some_code", (theirs, heard.codes)


@pytest.mark.parametrize("good", [good for good in ALL if "ID}" in good.template], ids=lambda good: good.name)
async def test_what_is_no_id_is_refused_before_anybody_is_asked(house: House, good: Good):
    for bad in ("x", "1", "0199b3f0", "' OR 1=1", "0199B3F0-0000-7000-8000-000000000001", "%2e%2e"):
        path = "/api/v1" + good.template.format(**dict.fromkeys(good.ids, bad))
        heard = await house(good.method, path, good.body, token=good.token)
        operation = BY_NAME[good.name]
        assert heard.status == (400 if operation.unknown == 401 else operation.unknown), (bad, heard.body)
        assert house.services.asked == []


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("1", 200),
        ("1e1", 200),
        ("10.50", 200),
        ("0.01", 200),
        ("1000000000000", 200),
        ("1.0E+1", 200),
        ("0", 400),
        ("-1", 400),
        ("0.001", 400),
        ("1000000000000.01", 400),
        ("1e13", 400),
        ("1e-5", 400),
        ('"5"', 400),
        ("true", 400),
        ("null", 400),
    ],
)
async def test_an_amount_is_judged_by_its_value(house: House, number: str, status: int):
    good = next(good for good in PUBLISHED if good.name == "POST /transfers")
    raw = json.dumps(good.body | {"amount": "@"}).replace('"@"', number).encode()
    heard = await house("POST", good.path, raw=raw, token=good.token)
    assert heard.status == status, heard.body
    if status == 400:
        assert {field for _, field in heard.codes} == {"amount"}


async def test_an_amount_reaches_the_ledger_as_whole_hundredths(house: House):
    good = next(good for good in PUBLISHED if good.name == "POST /transfers")
    for number, minor in (("0.29", 29), ("1.1", 110), ("999999999999.99", 99999999999999), ("1e1", 1000)):
        raw = json.dumps(good.body | {"amount": "@"}).replace('"@"', number).encode()
        await house("POST", good.path, raw=raw, token=good.token)
        assert house.services.asked[-1].body["amount_minor"] == minor


async def test_every_problem_is_told_at_once(house: House):
    body = SIGNUP | {"userEmail": "nobody", "password": "short", "city": "x" * 51, "declaredTurnover": -1}
    heard = await house("POST", "/api/v1/signup", body)
    assert heard.status == 400
    assert set(heard.codes) == {
        ("email_invalid", "userEmail"),
        ("password_weak", "password"),
        ("too_long", "city"),
        ("out_of_range", "declaredTurnover"),
    }
    assert all(problem["message"].endswith(".") for problem in heard.json["errors"])


async def test_a_body_beyond_the_limit_is_413_on_any_operation(house: House):
    for good in WITH_BODY:
        size = 8 if BY_NAME[good.name].large_body else 1
        heard = await house(good.method, good.path, raw=b" " * (size * 1024 * 1024 + 1), token=good.token)
        assert heard.status == 413
        assert heard.codes == [("body_too_large", None)]
    for good in PUBLISHED:
        if good.body is None and good.token is not None:
            said = {"Content-Length": str(1024 * 1024 + 1)}
            heard = await house(good.method, good.path, token=good.token, query=good.query, headers=said)
            assert (heard.status, heard.codes) == (413, [("body_too_large", None)]), good.name
    assert house.services.asked == []
    picture = await house(
        "POST",
        f"/api/v1/entities/{BAKERY}/pictures",
        raw=b" " * (8 * 1024 * 1024 + 1),
        token=WITH_BODY[4].token,
    )
    assert picture.status == 413
