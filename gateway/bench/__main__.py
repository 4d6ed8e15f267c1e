"""The public API's figures: `python -m gateway.bench [--short] [--full] [--members N]`.

Five operations at 1, 16 and 64 connections with p50, p95 and p99; the same payments straight at the ledger in the same run;
and the gateway's own share of the processor's time. The client runs on the same machine and takes its part of it.
"""

import argparse
import asyncio
import os
import random
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psutil

from gateway.bench.alone import alone
from gateway.bench.load import Connect, Connection, Measured, Operation, measure, over_socket, over_tcp
from libs.common import logs
from tests.e2e.conftest import VARIABLES
from tests.e2e.driving import PASSWORD, Admin, Api, Member
from tests.e2e.running import Running, Servers, embedded, full

CONNECTIONS = (1, 16, 64)
TAGS_EACH = 10
QUIET_SHARE = 0.1
WORDS = [f"{first}-{second}" for first in ("oak", "iron", "wool", "clay", "rye") for second in ("work", "care", "hire")]
OLD = {
    "payments": "75 / 73",
    "searches": "404 / 409",
    "one entity": "5025 / 5497",
    "balance": "886 / 766",
    "logins": "32 / 32",
}
NO_LIMIT = {
    "MCCS_RATE_PER_MINUTE": "1000000",
    "MCCS_LOGIN_FAILURES_PER_ADDRESS_MAX": "1000000",
    "MCCS_LOG_LEVEL": "warning",
}


def settle(api: Api, count: int) -> list[Member]:
    """Members who trade, ten tags each."""
    admin, chance = Admin(api), random.Random(7)
    members = []
    for number in range(count):
        name = f"Bench {number} {uuid.uuid4().hex[:6]}"
        tags = tuple(chance.sample(WORDS, TAGS_EACH))
        member = Member.signs_up(api, name, offers=tags[:5], wants=tags[5:])
        admin.lets_trade(member, debt=1_000_000, credit=1_000_000)
        members.append(member)
    return members


def _wrong(status: int, body: Any) -> str:
    return "" if status < 400 else f"{status} {str(body)[:200]}"


def operations(members: list[Member]) -> dict[str, Operation]:
    """The five, through the gateway; every connection has a pair of members of its own where there are enough."""

    async def payment(connection: Connection, number: int) -> str:
        payer, payee = _pair(members, number)
        body = _proposal(payer, payee)
        status, made = await connection.ask("POST", "/api/v1/transfers", payer.token, body, uuid.uuid4().hex)
        if status >= 400:
            return _wrong(status, made)
        path = f"/api/v1/transfers/{made['data']['id']}"
        return _wrong(*await connection.ask("PATCH", path, payee.token, {"action": "accept"}, uuid.uuid4().hex))

    async def search(connection: Connection, number: int) -> str:
        return _wrong(*await connection.ask("GET", f"/api/v1/entities?offers={random.choice(WORDS)}"))

    async def entity(connection: Connection, number: int) -> str:
        chosen = random.choice(members)
        return _wrong(*await connection.ask("GET", f"/api/v1/entities/{chosen.entity_id}"))

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

    async def login(connection: Connection, number: int) -> str:
        body = {"email": random.choice(members).email, "password": PASSWORD}
        return _wrong(*await connection.ask("POST", "/api/v1/login", None, body))

    return {
        "payments": payment,
        "searches": search,
        "one entity": entity,
        "balance": balance,
        "own entities": own,
        "transfers": transfers,
        "logins": login,
    }


def direct(members: list[Member], prefix: str) -> dict[str, Operation]:
    """The ledger's part of the same, asked without the gateway."""

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

    return {"payments": payment, "balance": balance, "transfers": transfers}


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


def _line(name: str, connections: int, measured: Measured, more: str = "") -> None:
    wrong = f"  {measured.wrong} wrong: {measured.last_wrong}" if measured.wrong else ""
    print(
        f"  {name:24} {connections:3}  {measured.rate:7.0f} /s   p50 {measured.at(0.5):7.2f}  p95 {measured.at(0.95):7.2f}"
        f"  p99 {measured.at(0.99):7.2f} ms{more}{wrong}",
        flush=True,
    )


