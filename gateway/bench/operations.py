"""What is measured, as a client does it."""

import random
import uuid
from typing import Any

from gateway.bench.load import Connection, Operation
from tests.bench.seeding import WORDS, Community
from tests.e2e.driving import PASSWORD, Member

PAYMENTS, STRAIGHT, LOGINS = "two-step payments", "the same payments straight at the ledger", "logins"


def _wrong(status: int, body: Any) -> str:
    return "" if status < 400 else f"{status} {str(body)[:200]}"


def operations(community: Community) -> dict[str, Operation]:
    """Through the gateway."""
    acts = _acts(community.actors)
    return {PAYMENTS: acts[PAYMENTS], **_reads(community), LOGINS: acts[LOGINS]}


def _acts(members: list[Member]) -> dict[str, Operation]:
    """Every connection pays between two members of its own."""

    async def payment(connection: Connection, number: int) -> str:
        payer, payee = _pair(members, number)
        body = _proposal(payer, payee)
        status, made = await connection.ask("POST", "/api/v1/transfers", payer.token, body, uuid.uuid4().hex)
        if status >= 400:
            return _wrong(status, made)
        path = f"/api/v1/transfers/{made['data']['id']}"
        return _wrong(*await connection.ask("PATCH", path, payee.token, {"action": "accept"}, uuid.uuid4().hex))

    async def login(connection: Connection, number: int) -> str:
        body = {"email": random.choice(members).email, "password": PASSWORD}
        return _wrong(*await connection.ask("POST", "/api/v1/login", None, body))

    return {PAYMENTS: payment, LOGINS: login}


def _reads(community: Community) -> dict[str, Operation]:
    members, ids = community.actors, community.ids

    async def search(connection: Connection, number: int) -> str:
        return _wrong(*await connection.ask("GET", f"/api/v1/entities?offers={random.choice(WORDS)}"))

    async def entity(connection: Connection, number: int) -> str:
        return _wrong(*await connection.ask("GET", f"/api/v1/entities/{random.choice(ids)}"))

    async def same(connection: Connection, number: int) -> str:
        return _wrong(*await connection.ask("GET", f"/api/v1/entities/{ids[-1]}"))

    async def searched(connection: Connection, number: int) -> str:
        token = random.choice(members).token
        return _wrong(*await connection.ask("GET", f"/api/v1/entities?offers={random.choice(WORDS)}", token))

    async def balance(connection: Connection, number: int) -> str:
        one = random.choice(members)
        path = f"/api/v1/balance?querying_entity_id={one.entity_id}"
        return _wrong(*await connection.ask("GET", path, one.token))

    async def own(connection: Connection, number: int) -> str:
        return _wrong(*await connection.ask("GET", "/api/v1/user/entities", random.choice(members).token))

    async def transfers(connection: Connection, number: int) -> str:
        one = random.choice(members)
        path = f"/api/v1/transfers?status=all&querying_entity_id={one.entity_id}"
        return _wrong(*await connection.ask("GET", path, one.token))

    return {
        "search by an offer, a visitor": search,
        "search by an offer, a member": searched,
        "one entity, any of them": entity,
        "one entity, always the same": same,
        "balance": balance,
        "GET /user/entities": own,
        "GET /transfers": transfers,
    }


def direct(community: Community, prefix: str) -> dict[str, Operation]:
    """The ledger's part of the same, asked without the gateway."""
    members = community.actors

    async def payment(connection: Connection, number: int) -> str:
        payer, payee = _pair(members, number)
        body = {
            "direction": "out",
            "initiator": payer.number,
            "receiver": payee.number,
            "amount_minor": 1,
            "description": "bench",
        }
        status, made = await connection.ask("POST", f"{prefix}/transfers", payer.token, body, uuid.uuid4().hex)
        if status >= 400:
            return _wrong(status, made)
        path = f"{prefix}/transfers/{made['id']}/accept"
        return _wrong(*await connection.ask("POST", path, payee.token, {}, uuid.uuid4().hex))

    async def balance(connection: Connection, number: int) -> str:
        one = random.choice(members)
        return _wrong(*await connection.ask("GET", f"{prefix}/accounts/{one.entity_id}", one.token))

    async def transfers(connection: Connection, number: int) -> str:
        one = random.choice(members)
        return _wrong(*await connection.ask("GET", f"{prefix}/transfers?entity_id={one.entity_id}", one.token))

    return {PAYMENTS: payment, "balance": balance, "GET /transfers": transfers}


def _pair(members: list[Member], number: int) -> tuple[Member, Member]:
    start = 2 * number % (len(members) - 1)
    return members[start], members[start + 1]


def _proposal(payer: Member, payee: Member) -> dict[str, Any]:
    return {
        "transfer": "out",
        "initiator": payer.number,
        "receiver": payee.number,
        "amount": 0.01,
        "description": "bench",
    }
