"""`python -m services.identity.bench.logins`: logins a second on the embedded PostgreSQL, with how late the event loop is and
how long the longest of its steps was, in which nothing else is done.

Compared with bare argon2id in the same threads in the same run, so that a slower or busier machine tells the same story.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from libs.common import logs
from libs.common.auth import JwksVerifier, ServiceTokens
from libs.common.bus.memory import MemoryBus
from libs.common.clock import utc_now
from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.peers import Caller
from libs.common.peers_local import LocalPeers
from libs.common.service import Wiring
from services.identity.app import IdentityService, build, migrate
from services.identity.settings import Settings

PASSWORD = "green-Tomatoes-42"
USERS = 64
SECRET = "a-secret-of-services-for-this-bench"


class Lag:
    """How late a short sleep wakes while something else goes on."""

    def __init__(self, every_s: float = 0.002) -> None:
        self._every_s = every_s
        self.late_s: list[float] = []

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(self._every_s)
            self.late_s.append(time.perf_counter() - began - self._every_s)

    def at(self, share: float) -> float:
        """The lateness in milliseconds that this share of the wake-ups kept to."""
        ordered = sorted(self.late_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@contextmanager
def steps() -> Iterator[list[float]]:
    """The longest step of asyncio's own loop meanwhile, in seconds; what the collector does is in it."""
    longest, plain = [0.0], vars(asyncio.Handle)["_run"]

    def timed(handle: asyncio.Handle) -> None:
        began = time.perf_counter()
        plain(handle)
        longest[0] = max(longest[0], time.perf_counter() - began)

    with patch.object(asyncio.Handle, "_run", timed):  # all steps go through it
        yield longest


async def measure(work: Callable[[int], Awaitable[Any]], clients: int, seconds: float) -> tuple[float, Lag]:
    """How often a second `work(client)` is done by so many clients at once."""
    lag, count, until = Lag(), 0, time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await work(number)
            count += 1

    watching = asyncio.create_task(lag.watch())
    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    took = time.perf_counter() - began
    watching.cancel()
    return count / took, lag


async def bench(url: str, seconds: float) -> None:
    """Signs users up, then logs them in."""
    settings = Settings(_env_file=None, identity_url=url, service_secret=SECRET, log_level="error")
    logs.set_up(settings, "identity")
    await migrate(settings)
    services: dict[str, IdentityService] = {}
    peers = LocalPeers(services, ServiceTokens(SECRET, "identity"))
    verifier = JwksVerifier("identity", SECRET, peers)
    bus = MemoryBus(url)
    await bus.start()
    service = services["identity"] = build(settings, Wiring(bus, peers, verifier, utc_now))
    await service.start("api")
    gateway = LocalPeers(services, ServiceTokens(SECRET, "gateway"))

    async def call(path: str, body: dict[str, Any]) -> Any:
        caller = Caller(client_address="192.0.2.7", user_agent="bench")
        return (await gateway.call("identity", "POST", path, caller=caller, body=body)).json()

    async def log_in(number: int) -> None:
        await call("/login", {"email": f"user{number % USERS}@example.org", "password": PASSWORD})

    for number in range(USERS):
        await call("/signup", {"email": f"user{number}@example.org", "password": PASSWORD, "profile": {}})
    assert service.deps is not None
    hasher = service.deps.hasher
    stored = await hasher.hash(PASSWORD)
    bare, _ = await measure(lambda _: hasher.verify(PASSWORD, stored), 16, seconds)
    print(
        f"cores {os.cpu_count()}, hashing threads {hasher.workers}, argon2id m={settings.hash_memory_kib} KiB t={settings.hash_passes}"
    )
    print(f"bare argon2id, 16 at once          {bare:7.1f} /s")
    for clients in (1, 16, 64):
        with steps() as longest:
            rate, lag = await measure(log_in, clients, seconds)
        print(
            f"logins, {clients:2} at once                {rate:7.1f} /s = {rate / bare:.2f} of bare;"
            f" event loop late p50 {lag.at(0.5):.1f} ms, p99 {lag.at(0.99):.1f} ms, most {lag.at(1):.1f} ms,"
            f" longest step {longest[0] * 1000:.1f} ms"
        )
    token = (await call("/login", {"email": "user0@example.org", "password": PASSWORD}))["token"]
    await verifier.verify(token)
    began = time.perf_counter()
    for _ in range(20_000):
        await verifier.verify(token)
    print(f"check of a token seen before       {(time.perf_counter() - began) / 20_000 * 1e6:7.1f} µs")
    await service.stop()
    await bus.close()


async def on_a_server_of_its_own(seconds: float) -> None:
    """Starts an embedded PostgreSQL in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        await server.start()
        try:
            await bench(server.url("postgres"), seconds)
        finally:
            await server.stop()


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3.0)
    asyncio.run(on_a_server_of_its_own(options.parse_args().seconds))


if __name__ == "__main__":
    main()
