"""A small house for tests of the gateway: services that answer from memory, tokens that say whose they are."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import orjson

from gateway.app import Gateway, build_over
from gateway.context import Clients, GatewayContext
from gateway.public_reads import PublicReads
from gateway.settings import Settings
from libs.common.auth import Principal
from libs.common.errors import Problem, Refusal
from libs.common.peers import Answer, Caller

NOW = "2026-03-02T12:00:00.000Z"
ANA, BEN, ADMIN = (f"0199b3f0-0000-7000-8000-00000000000{digit}" for digit in "123")
BAKERY, GARAGE, HIDDEN = (f"0199b3f0-0000-7000-8000-00000000001{digit}" for digit in "123")
TRANSFER, CATEGORY, TAG, UNKNOWN = (f"0199b3f0-0000-7000-8000-00000000002{digit}" for digit in "1239")
BAKERY_NUMBER, GARAGE_NUMBER = "1000000000000008", "2000000000000006"

SESSION_ENDS = datetime(2026, 3, 3, tzinfo=UTC)


class Tokens:
    """`member <user id>`, `admin <user id>`, `key <scopes> <entity>` or `service <name>`; anything else is refused."""

    def __init__(self) -> None:
        self.forgotten: dict[str, datetime] = {}

    async def verify(self, token: str) -> Principal:
        kind, _, rest = token.partition(":")
        if kind in {"member", "admin", "operator"}:
            return Principal("user", rest, kind, f"session-{rest}", expires_at=SESSION_ENDS)
        if kind == "key":
            scopes, _, entity = rest.partition(":")
            return Principal("api_key", ANA, "member", "key-1", entity_id=entity, scopes=frozenset(scopes.split("+")))
        if kind == "service":
            return Principal("service", rest, "service")
        raise Refusal.of(401, "token_invalid", "The token is not valid.")

    def forget_session(self, session_id: str, until: datetime) -> None:
        """Only noted: the house is shared by tests."""
        self.forgotten[session_id] = until


@dataclass(slots=True)
class Asked:
    """One call to a service as it arrived."""

    service: str
    method: str
    path: str
    caller: Caller
    query: dict[str, Any]
    body: Any


@dataclass(slots=True)
class Services:
    """Answers calls by the first route that fits; keeps what was asked."""

    routes: list[tuple[str, re.Pattern[str], Callable[[Asked], Any]]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def on(self, service: str, method: str, pattern: str, answer: Any) -> None:
        """From now on: an object, a Refusal, or a function of the call."""
        make = answer if callable(answer) else lambda _: answer
        self.routes.insert(0, (f"{service} {method}", re.compile(pattern), make))

    async def call(self, service: str, method: str, path: str, *, caller: Caller, query=None, body=None, raw=None,
                   content_type="application/json", timeout_s=10.0) -> Answer:  # fmt: skip
        asked = Asked(service, method, path, caller, dict(query or {}), body if raw is None else raw)
        self.asked.append(asked)
        for name, pattern, make in self.routes:
            if name == f"{service} {method}" and pattern.fullmatch(path):
                value = make(asked)
                if isinstance(value, Refusal):
                    raise value
                return Answer(200, {}, b"" if value is None else orjson.dumps(value))
        raise AssertionError(f"nobody answers {service} {method} {path}")

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to give back."""

    def of(self, service: str, method: str, pattern: str) -> list[Asked]:
        """What was asked of this address."""
        return [
            each
            for each in self.asked
            if (each.service, each.method) == (service, method) and re.fullmatch(pattern, each.path)
        ]


@dataclass(slots=True)
class Heard:
    """An answer of the gateway."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def exact(self) -> Any:
        """With numbers as they are written."""
        return json.loads(self.body, parse_float=Decimal)

    @property
    def codes(self) -> list[tuple[str, str | None]]:
        return [(each["code"], each.get("field")) for each in self.json["errors"]]


class House:
    """The gateway over these services. `await house("GET", "/api/v1/user", token=…)`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **settings: Any) -> None:
        self.services = Services()
        self.settings = Settings(_env_file=None, **settings)
        wiring: Any = SimpleNamespace(
            peers=self.services, verifier=Tokens(), clock=lambda: datetime(2026, 3, 2, 12, tzinfo=UTC), bus=None
        )
        clients = Clients.over(self.services)
        reads = PublicReads(clock=clock)
        context = GatewayContext(settings=self.settings, clients=clients, wiring=wiring, public_reads=reads)
        self.gateway: Gateway = build_over(context)

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        query: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        peer: str = "192.0.2.1",
    ) -> Heard:
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json"} | (headers or {})
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "server": ("testserver", 80),
            "query_string": (query if isinstance(query, str) else urlencode(query or {}, doseq=True)).encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": (peer, 50000),
        }
        heard = Heard(0, {}, b"")

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                heard.status = message["status"]
                for name, value in message["headers"]:
                    key = name.decode()
                    heard.headers[key] = ", ".join(filter(None, [heard.headers.get(key), value.decode()]))
            else:
                heard.body += message.get("body", b"")

        await self.gateway.api(scope, receive, send)
        return heard


