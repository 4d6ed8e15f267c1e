"""`python -m services.ledger.soak`: millions of entries, payments through kills of database and service, bounded in time."""

import argparse
import asyncio
import contextlib
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from libs.common.database import OwnConnection, connect, create_pool
from libs.common.embedded_postgres import EmbeddedPostgres, binary
from libs.common.service import StartRefused
from services.ledger.bench import books
from services.ledger.bench.identity import Identity
from services.ledger.service.auditor import Auditor
from services.ledger.service.sealer import seal
from services.ledger.settings import AUDITOR_ROLE, SERVICE_ROLE
from services.ledger.signing import LedgerKeys
from services.ledger.soak.clients import TEXT, Ledgers, keep_paying
from services.ledger.soak.seed import LARGE, SMALL
from services.ledger.soak.seed import seed as seed_books
from services.ledger.store.audit import AuditStore
from services.ledger.store.blocks import Blocks
from services.ledger.store.statements import StatementRange, Statements

PAGE = Path("docs") / "soak-ledger.md"
CLIENTS = 16
PAYMENT_RATIO_MAX = 1.3
PAGE_RATIO_MAX = 1.5
JUDGED_FROM_S = 60
PAGES_READ = 200
TURNS = 4
START_TIMEOUT_S = 60.0
# what a session that is killed under way raises; the last is the driver's own confusion about it
_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, asyncpg.InternalClientError)


@dataclass
class Result:
    """What one soak found."""

    seed: int
    seconds: int
    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        print(line, flush=True)
        self.lines.append(line)

    def require(self, holds: bool, line: str) -> None:
        self.say(f"{'ok' if holds else 'WRONG'}: {line}")
        if not holds:
            self.wrong.append(line)


