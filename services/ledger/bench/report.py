"""What was measured, against what is to be reached, as a page."""

import os
import platform
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from libs.common.database import OwnConnection, Pool, connect
from libs.common.ids import new_id
from services.ledger.app import LOOKING_UP
from services.ledger.bench import books
from services.ledger.store.statements import StatementRange, Statements

MANY = 1_000_000
FEW = 1_000
TRIES = 300


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement. CPU is told in microseconds of one processor for each payment."""

    name: str
    per_second: float
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    mean_ms: float | None = None
    cpu_us: dict[str, float] = field(default_factory=dict)
    foreign_cpus: float | None = None
    refused: int = 0
    line: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio and what it is to reach."""

    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass
class Figures:
    """Everything of one run."""

    taken: list[Figure] = field(default_factory=list)
    goals_of_reads: list[Goal] = field(default_factory=list)
    server_version: str = ""
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, figure: Figure) -> None:
        self.taken.append(figure)

    async def describe(self, url: str) -> None:
        connection = await connect(url)
        rows = await connection.fetch(
            "select name, setting from pg_settings where name in"
            " ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes') order by name desc"
        )
        self.server_version = ", ".join(f"{row['name']} {row['setting']}" for row in rows)
        await connection.close()

    def best(self, line: str) -> float:
        return max((figure.per_second for figure in self.taken if figure.line == line), default=0.0)

    def p99_at(self, connections: int) -> float:
        return max(
            (
                f.p99_ms or 0.0
                for f in self.taken
                if f.line == "HTTP" and f.name.endswith(f" {connections} connections")
            ),
            default=0.0,
        )

    def goals(self) -> list[Goal]:
        found = []
        if self.best("HTTP") and self.best("L1"):
            found = [
                Goal("single-step payments over HTTP to L1", self.best("HTTP") / self.best("L1"), 0.86),
                Goal(
                    "two-step payments over HTTP to their L1",
                    self.best("HTTP two-step") / self.best("L1 two-step"),
                    0.9,
                ),
                Goal("one hot payee in sets to plain single calls", self.best("hot set") / self.best("hot plain"), 4.0),
                Goal(
                    "one hot payee over HTTP to plain single calls", self.best("HTTP hot") / self.best("hot plain"), 1.0
                ),
                Goal("p99 of payments at 64 connections, ms", self.p99_at(64), 50.0, at_most=True),
            ]
        return [*found, *self.goals_of_reads]

    @property
    def reached(self) -> bool:
        return all(goal.reached for goal in self.goals())


def one_line(figure: Figure) -> str:
    """A figure for the terminal."""
    parts = [f"{figure.name}: {figure.per_second:,.0f}/s"]
    if figure.p99_ms is not None:
        parts.append(f"p50 {figure.p50_ms} p95 {figure.p95_ms} p99 {figure.p99_ms} ms")
    if figure.cpu_us:
        parts.append("CPU µs " + ", ".join(f"{part} {value:.0f}" for part, value in figure.cpu_us.items()))
    if figure.foreign_cpus is not None:
        parts.append(f"foreign load {figure.foreign_cpus:.2f} CPUs")
    if figure.refused:
        parts.append(f"{figure.refused} refused")
    return "; ".join(parts)