# --- what the services hold


def an_entity(entity_id: str = BAKERY, **fields: Any) -> dict[str, Any]:
    return {
        "id": entity_id,
        "name": "Ana's bakery" if entity_id == BAKERY else "Garage",
        "status": "tradingAccepted",
        "listed": True,
        "may_trade": True,
        "own": entity_id == BAKERY,
        "offers": ["bread"],
        "wants": [],
        "categories": ["food"],
        "pictures": [],
    } | fields


def an_account(entity_id: str = BAKERY, **fields: Any) -> dict[str, Any]:
    return {
        "account_id": UNKNOWN,
        "entity_id": entity_id,
        "number": BAKERY_NUMBER if entity_id == BAKERY else GARAGE_NUMBER,
        "name": "Ana's bakery",
        "kind": "member",
        "unit": "CR",
        "status": "tradingAccepted",
        "may_trade": True,
        "frozen": False,
        "balance_minor": -1050,
        "held_minor": 0,
        "max_negative_minor": 50000,
        "max_positive_minor": 100000,
        "available_to_spend_minor": 48950,
        "available_to_receive_minor": 101050,
        "opened_at": NOW,
    } | fields


def a_line(entity_id: str = GARAGE) -> dict[str, Any]:
    return {"entity_id": entity_id, "number": GARAGE_NUMBER, "name": "Garage", "may_trade": True}


def a_transfer(**fields: Any) -> dict[str, Any]:
    return {
        "id": TRANSFER,
        "kind": "transfer",
        "status": "initiated",
        "payer": {"entity_id": BAKERY, "number": BAKERY_NUMBER, "name": "Ana's bakery"},
        "payee": {"entity_id": GARAGE, "number": GARAGE_NUMBER, "name": "Garage"},
        "amount_minor": 1230,
        "unit": "CR",
        "description": "New brakes",
        "initiator": "payer",
        "proposed_at": NOW,
        "expires_at": "2026-04-01T12:00:00.000Z",
    } | fields


def a_user(user_id: str = ANA, **fields: Any) -> dict[str, Any]:
    return {
        "id": user_id,
        "email": "ana@example.org",
        "first_name": "Ana",
        "last_name": "",
        "telephone": "",
        "language": "en",
        "role": "member",
        "email_verified": True,
        "second_factor": False,
        "created_at": NOW,
        "previous_login_at": NOW,
        "previous_login_address": "192.0.2.7",
        "memberships": [{"entity_id": BAKERY, "user_id": user_id, "role": "owner", "since": NOW}],
    } | fields


def a_session(**fields: Any) -> dict[str, Any]:
    return {
        "token": "a.signed.token",
        "expires_at": "2026-03-03T12:00:00.000Z",
        "session_id": UNKNOWN,
        "user_id": ANA,
        "role": "member",
    } | fields


def seen_by(asked: Asked, items: list[Any]) -> dict[str, Any]:
    """As the directory answers Ana and her keys, or the gateway."""
    is_person = asked.caller.token is not None
    return {"items": items, "sight": "trader" if is_person else "public", "own": [BAKERY] if is_person else []}


def refusal(status: int, code: str, field_name: str | None = None, **more: Any) -> Refusal:
    return Refusal(status, (Problem(code, f"A sentence about {code}.", field_name),), **more)


