"""The authorisation matrix: every operation by role, against what the table of `matrix` says."""

import re

import pytest

from gateway.api.docs import with_documents
from gateway.api.operations import all_operations
from gateway.pages.routes import AREAS
from gateway.tests.house import ADMIN, ANA, BAKERY, UNKNOWN, House
from gateway.tests.matrix import ROWS, Row

REFUSALS = {"token_missing", "token_invalid", "members_only", "admins_only", "scope_missing"}
SCOPES = ("read", "propose", "accept")
by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
ANY_ID = dict.fromkeys(
    ("token", "file", "name"), "a"
) | dict.fromkeys(re.findall(r"{(\w+ID)}", " ".join(row.template for row in ROWS)), UNKNOWN)  # fmt: skip


async def refusal_of(house: House, row: Row, token: str | None, **headers: str) -> str:
    """`yes` where the guard lets the request in, else the status of its refusal."""
    heard = await house(row.method, row.path(**ANY_ID), {}, token=token, headers=headers)
    if heard.status < 400 or not heard.body.startswith(b'{"errors"'):
        return "yes"
    return str(heard.status) if {code for code, _ in heard.codes} & REFUSALS else "yes"


def test_every_operation_has_its_line_and_every_line_its_operation():
    operations = with_documents(all_operations()).operations
    assert {f"{each.method} {each.path.removeprefix('/api/v1')}" for each in operations} == {row.name for row in ROWS}


@by_row
async def test_each_role_gets_in_or_is_refused_as_the_table_says(house: House, row: Row):
    assert await refusal_of(house, row, None) == row.visitor
    assert await refusal_of(house, row, f"member:{ANA}") == row.member
    assert await refusal_of(house, row, f"admin:{ADMIN}") == row.admin


@by_row
async def test_a_key_gets_in_only_with_the_scope_of_the_operation(house: House, row: Row):
    for scope in SCOPES:
        met = row.scope in {"any", scope}
        assert (await refusal_of(house, row, f"key:{scope}:{BAKERY}") == "yes") is met, scope


@by_row
async def test_an_operator_is_neither_member_nor_admin_and_reads_health_and_figures(house: House, row: Row):
    got_in = await refusal_of(house, row, f"operator:{UNKNOWN}") == "yes"
    assert got_in is row.operator


def test_an_operators_own_operations_only_read():
    """Beyond what everybody who is logged in may do with the own login."""
    own = [row for row in ROWS if row.operator and row.admin == "yes" and row.member == "403" and row.visitor == "401"]
    assert {row.method for row in own} == {"GET"}
    assert len(own) == 4


@by_row
async def test_a_services_token_is_nobodys(house: House, row: Row):
    assert (await refusal_of(house, row, "service:directory") == "yes") is (row.visitor == "yes" and row.scope == "any")


@by_row
async def test_headers_of_a_client_say_nothing_about_who_it_is(house: House, row: Row):
    headers = {
        "userID": ANA,
        "admin": "true",
        "X-User-Id": ADMIN,
        "X-Admin": "true",
        "X-Client-Address": "192.0.2.99",
        "X-Forwarded-User": ADMIN,
        "X-Service-Token": f"member:{ADMIN}",
    }
    assert await refusal_of(house, row, None, **headers) == row.visitor
    assert await refusal_of(house, row, f"member:{ANA}", **headers) == row.member
    # a read made for several visitors at once names none of them
    assert {each.caller.client_address for each in house.services.asked} <= {"192.0.2.1", None}


PAGES = [page for area in AREAS for page in area]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_a_page_that_is_not_for_anyone_sends_a_visitor_to_the_login(house: House, page):
    if page.who == "anyone" or page.get is None:
        return
    path = re.sub(r"{[^}]*}", UNKNOWN, page.path)
    heard = await house("GET", path)
    assert heard.status == 303, heard.body[:200]
    assert "/login" in heard.headers["location"]
    assert house.services.asked == []
