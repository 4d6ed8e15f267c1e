"""The gateway alone, over services that answer from memory: its own processor time for a call, whatever else runs."""

import time
from urllib.parse import urlencode

import orjson

from gateway.edge import Scope
from gateway.tests.house import BAKERY, House, furnished
from gateway.tests.requests import PUBLISHED, Good
from libs.common.lasting import lasting

CALLS = 2_000
SHOWN = ("POST /transfers", "PATCH /transfers/{transferID}", "GET /balance", "GET /user/entities", "GET /entities")


async def alone() -> list[str]:
    """Microseconds for each of the operations shown, answering services (a tenth or so) included: printed and returned."""
    with lasting():  # as every service starts
        house = furnished(House(rate_per_minute=1_000_000))
    shown = [good for good in PUBLISHED if good.name in SHOWN]
    shown.append(Good("GET", "/entities/{entityID}", ids={"entityID": BAKERY}))
    lines = []
    for good in shown:
        kind = good.name if good.token else f"{good.name}, kept for visitors"
        lines.append(f"`{kind}`: {await _cost(house, good):.0f} µs")
        print(f"  the gateway alone, {lines[-1]}", flush=True)
    return lines


async def _cost(house: House, good: Good) -> float:
    content = b"" if good.body is None else orjson.dumps(good.body)
    headers = [(b"content-type", b"application/json")]
    if good.token:
        headers.append((b"authorization", f"Bearer {good.token}".encode()))

    async def receive() -> Scope:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Scope) -> None:
        return None

    async def repeat(count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            scope: Scope = {
                "type": "http",
                "method": good.method,
                "path": good.path,
                "query_string": urlencode(good.query).encode(),
                "headers": headers,
                "client": ("192.0.2.1", 1),
            }
            await house.gateway.api(scope, receive, send)
        house.services.asked.clear()
        return (time.process_time() - began) / count * 1e6

    await repeat(CALLS // 10)
    return await repeat(CALLS)