def furnished(house: House) -> House:
    """A house in which every call of the published operations finds its answer."""
    on = house.services.on
    on("identity", "POST", "/signup", a_session(entity_id=BAKERY))
    on("identity", "POST", "/login", a_session(previous_login_at=NOW, previous_login_address="192.0.2.7"))
    on("identity", "POST", "/logout|/password-reset|/password-reset/[^/]+|/password-change", None)
    on("identity", "POST", "/refusals|/signup/check", None)
    on("identity", "GET", "/users/me", a_user())
    on("identity", "PATCH", "/users/me", a_user())
    on("identity", "GET", "/users", {"items": [a_user()], "total": 1})
    on("identity", "POST", "/users/fetch", {"items": [a_user()]})
    on("identity", "PUT", "/memberships/.*", {"items": []})
    on("identity", "GET", "/jwks", {"keys": []})
    for method in ("GET", "PATCH", "DELETE"):
        on("identity", method, f"/users/{ANA}", a_user())
        on("identity", method, f"/users/{UNKNOWN}", refusal(404, "user_unknown"))
    on("directory", "POST", "/entities/validate", None)
    on("directory", "PUT", f"/entities/{BAKERY}", an_entity(status="pending", may_trade=False))
    on("directory", "GET", "/entities/mine", {"items": [an_entity(version=3)]})
    for method in ("GET", "PATCH", "DELETE"):
        on("directory", method, f"/entities/({BAKERY}|{GARAGE})", lambda asked: an_entity(asked.path[-36:], version=4))
        on("directory", method, f"/entities/{UNKNOWN}", refusal(404, "entity_unknown"))
    on(
        "directory",
        "POST",
        "/entities/fetch",
        lambda asked: seen_by(asked, [an_entity(each) for each in asked.body["ids"] if each != UNKNOWN]),
    )
    on("directory", "GET", "/entities/changes", {"mark": None, "ids": None, "users": None})
    on("directory", "POST", "/entities/query", {"items": [an_entity()], "total": 1})
    for method in ("PUT", "DELETE"):
        on("directory", method, "/entities/.*/favorites/.*", None)
    on("directory", "GET", "/entities/.*/favorites/ids", {"items": [GARAGE]})
    on("directory", "POST", "/contact-messages", {"message_id": UNKNOWN})
    for noun, thing in (("categories", CATEGORY), ("tags", TAG)):
        named = {"id": thing, "name": "food"}
        changed = {{"categories": "category", "tags": "tag"}[noun]: named, "job": {}}
        on("directory", "GET", f"/{noun}", {"items": [named], "total": 1})
        on("directory", "POST", f"/{noun}", named)
        for method in ("PATCH", "DELETE"):
            on("directory", method, f"/{noun}/{thing}", changed)
            on("directory", method, f"/{noun}/{UNKNOWN}", refusal(404, "unknown"))
    entry = {"id": UNKNOWN, "at": NOW, "category": "user", "action": "login.succeeded", "detail": "Logged in."}
    on("directory", "GET", "/activity", {"items": [entry], "total": 1})
    on("ledger", "PUT", "/accounts/.*", an_account())
    on("ledger", "GET", f"/accounts/{BAKERY}", an_account())
    on("ledger", "GET", f"/accounts/({GARAGE}|{UNKNOWN})", refusal(403, "not_a_member"))
    on("ledger", "DELETE", "/accounts/.*", None)
    on("ledger", "GET", "/accounts", {"entity_ids": [BAKERY]})

    def whole(asked: Asked) -> dict[str, Any]:
        return an_account() | ({"pending": [proposed]} if asked.body.get("with_pending") else {})

    proposed = a_transfer(entity_id=BAKERY, direction="out", may_accept=False, may_cancel=True)
    on("ledger", "POST", "/accounts/fetch", lambda asked: {"items": [whole(asked), a_line()]})
    on("ledger", "POST", "/transfers", a_transfer())
    on("ledger", "POST", "/transfers/on-behalf",
       a_transfer(kind="adminTransfer", status="completed", initiator="admin", completed_at=NOW))  # fmt: skip
    done = {"accept": "completed", "reject": "cancelled", "cancel": "cancelled"}
    on("ledger", "POST", f"/transfers/{TRANSFER}/.*",
       lambda asked: a_transfer(status=done[asked.path.rsplit("/", 1)[1]]))  # fmt: skip
    on("ledger", "POST", f"/transfers/{UNKNOWN}/.*", refusal(403, "not_a_party"))
    on("ledger", "GET", "/transfers", {"items": [a_transfer()], "total": 21})
    on("ledger", "GET", f"/transfers/{TRANSFER}", a_transfer())
    on("ledger", "GET", f"/transfers/{UNKNOWN}", refusal(403, "not_a_party"))
    on("ledger", "GET", "/pending", {"items": [proposed]})
    on("matcher", "POST", "/search", {"ids": [BAKERY, GARAGE], "total": 2, "how": {}})
    for name in ("identity", "directory", "ledger", "matcher", "notifier"):
        on(name, "GET", "/health/ready", {"status": "ready"})
    return house
