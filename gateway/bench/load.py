"""A small HTTP client that costs little: requests over kept connections, each timed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def over_tcp(address: str) -> Connect:
    """Connections to `http://host:port`."""
    parts = urlsplit(address)
    return lambda: asyncio.open_connection(parts.hostname, parts.port)


def over_socket(path: str) -> Connect:
    """Connections to a Unix socket."""
    return lambda: asyncio.open_unix_connection(path)


@dataclass(slots=True)
class Connection:
    """One kept connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(
        self, method: str, path: str, token: str | None = None, body: object = None, key: str | None = None
    ) -> tuple[int, Any]:
        """Status and parsed body."""
        content = b"" if body is None else orjson.dumps(body)
        head = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(content)}"]
        head += [f"Authorization: Bearer {token}"] if token else []
        head += [f"Idempotency-Key: {key}"] if key else []
        head += ["Content-Type: application/json"] if content else []
        self.writer.write("\r\n".join([*head, "", ""]).encode() + content)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in answer.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        raw = await self.reader.readexactly(length) if length else b""
        return int(answer[9:12]), orjson.loads(raw) if raw else None

    def close(self) -> None:
        self.writer.close()


@dataclass(slots=True)
class Measured:
    """One operation at one number of connections."""

    took_s: float = 0.0
    calls: list[float] = field(default_factory=list)
    """Seconds of each whole operation."""
    wrong: int = 0
    last_wrong: str = ""

    @property
    def rate(self) -> float:
        return len(self.calls) / self.took_s if self.took_s else 0.0

    def add(self, more: "Measured") -> None:
        """What was measured of the same at another time."""
        self.took_s += more.took_s
        self.calls += more.calls
        self.wrong += more.wrong
        self.last_wrong = more.last_wrong or self.last_wrong

    def at(self, share: float) -> float:
        """Milliseconds within which this share of the calls was answered."""
        ordered = sorted(self.calls)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


Operation = Callable[[Connection, int], Awaitable[str]]
"""Does it once on a connection, the n-th time of that connection's number; answers what went wrong, or nothing."""


async def measure(connect: Connect, operation: Operation, *, connections: int, seconds: float) -> Measured:
    """Repeats the operation on so many connections for so long."""
    measured = Measured()
    opened = [Connection(*await connect()) for _ in range(connections)]
    began = time.perf_counter()
    until = began + seconds

    async def work(number: int, connection: Connection) -> None:
        while (now := time.perf_counter()) < until:
            wrong = await operation(connection, number)
            if wrong:
                measured.wrong += 1
                measured.last_wrong = wrong
            else:
                measured.calls.append(time.perf_counter() - now)

    await asyncio.gather(*(work(number, connection) for number, connection in enumerate(opened)))
    measured.took_s = time.perf_counter() - began
    for connection in opened:
        connection.close()
    return measured