class Service:
    """The ledger's API in a process of its own, on one port through every restart."""

    def __init__(self, url: str, identity: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._environment = os.environ | {
            "MCCS_LEDGER_URL": url,
            "MCCS_IDENTITY_API_URL": identity,
            "MCCS_LOG_LEVEL": "error",
            "BENCH_PORT": str(self.port),
        }
        self.process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "services.ledger.bench.server"]
        self.process = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await asyncio.to_thread(self.process.stdout.readline)
        if line.strip() != "ready":
            raise RuntimeError("the service did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            if self.process.stdout is not None:
                self.process.stdout.close()

    def resident_mb(self) -> float:
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class Soak:
    """The parts of one run, in their order."""

    server: EmbeddedPostgres
    url: str
    folder: Path
    result: Result
    chance: random.Random
    snapshots: int = 0

    async def run(self, seconds: int, entries: int) -> None:
        await books.prepare(self.url)
        async with self._owner(60) as owner:
            await owner.execute("select set_guards()")  # the bench's own function is there on purpose
        empty = self.server.url("empty")
        beside = await connect(self.server.url("postgres"), statement_timeout_s=120)
        await beside.execute("create database empty template soak")
        await beside.close()
        async with self._owner(600) as owner:
            began = time.perf_counter()
            count = await seed_books(owner, entries, books.ACCOUNTS)
            self.result.say(f"{count:,} entries seeded in {time.perf_counter() - began:.0f} s")
        await self._payments(empty)
        await self._pages()
        await self._audited("seeded books")
        await self._load(seconds)
        await self._audited("books after all kills, everything sealed")

    def _ratio(self, what: str, one: float, other: float, at_most: float, name: str, other_name: str) -> None:
        line = f"{what}: {one:.2f} ms {name}, {other:.2f} ms {other_name}, ratio {one / other:.2f}, at most {at_most}"
        if self.result.seconds >= JUDGED_FROM_S:
            self.result.require(one / other <= at_most, line)
        else:
            self.result.say(f"{line} (too short to be judged)")

    async def _payments(self, empty_url: str) -> None:
        """Our payment function by one client with every guard on, on full and on empty books in turn: the best of each, so
        that what else the machine does meanwhile counts for neither."""
        script = books.pay_script(self.folder)
        seconds = max(1, min(10, self.result.seconds // 10))
        best = {self.url: float("inf"), empty_url: float("inf")}
        for url in [empty_url, self.url] * (TURNS if self.result.seconds >= JUDGED_FROM_S else 1):
            pgbench = books.Pgbench(binary("pgbench"), url)
            _, latency = await asyncio.to_thread(pgbench.run, script, clients=1, seconds=seconds)
            best[url] = min(best[url], latency)
        self._ratio(
            "a payment (one call, one client)", best[self.url], best[empty_url], PAYMENT_RATIO_MAX, "full", "empty"
        )

    async def _pages(self) -> None:
        pool = await create_pool(self.url, role=SERVICE_ROLE, size_max=2)
        try:
            statements = Statements(pool)
            entity = {
                name: await pool.fetchval("select entity_id from account_view where name = $1", f"Member {i}")
                for name, i in (("large", LARGE[0]), ("small", SMALL[0]))
            }
            took: dict[str, list[float]] = {"large": [], "small": []}
            for _ in range(PAGES_READ):
                for name, entity_id in entity.items():
                    began = time.perf_counter()
                    await statements.page(entity_id, StatementRange(), before_seq=None, limit=50)
                    took[name].append((time.perf_counter() - began) * 1000)
            counts = [
                await pool.fetchval("select seq from account_view where entity_id = $1", entity_id)
                for entity_id in entity.values()
            ]
        finally:
            await pool.close()
        large, small = statistics.median(took["large"]), statistics.median(took["small"])
        names = [f"of {count:,} entries" for count in counts]
        self._ratio("a statement page", large, small, PAGE_RATIO_MAX, names[0], names[1])

    async def _audited(self, what: str) -> None:
        pool = await create_pool(self.url, role=AUDITOR_ROLE, size_max=2, statement_timeout_s=900)
        try:
            keys, blocks = LedgerKeys.of("soak"), Blocks(pool)
            began = time.perf_counter()
            sealed = await seal(blocks, keys)
            sealing_s = time.perf_counter() - began
            faults = await Auditor(AuditStore(pool), blocks, keys, lambda: None).whole()
            took = time.perf_counter() - began - sealing_s
        finally:
            await pool.close()
        rate = sealed / sealing_s
        self.result.say(f"{sealed:,} entries sealed in {sealing_s:.0f} s ({rate:,.0f}/s); whole audit in {took:.0f} s")
        self.result.require(not faults, f"{what}: {[fault.detail for fault in faults] or 'no fault'}")

    async def _load(self, seconds: int) -> None:
        identity = Identity()
        service = Service(self.url, identity.url)
        known, over = Ledgers(), asyncio.Event()
        await service.start()
        token = identity.token("soak-admin", "admin")
        address = f"http://127.0.0.1:{service.port}"
        paying = [
            asyncio.create_task(keep_paying(address, token, self.result.seed + i, known, over)) for i in range(CLIENTS)
        ]
        looking = asyncio.create_task(self._look(over))
        try:
            await self._steady(service, seconds / 2, known)
            kills = await self._kill(service, seconds / 2)
            over.set()
            async with asyncio.timeout(START_TIMEOUT_S):
                await asyncio.gather(*paying, looking)
        finally:
            for task in (*paying, looking):
                task.cancel()
            await asyncio.gather(*paying, looking, return_exceptions=True)
            service.kill()
            identity.close()
        self.result.say(
            f"{len(known.acknowledged):,} payments acknowledged by {CLIENTS} clients through {kills['database']} kills of "
            f"the database and {kills['service']} of the service; {known.repeats:,} requests repeated, {known.replayed} "
            f"found done already"
        )
        await self._nothing_lost(known)

    async def _steady(self, service: Service, seconds: float, known: Ledgers) -> None:
        """Load without kills: the slope of the service's memory, by least squares over its second half."""
        samples: list[tuple[float, float]] = []
        began, before = time.monotonic(), len(known.acknowledged)
        while (now := time.monotonic() - began) < seconds:
            samples.append((now / 60, service.resident_mb()))
            await asyncio.sleep(min(1.0, seconds / 20))
        rate = (len(known.acknowledged) - before) / seconds
        late = samples[len(samples) // 2 :]
        slope = statistics.linear_regression(*zip(*late, strict=True)).slope
        self.result.say(
            f"memory of the service: {late[0][1]:.1f} MB, then {late[-1][1]:.1f} MB, slope {slope:+.2f} MB/min under "
            f"{rate:,.0f} payments/s"
        )

    async def _kill(self, service: Service, seconds: float) -> dict[str, int]:
        kills = {"database": 0, "service": 0}
        end = time.monotonic() + seconds
        longest = max(0.3, min(10.0, seconds / 6))
        while time.monotonic() < end or not all(kills.values()):
            await asyncio.sleep(self.chance.uniform(longest / 5, longest))
            first = min(kills, key=lambda name: kills[name]) if 0 in kills.values() else ""
            what = first or self.chance.choice(list(kills))
            kills[what] += 1
            if what == "service":
                service.kill()
                await service.start()
            else:
                pid = (self.server.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
                os.kill(int(pid), signal.SIGKILL)
                await self.server.stop()
                await self._start_again()
        return kills

    async def _start_again(self) -> None:
        """The killed server's sessions end a moment after it; until then no other may have its data."""
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                return await self.server.start()
            except StartRefused:
                await self.server.stop()
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.3)

    async def _look(self, over: asyncio.Event) -> None:
        """The bank's sums on one snapshot after the other, while everything moves."""
        while not over.is_set():
            with contextlib.suppress(*_AWAY):
                async with self._owner(30) as owner:
                    while not over.is_set():
                        row = await owner.fetchrow(
                            "select sum(balance) as sum, count(*) filter (where balance - held_out < min_balance"
                            " or balance > max_balance) as outside, count(*) filter (where balance <> (select"
                            " e.balance_after from entry e where e.account_id = a.id order by seq desc limit 1))"
                            " as other from account a"
                        )
                        assert row is not None
                        self.snapshots += 1
                        if any(row.values()):
                            self.result.require(False, f"a snapshot does not add up: {dict(row)}")
                        await asyncio.sleep(0.3)
            await asyncio.sleep(0.1)

    async def _nothing_lost(self, known: Ledgers) -> None:
        async with self._owner(120) as owner:
            rows = await owner.fetch(
                "select t.id::text, t.amount, coalesce(e.legs, 0) as legs from transfer t"
                " left join (select transfer_id, count(*) as legs from entry group by transfer_id) e on e.transfer_id = t.id"
                " where t.description = $1",
                TEXT,
            )
        booked = {row["id"]: row["amount"] for row in rows}
        self.result.require(
            self.snapshots > 0, f"{self.snapshots} snapshots of all balances read meanwhile, each adds up"
        )
        self.result.require(not known.strange, f"no answer but paid or try again {known.strange[:3] or ''}")
        lost, extra = known.acknowledged.keys() - booked.keys(), booked.keys() - known.acknowledged.keys()
        self.result.require(not lost, f"{len(lost)} acknowledged payments lost")
        self.result.require(not extra, f"{len(extra)} payments booked that nobody asked for or twice")
        whole = all(row["legs"] == 2 for row in rows) and all(known.acknowledged.get(i) == booked[i] for i in booked)
        self.result.require(whole, "every payment has its amount and its two entries")

    @contextlib.asynccontextmanager
    async def _owner(self, timeout_s: float) -> AsyncIterator[OwnConnection]:
        connection = await connect(self.url, statement_timeout_s=timeout_s, connect_timeout_s=10)
        try:
            yield connection
        finally:
            connection.terminate()


async def _run(result: Result, seconds: int, entries: int) -> None:
    with tempfile.TemporaryDirectory(prefix="mccs-soak-") as name:
        server = EmbeddedPostgres(Path(name) / "postgres")
        await server.start()
        try:
            connection = await connect(server.url("postgres"))
            await connection.execute("create database soak")
            await connection.close()
            soak = Soak(server, server.url("soak"), Path(name), result, random.Random(result.seed))
            await soak.run(seconds, entries)
        finally:
            await server.stop()


def _page(result: Result, entries: int) -> str:
    lines = "\n".join(f"- {line}" for line in result.lines)
    return (
        "# The ledger under soak\n\n"
        "Written by `make soak-ledger`; not by hand. PostgreSQL and the service are killed (SIGKILL) at random moments while "
        "clients repeat their own requests under their own keys.\n\n"
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} processors, {platform.machine()}, "
        f"Python {platform.python_version()}; load of the machine {os.getloadavg()[0]:.1f}\n"
        f"- asked for: {result.seconds} s of load, {entries:,} entries, seed {result.seed}\n{lines}\n\n"
        f"{'Everything that must hold held.' if not result.wrong else 'WRONG: ' + '; '.join(result.wrong)}\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m services.ledger.soak", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="length of the load")
    parser.add_argument("--entries", type=int, default=10_000_000, help="how many are seeded before")
    parser.add_argument("--seed", type=int, default=None, help="of everything random; printed")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the result is written")
    given = parser.parse_args(arguments)
    result = Result(given.seed if given.seed is not None else random.SystemRandom().randrange(10**9), given.seconds)
    print(f"seed {result.seed}", flush=True)
    asyncio.run(_run(result, given.seconds, given.entries))
    given.page.write_text(_page(result, given.entries), encoding="utf-8")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
