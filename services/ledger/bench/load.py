"""A load generator that costs little: raw HTTP/1.1 on keep-alive connections, one request under way on each.

Run by itself: reads its orders as JSON from standard input, prints the figures as JSON.
"""

import asyncio
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.ledger.bench.books import ACCOUNTS, HOT, number_of


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: `pay` (also `hot`), or `two_step`."""

    kind: str
    port: int
    connections: int
    seconds: float
    admin: str
    members: list[str]
    """Token of each account's owner."""


class Connection(asyncio.Protocol):
    """Sends, waits for the whole answer, sends the next."""

    def __init__(self, following: Callable[[bytes | None], bytes], tell: Callable[[int, float], bool]) -> None:
        self._following = following
        self._tell = tell
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: Any = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send(None)

    def _send(self, answer: bytes | None) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._following(answer))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        mark = self._buffer.find(b"content-length: ")
        length = int(self._buffer[mark + 16 : self._buffer.find(b"\r\n", mark)])
        if len(self._buffer) < head_end + 4 + length:
            return
        body = self._buffer[head_end + 4 :]
        status = int(self._buffer[9:12])
        self._buffer = b""
        if self._tell(status, time.perf_counter() - self._sent_at):
            self._send(body if status < 300 else None)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def _request(path: str, token: str, body: bytes) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {os.urandom(12).hex()}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _payments(order: Order) -> Callable[[bytes | None], bytes]:
    numbers = [number_of(i) for i in range(ACCOUNTS)]

    def following(_: bytes | None) -> bytes:
        i = random.randrange(ACCOUNTS - 1) + 1
        j = HOT if order.kind == "hot" else (i + random.randrange(ACCOUNTS - 2) + 1) % ACCOUNTS
        body = b'{"payer":"%s","payee":"%s","amount_minor":1,"description":"bench"}' % (
            numbers[i].encode(),
            numbers[j].encode(),
        )
        return _request("/transfers/on-behalf", order.admin, body)

    return following


def _two_steps(order: Order) -> Callable[[], Callable[[bytes | None], bytes]]:
    numbers = [number_of(i) for i in range(ACCOUNTS)]

    def connection() -> Callable[[bytes | None], bytes]:
        accepting: int | None = None

        def following(answer: bytes | None) -> bytes:
            nonlocal accepting
            if accepting is not None and answer is not None:
                mark = answer.find(b'"id": "') + 7
                token, accepting = order.members[accepting], None
                return _request(f"/transfers/{answer[mark : mark + 36].decode()}/accept", token, b"{}")
            i = random.randrange(ACCOUNTS)
            accepting = (i + random.randrange(ACCOUNTS - 1) + 1) % ACCOUNTS
            body = b'{"direction":"out","initiator":"%s","receiver":"%s","amount_minor":1,"description":"bench"}' % (
                numbers[i].encode(),
                numbers[accepting].encode(),
            )
            return _request("/transfers", order.members[i], body)

        return following

    return connection


async def drive(order: Order) -> dict[str, Any]:
    """Requests a second, percentiles in milliseconds, statuses, own CPU seconds. The first second does not count."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter() + 1.0
    end = begin + order.seconds
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    def tell(status: int, took_s: float) -> bool:
        now = time.perf_counter()
        if begin <= now < end:
            latencies.append(took_s)
            statuses[status] = statuses.get(status, 0) + 1
        return now < end

    make = _two_steps(order) if order.kind == "two_step" else lambda: _payments(order)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    made = [
        await loop.create_connection(lambda: Connection(make(), tell), "127.0.0.1", order.port)
        for _ in range(order.connections)
    ]
    await asyncio.gather(*(connection.closed for _, connection in made))
    after = resource.getrusage(resource.RUSAGE_SELF)
    latencies.sort()

    def percentile(share: float) -> float:
        return round(latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000, 2) if latencies else 0.0

    return {
        "per_second": len(latencies) / order.seconds,
        "p50_ms": percentile(0.5),
        "p95_ms": percentile(0.95),
        "p99_ms": percentile(0.99),
        "statuses": {str(status): count for status, count in statuses.items()},
        "cpu_s": after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime,
        "share_of_time": order.seconds / (order.seconds + 1.0),
    }


if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(drive(Order(**json.load(sys.stdin))))))