def page(figures: Figures, seconds: int) -> str:
    """The page `docs/bench-ledger.md`."""
    rows = [
        "# The ledger's figures",
        "",
        "Written by `make bench-ledger`, never by hand. Database, service and load generator share the machine; every",
        f"measurement lasts {seconds} s. L1 is the best of pgbench calling our own payment function, one payment a commit.",
        "",
        f"- date: {figures.began_at:%Y-%m-%d %H:%M} UTC",
        f"- machine: {_machine()}",
        f"- PostgreSQL: {figures.server_version}; Python {platform.python_version()}",
        "- the service logs at the level `warning`; relay and consumers run elsewhere",
        "",
        "| to reach | bound | measured | |",
        "|---|---|---|---|",
    ]
    for goal in figures.goals():
        sign = "≤" if goal.at_most else "≥"
        rows.append(
            f"| {goal.name} | {sign} {goal.bound:g} | {goal.value:.2f} | {'yes' if goal.reached else '**no**'} |"
        )
    rows += [
        "",
        "| what | a second | p50 ms | p95 ms | p99 ms | mean ms | CPU µs a payment: database, service, load | foreign load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [_row(figure) for figure in figures.taken]
    return "\n".join(rows) + "\n"


def _row(figure: Figure) -> str:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    cpu = ", ".join(f"{figure.cpu_us[part]:.0f}" for part in ("database", "service", "load") if part in figure.cpu_us)
    cells = [
        figure.name + (f" ({figure.refused} refused)" if figure.refused else ""),
        f"{figure.per_second:,.0f}",
        number(figure.p50_ms),
        number(figure.p95_ms),
        number(figure.p99_ms),
        number(figure.mean_ms),
        cpu,
        "" if figure.foreign_cpus is None else f"{figure.foreign_cpus:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else ""
    return f"{os.cpu_count()} cores {model or platform.machine()}, {platform.system()} {platform.release()}"


async def reads(url: str, figures: Figures) -> None:
    """A statement page of an account with a million entries beside one with a thousand; a balance in the past."""
    connection = await connect(url, statement_timeout_s=600)
    try:
        small, large = await _seed(connection, FEW), await _seed(connection, MANY)
        await connection.execute("vacuum analyze entry, transfer, resolution, account")
        page_small, page_large = await _time_pages(connection, small, large)
        figures.add(Figure(f"statement page, account of {FEW:,} entries", 1000 / page_small, mean_ms=page_small))
        figures.add(Figure(f"statement page, account of {MANY:,} entries", 1000 / page_large, mean_ms=page_large))
        figures.goals_of_reads.append(
            Goal("statement page of 1,000,000 entries to one of 1,000", page_large / page_small, 1.5, at_most=True)
        )
        look_up = await _time(connection, _BALANCE, large)
        figures.add(Figure("balance at a past moment, 1,000,000 entries", 1000 / look_up, mean_ms=look_up))
        plan = "\n".join(row[0] for row in await connection.fetch("explain (costs off) " + _BALANCE, large))
        lookups = plan.count("Index") - plan.count("account_entity_id_key") - plan.count("Index Cond")
        figures.goals_of_reads.append(Goal("index look-ups in entries of a past balance", lookups, 1, at_most=True))
    finally:
        await connection.close()


_BALANCE = """
select e.balance_after from entry_view e
where e.account_id = (select a.id from account_view a where a.entity_id = $1)
  and e.at <= '2020-06-01'::timestamptz order by e.at desc, e.seq desc limit 1
"""


async def _time_pages(connection: OwnConnection, small: str, large: str) -> tuple[float, float]:
    """By turns, so that what else the machine does falls on both."""
    for name, value in LOOKING_UP.items():  # as the service's own sessions
        await connection.execute(f"set {name} = {value}")
    statements = Statements(cast("Pool", connection))

    async def page(entity: str, middle: int) -> float:
        began = time.perf_counter()
        lines = await statements.page(entity, StatementRange(), before_seq=middle, limit=50)
        assert len(lines) == 50
        return (time.perf_counter() - began) * 1000

    took = [0.0, 0.0]
    for turn in range(TRIES + 20):
        of_small, of_large = await page(small, FEW // 2), await page(large, MANY // 2)
        if turn >= 20:
            took[0] += of_small
            took[1] += of_large
    return took[0] / TRIES, took[1] / TRIES


async def _time(connection: OwnConnection, query: str, entity: str, tries: int = TRIES) -> float:
    """Mean milliseconds."""
    prepared = await connection.prepare(query)
    began = time.perf_counter()
    for _ in range(tries):
        await prepared.fetch(entity)
    return (time.perf_counter() - began) * 1000 / tries


async def _seed(connection: OwnConnection, entries: int) -> str:
    """An account with so many entries, booked in bulk by the owner with the guards off: for reads only."""
    entity, account, other = new_id(), new_id(), new_id()
    tag = 1 if entries == FEW else 2
    numbers = [books.with_check(f"6{side}{tag:013d}") for side in (1, 2)]
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(
            """
            insert into account (id, number, entity_id, kind, unit, name, min_balance, max_balance, seq, balance, last_at)
            values ($1, $2, $3, 'member', 'CR', 'seeded', -1e14, 1e14, $4, $4, now()),
                   ($5, $6, gen_random_uuid(), 'member', 'CR', 'seeded', -1e14, 1e14, $4, -$4, now())
            """,
            account,
            numbers[0],
            entity,
            entries,
            other,
            numbers[1],
        )
        await connection.execute("create temp table seeded (n bigint, id uuid) on commit drop")
        await connection.execute(
            "insert into seeded select n, gen_random_uuid() from generate_series(1, $1) n", entries
        )
        await connection.execute(
            """
            insert into transfer (id, payer, payee, amount, kind, description, initiator, created_at, body_hash)
            select id, $2::uuid, $1::uuid, 1, 'import', 'seeded', 'admin', '2020-01-01'::timestamptz + n * interval '30 s', ''
            from seeded order by n
            """,
            account,
            other,
        )
        await connection.execute(
            """
            insert into resolution (transfer_id, kind, at, actor)
            select id, 'completed', '2020-01-01'::timestamptz + n * interval '30 s', 'admin' from seeded order by n
            """
        )
        await connection.execute(
            """
            insert into entry (account_id, seq, transfer_id, amount, balance_after, at)
            select leg.account, n, id, leg.sign, leg.sign * n, '2020-01-01'::timestamptz + n * interval '30 s'
            from seeded, (values ($1::uuid, 1), ($2::uuid, -1)) as leg(account, sign) order by n
            """,
            account,
            other,
        )
    return entity
