"""The outermost layer and what machines ask: addresses, rates, other pages' scripts, caches, compression, health, keys."""

import gzip
import json
import re
from typing import Any

import pytest

from gateway.edge import Edge
from gateway.networks import client_address, networks, subscriber
from gateway.openapi import FILE, document, text
from gateway.rates import Rates
from gateway.tests.house import BAKERY, BEN, House, furnished, refusal
from gateway.tests.requests import MEMBER, PUBLISHED
from libs.common import logs
from libs.common.auth import Principal
from libs.common.errors import Refusal

ORIGIN = {"Origin": "https://shop.example"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("203.0.113.5", None, (), "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", (), "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("203.0.113.5", "198.51.100.1", ("10.0.0.0/8",), "203.0.113.5"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "nonsense", ("10.0.0.0/8",), "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
    ],
)
def test_the_clients_address_is_the_peers_unless_a_trusted_proxy_says_otherwise(peer, forwarded, proxies, address):
    assert client_address(peer, forwarded, networks(proxies)) == address


async def test_each_proxy_may_have_added_a_line_of_its_own():
    asked: list[str] = []

    async def note(scope, receive, send) -> None:
        asked.append(scope["state"]["client_address"])

    edge = Edge(House(trusted_proxies="10.0.0.0/8").settings, api=note, machine=note, pages=note)
    lines = [(b"x-forwarded-for", value) for value in (b"192.0.2.66", b"198.51.100.1", b"10.0.0.2")]
    scope = {"type": "http", "method": "GET", "path": "/api/v1/tags", "headers": lines, "client": ("10.0.0.1", 1)}
    nothing: Any = None
    await edge(scope, nothing, nothing)
    assert asked == ["198.51.100.1"]


async def test_a_visitor_has_the_set_number_of_requests_and_a_member_ten_times_as_many():
    house = furnished(House(rate_per_minute=3))
    visitor = [(await house("GET", "/api/v1/tags")).status for _ in range(4)]
    assert visitor == [200, 200, 200, 429]
    assert (await house("GET", "/api/v1/tags", peer="192.0.2.2")).status == 200
    member = [(await house("GET", "/api/v1/user", token=MEMBER)).status for _ in range(31)]
    assert member == [200] * 30 + [429]
    assert (await house("GET", "/api/v1/user", token=f"member:{BEN}")).status == 200
    key = f"key:read:{BAKERY}"
    assert (await house("GET", "/api/v1/user/entities", token=key)).status == 200


@pytest.mark.parametrize("per_minute", [5, 2000])
def test_a_key_has_the_rate_it_was_made_with(per_minute: int):
    rates = Rates(60)
    key = Principal("api_key", BEN, session_id="key-1", rate_per_minute=per_minute)
    for _ in range(per_minute):
        rates.check(key, "")

    def goes_on() -> None:
        for _ in range(per_minute):  # some come back while we count
            rates.check(key, "")

    with pytest.raises(Refusal) as told:
        goes_on()
    assert told.value.status == 429
    assert told.value.retry_after_s


