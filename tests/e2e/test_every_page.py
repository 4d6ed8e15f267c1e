"""Every page that can be reached by links, on a whole node: none fails, for a member and for the admin."""

import re
import uuid

import httpx2
import pytest

from gateway.pages.tests.browsing import PageReader
from tests.e2e.driving import PASSWORD, Admin, Api, Member
from tests.e2e.running import ADMIN, Running

OF_ONE_SHAPE = 2
PAGES_MAX = 120


def _log_in(client: httpx2.Client, door: str, email: str, password: str) -> str:
    token = dict(PageReader(client.get(door).text).forms[0].fields)["csrf"]
    answer = client.post(door, data={"csrf": token, "email": email, "password": password})
    assert answer.status_code == 303, PageReader(answer.text).text
    return str(answer.headers["location"])


def _shape(path: str) -> str:
    return re.sub(r"[0-9a-f-]{36}", "{id}", path.partition("?")[0])


def _walk(client: httpx2.Client, start: str) -> tuple[dict[str, int], list[str]]:
    """Follows local links, a few of each shape; how many of each were seen, and what failed."""
    seen: set[str] = set()
    shapes: dict[str, int] = {}
    failed, waiting = [], [start]
    while waiting and len(seen) < PAGES_MAX:
        path = waiting.pop(0).partition("#")[0]
        if path in seen or shapes.get(_shape(path), 0) >= OF_ONE_SHAPE:
            continue
        seen.add(path)
        shapes[_shape(path)] = shapes.get(_shape(path), 0) + 1
        answer = client.get(path, follow_redirects=True)
        if answer.status_code >= 400:
            failed.append(f"{path}: {answer.status_code}")
        elif answer.headers["content-type"].startswith("text/html"):
            waiting += [link for link in PageReader(answer.text).links if link.startswith("/")]
    return shapes, failed


@pytest.fixture
def traders(api: Api) -> tuple[Member, Member]:
    tag = f"juggling {uuid.uuid4().hex[:6]}"
    one = Member.signs_up(api, f"Edda {uuid.uuid4().hex[:8]}", offers=(tag,))
    other = Member.signs_up(api, f"Finn {uuid.uuid4().hex[:8]}", wants=(tag,))
    for member in (one, other):
        Admin(api).lets_trade(member)
    first = one.proposes(other, 3)
    other.answers(first["id"], "accept")
    one.proposes(other, 4)
    return one, other


def test_no_page_of_a_member_or_of_the_admin_fails(node: Running, traders: tuple[Member, Member]):
    logins = (("/login", traders[0].email, PASSWORD, 18), ("/admin/login", *ADMIN, 12))
    for door, email, password, at_least in logins:
        with httpx2.Client(base_url=node.address, timeout=30) as client:
            shapes, failed = _walk(client, _log_in(client, door, email, password))
        assert failed == []
        assert len(shapes) >= at_least, sorted(shapes)