def cpu_s(pid: int) -> float:
    """Processor time of one process so far."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


async def run(node: Running, members: list[Member], straight: tuple[Connect, str], pid: int, seconds: float) -> None:
    """Prints the whole table."""
    gateway, (ledger, prefix) = over_tcp(node.address), straight
    through, beside = operations(members), direct(members, prefix)
    rates: dict[str, float] = {}
    for name, operation in through.items():
        for connections in CONNECTIONS:
            measured = await measure(gateway, operation, connections=connections, seconds=seconds)
            told = f"   (old server at 16 / 64: {OLD[name]})" if name in OLD and connections == CONNECTIONS[0] else ""
            _line(name, connections, measured, told)
            rates[f"{name} {connections}"] = measured.rate
    for connections in (16, 64):
        measured = await measure(ledger, beside["payments"], connections=connections, seconds=seconds)
        _line("payments at the ledger", connections, measured)
        share = rates[f"payments {connections}"] / measured.rate if measured.rate else 0
        print(f"    through v1 / straight: {share:.2f}   (reach 0.5)")
    for name in ("balance", "transfers"):
        with_gateway = await _cost(gateway, through[name], pid, seconds)
        without = await _cost(ledger, beside[name], pid, seconds)
        print(
            f"  processor time of a {name} call: {with_gateway:4.0f} µs through the gateway, {without:4.0f} µs straight; "
            f"the gateway's own {with_gateway - without:4.0f} µs   (reach 300)"
        )


async def _cost(connect: Connect, operation: Operation, pid: int, seconds: float) -> float:
    """Microseconds of processor time of this process for one operation, what it uses at rest taken off."""
    lasts = max(seconds, 2.0)
    at_rest = await _at_rest(pid, lasts)
    before = cpu_s(pid)
    measured = await measure(connect, operation, connections=4, seconds=2 * lasts)
    used = cpu_s(pid) - before - at_rest * measured.took_s
    return used / max(1, len(measured.calls)) * 1e6


async def _at_rest(pid: int, lasts: float) -> float:
    """What the process uses a second when nobody asks it anything, after the work that was left over is done."""
    for _ in range(10):
        before = cpu_s(pid)
        await asyncio.sleep(lasts)
        share = (cpu_s(pid) - before) / lasts
        if share < QUIET_SHARE:
            break
    return share


def _embedded(folder: Path, count: int, seconds: float) -> None:
    node = embedded(folder, **NO_LIMIT)
    node.start()
    try:
        members = _settled(node, count)
        assert node.process is not None
        sockets = list(node.data.rglob("operator*sock*"))
        straight = over_socket(str(sockets[0])), "/ledger"
        asyncio.run(run(node, members, straight, node.process.pid, seconds))
    finally:
        node.stop()


def _full(folder: Path, count: int, seconds: float) -> None:
    servers = Servers(**{name: os.environ[variable] for name, variable in VARIABLES.items()})
    node = full(folder, servers, **NO_LIMIT)
    node.start()
    try:
        members = _settled(node, count)
        assert node.process is not None
        children = psutil.Process(node.process.pid).children(recursive=True)
        pid = next(each.pid for each in children if "gateway" in each.cmdline())
        straight = over_tcp(node.environment["MCCS_LEDGER_API_URL"]), ""
        asyncio.run(run(node, members, straight, pid, seconds))
    finally:
        node.stop()


def _settled(node: Running, count: int) -> list[Member]:
    node.make_admin()
    api = Api(node.address)
    members = settle(api, count)
    api.close()
    return members


def main() -> None:
    """The embedded node always, the full set with `--full` and the addresses of real servers."""
    parser = argparse.ArgumentParser(prog="python -m gateway.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one second each, few members")
    parser.add_argument("--full", action="store_true", help="also every service by itself with real servers")
    parser.add_argument("--members", type=int, default=0, help="how many members there are (default 400, short 40)")
    given = parser.parse_args()
    logs.start("bench", level="warning")
    asyncio.run(alone())
    count, seconds = given.members or (40 if given.short else 400), 1.0 if given.short else 5.0
    for kind, work in (("embedded", _embedded), *([("full", _full)] if given.full else [])):
        print(
            f"The public API, {kind}, {count} members with {TAGS_EACH} tags each, on {os.cpu_count()} cores:",
            flush=True,
        )
        with tempfile.TemporaryDirectory(prefix="mccs-bench-") as folder:
            work(Path(folder), count, seconds)


if __name__ == "__main__":
    main()