async def test_a_header_changes_nobodys_rate_unless_it_comes_from_a_trusted_proxy():
    house = furnished(House(rate_per_minute=1))
    for number in range(3):
        heard = await house("GET", "/api/v1/tags", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert heard.status == 429
    house = furnished(House(rate_per_minute=1, trusted_proxies="192.0.2.1"))
    for number in range(3):
        heard = await house("GET", "/api/v1/tags", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        assert heard.status == 200


async def test_who_moves_about_in_the_own_network_of_ipv6_is_one_visitor():
    house = furnished(House(rate_per_minute=2))
    peers = ("2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:1:ffff::3", "2001:db8:1:2::1")
    statuses = [(await house("GET", "/api/v1/tags", peer=peer)).status for peer in peers]
    assert statuses == [200, 200, 429, 200]
    # IPv4 on a socket of IPv6 is not one network
    for number in range(5):
        assert (await house("GET", "/api/v1/tags", peer=f"::ffff:198.51.100.{number}")).status == 200


def test_an_address_counts_for_whoever_it_was_given_to():
    for address, counts_for in (
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("no: address", "no: address"),
        ("", ""),
    ):
        assert subscriber(address) == counts_for


async def test_what_is_not_there_counts_as_well():
    house = furnished(House(rate_per_minute=2))
    asked = [
        ("GET", "/api/v1/nothing"),
        ("PUT", "/api/v1/transfers"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v1/tags"),
    ]
    heard = [await house(method, path) for method, path in asked]
    assert [each.status for each in heard] == [404, 405, 429, 429]
    assert int(heard[2].headers["retry-after"]) >= 1


async def test_forged_tokens_are_counted_against_the_address():
    house = furnished(House(rate_per_minute=2))
    statuses = [(await house("GET", "/api/v1/user", token=f"forged{number}")).status for number in range(3)]
    assert statuses == [401, 401, 429]


async def test_a_program_of_the_node_has_no_rate_limit_and_no_other_right():
    house = furnished(House(rate_per_minute=1))
    for _ in range(15):
        assert (await house("GET", "/api/v1/tags", token="service:operator")).status == 200
        shown = {"X-Service-Token": "service:operator"}
        assert (await house("GET", "/api/v1/user", token=MEMBER, headers=shown)).status == 200
    assert (await house("GET", "/api/v1/user", headers={"X-Service-Token": "service:operator"})).status == 401
    assert house.services.asked[-1].caller.token == MEMBER


async def test_other_pages_scripts_may_call_by_every_method_used_and_never_with_credentials(house: House):
    for good in PUBLISHED:
        heard = await house("OPTIONS", good.path, headers=ORIGIN | {"Access-Control-Request-Method": good.method})
        assert heard.status == 204
        assert heard.headers["access-control-allow-origin"] == "*"
        assert good.method in heard.headers["access-control-allow-methods"].split(", ")
        assert "Authorization" in heard.headers["access-control-allow-headers"]
        assert "Idempotency-Key" in heard.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in heard.headers
    answer = await house("GET", "/api/v1/tags", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == "*"
    refused = await house("GET", "/api/v1/user", headers=ORIGIN)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "*")
    assert "access-control-allow-origin" not in (await house("GET", "/health/live", headers=ORIGIN)).headers


async def test_only_the_origins_that_are_set_may_call_where_some_are_set():
    house = furnished(House(cors_origins="https://shop.example,https://till.example"))
    heard = await house("GET", "/api/v1/tags", headers=ORIGIN)
    assert heard.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Origin" in heard.headers["vary"]
    other = await house("GET", "/api/v1/tags", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    assert "Origin" in other.headers["vary"]
    none = furnished(House(cors_origins="-"))
    assert "access-control-allow-origin" not in (await none("GET", "/api/v1/tags", headers=ORIGIN)).headers


async def test_nothing_and_the_wrong_method_are_json_below_api(house: House):
    for path in ("/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/user", "/api/v1//user", "/api/v1/user/x/y"):
        heard = await house("GET", path)
        assert (heard.status, heard.codes) == (404, [("not_found", None)]), path
    heard = await house("PUT", "/api/v1/transfers")
    assert (heard.status, heard.codes) == (405, [("method_not_allowed", None)])
    assert heard.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_is_get_without_its_body(house: House):
    got, heard = await house("GET", "/api/v1/tags"), await house("HEAD", "/api/v1/tags")
    assert (heard.status, heard.body) == (200, b"")
    assert heard.headers["content-length"] == got.headers["content-length"]


async def test_private_data_is_stored_by_nobody_and_public_data_is_asked_for_again(house: House):
    for good in PUBLISHED:
        heard = await house(good.method, good.path, good.body, token=good.token, query=good.query)
        public = good.template in {"/categories", "/tags"}
        assert heard.headers["cache-control"] == ("no-cache" if public else "no-store"), good.name
    visitor = await house("GET", "/api/v1/entities")
    assert visitor.headers["cache-control"] == "no-cache"
    assert visitor.headers["vary"] == "Authorization, Accept-Encoding"
    assert (await house("GET", "/api/v1/user")).headers["cache-control"] == "no-store"


async def test_long_answers_are_compressed_for_who_takes_it(house: House):
    items = [{"id": f"{number}", "name": f"tag-{number}"} for number in range(100)]
    house.services.on("directory", "GET", "/tags", {"items": items, "total": 100})
    plain = await house("GET", "/api/v1/tags")
    small = await house("GET", "/api/v1/tags", headers={"Accept-Encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in plain.headers["vary"]
    assert plain.headers["vary"] == small.headers["vary"]
    assert int(small.headers["content-length"]) == len(small.body) < len(plain.body) / 2
    assert gzip.decompress(small.body) == plain.body


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=1.000", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("x-not-gzip", False),
        ("", False),
    ],
)
async def test_who_refuses_gzip_by_its_weight_gets_none(house: House, accepted: str, taken: bool):
    items = [{"id": f"{number}", "name": f"tag-{number}"} for number in range(100)]
    house.services.on("directory", "GET", "/tags", {"items": items, "total": 100})
    heard = await house("GET", "/api/v1/tags", headers={"Accept-Encoding": accepted})
    assert (heard.headers.get("content-encoding") == "gzip") is taken


async def test_a_request_id_is_kept_and_a_bad_one_replaced(house: House):
    heard = await house("GET", "/api/v1/tags", headers={"X-Request-Id": "my-request-1"})
    assert heard.headers["x-request-id"] == "my-request-1"
    assert house.services.asked[-1].caller.request_id == "my-request-1"
    for bad in ("a b", "x" * 200, "a\x7fb", ""):
        made = (await house("GET", "/api/v1/tags", headers={"X-Request-Id": bad})).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made)


@pytest.mark.parametrize(("path", "route", "status"), [("user", "/api/v1/user", 401), ("x", "unknown", 404)])
async def test_the_log_has_a_line_of_every_request_with_its_id(
    house: House, capsys, monkeypatch, path: str, route: str, status: int
):
    monkeypatch.setattr(logs, "_request_lines", True)
    await house("GET", f"/api/v1/{path}", headers={"X-Request-Id": "r-7"})
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert {"request_id": "r-7", "status": status, "route": route, "event": "request"}.items() <= line.items()


@pytest.mark.parametrize("begun", [False, True])
async def test_what_breaks_anywhere_is_a_500_with_the_request_id_unless_the_answer_has_begun(begun: bool):
    sent: list[Any] = []

    async def breaks(scope, receive, send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError("secret detail")

    async def send(message) -> None:
        sent.append(message)

    edge = Edge(House().settings, api=breaks, machine=breaks, pages=breaks)
    for path in ("/api/v1/user", "/health/ready", "/home"):
        sent.clear()
        scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"x-request-id", b"r-9")], "client": None}
        nothing: Any = None
        if begun:
            with pytest.raises(ZeroDivisionError):
                await edge(scope, nothing, send)
            continue
        await edge(scope, nothing, send)
        assert sent[0]["status"] == 500
        assert (b"x-request-id", b"r-9") in sent[0]["headers"]
        assert b"r-9" in sent[1]["body"]
        assert b"secret" not in sent[1]["body"]


async def test_services_hear_the_clients_address_and_agent(house: House):
    await house("POST", "/api/v1/login", PUBLISHED[1].body, headers={"User-Agent": "till/1.0"}, peer="198.51.100.9")
    caller = house.services.asked[-1].caller
    assert (caller.client_address, caller.user_agent) == ("198.51.100.9", "till/1.0")


async def test_health_version_and_keys_are_for_everybody_and_figures_for_the_own_machine(house: House):
    assert (await house("GET", "/health/live")).json == {"status": "live"}
    assert (await house("GET", "/version")).json["service"] == "gateway"
    assert (await house("GET", "/.well-known/jwks.json")).json == {"keys": []}
    assert (await house("GET", "/api/v1/health")).json == {"data": {"status": "up"}}
    assert (await house("GET", "/metrics")).status == 404
    assert (await house("GET", "/metrics", peer="127.0.0.1")).status == 200
    proxied = await house("GET", "/metrics", peer="127.0.0.1", headers={"X-Forwarded-For": "198.51.100.1"})
    assert proxied.status == 404
    assert (await house("POST", "/health/live")).status == 405


async def test_readiness_names_what_is_away_and_fails_only_without_identity(house: House):
    assert (await house("GET", "/health/ready")).json["status"] == "ready"
    house.services.on("matcher", "GET", "/health/ready", refusal(503, "service_away"))
    heard = await house("GET", "/health/ready")
    assert (heard.status, heard.json["status"], heard.json["checks"]["matcher"]) == (200, "degraded", False)
    house.services.on("identity", "GET", "/health/ready", refusal(503, "service_away"))
    heard = await house("GET", "/health/ready")
    assert (heard.status, heard.json["status"], heard.headers["retry-after"]) == (503, "not_ready", "1")
    for retry_after_s, told in ((None, "1"), (7, "7")):
        house.services.on("identity", "GET", "/jwks", refusal(503, "service_away", retry_after_s=retry_after_s))
        heard = await house("GET", "/.well-known/jwks.json")
        assert (heard.status, heard.headers["retry-after"], heard.headers["cache-control"]) == (503, told, "no-store")


async def test_figures_and_log_never_hold_a_path_with_a_token(house: House, capsys: pytest.CaptureFixture[str]):
    await house("POST", "/api/v1/password-reset/secret-in-a-link", {"password": "a-Long-1-password"})
    figures = (await house("GET", "/metrics", peer="127.0.0.1")).body.decode()
    assert "/api/v1/password-reset/{token}" in figures
    assert "secret-in-a-link" not in figures + "".join(capsys.readouterr())


def test_the_kept_description_is_the_one_the_code_gives():
    assert FILE.read_text(encoding="utf-8") == text(), "run `make openapi`"


def test_the_description_refers_only_to_what_is_there_and_says_something_of_everything():
    whole = document()
    for name in set(re.findall(r'"#/components/schemas/([^"]+)"', text())):
        assert name in whole["components"]["schemas"], name
    seen = set()
    for methods in whole["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            assert body is None or "example" in body, operation["operationId"]


async def test_the_description_and_its_page_come_from_the_node_itself(house: House):
    served = await house("GET", "/api/openapi.json")
    assert served.json["openapi"] == "3.1.0"
    assert served.json["paths"] == document()["paths"]
    page = await house("GET", "/api/docs")
    shown = page.body.decode()
    assert all(each["operationId"] in shown for methods in document()["paths"].values() for each in methods.values())
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", shown) == []
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("docs.css", "docs.js"):
        assert (await house("GET", f"/api/docs/{name}")).status == 200
    assert (await house("GET", "/api/docs/app.py")).status == 404
