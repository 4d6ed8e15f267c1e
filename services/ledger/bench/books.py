"""A database for the bench: accounts whose numbers a script can compute, and the scripts that call the functions."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from libs.common.database import OwnConnection, connect
from libs.common.ids import new_id
from services.ledger.app import migrate
from services.ledger.domain import luhn_digit
from services.ledger.settings import SERVICE_ROLE, Settings

ACCOUNTS = 1000
LIMIT = 10**14
HOT = 0

# an id of version 7, made where the script runs, so that keys fall into the index as they do in the service
_BENCH_ID = """
CREATE FUNCTION bench_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
        'hex')::uuid
$$
"""
# the account's number as number_of() makes it: three digits at places that Luhn does not double
_NUMBER = """
\\set {name} 5000000000000000 + ({i} / 100) * 1000000 + (({i} / 10) % 10) * 10000 + ({i} % 10) * 100 + \
(19 - ({i} / 100) % 10 - ({i} / 10) % 10 - {i} % 10 + 10) % 10
"""
_PICK = "\\set i random(0, 999)\n\\set j (:i + random(1, 999)) % 1000\n"
_PAY = """
select code from pay_batch(array[bench_id()], array['bench'], array[:p::text], array[{payee}], array[1::bigint],
    array['bench'], array[bench_id()::text], array['\\x00'::bytea], array[null::text]);
"""
_PROPOSE = """
select (answer::json ->> 'id') as id from propose_batch(array[bench_id()], array['u' || :i::text], array[null::uuid],
    array[:p::text], array[:q::text], array[true], array[1::bigint], array['bench'], array[bench_id()::text],
    array['\\x00'::bytea], array[null::text], true, interval '30 days', interval '3 days') \\gset
select code from accept_batch(array[:id::text]::uuid[], array['u' || :j::text], array[null::uuid], array[bench_id()::text],
    array['\\x00'::bytea], array[null::text]);
"""
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([\d.]+)", re.MULTILINE)


def number_of(i: int) -> str:
    """The number of the i-th account."""
    digits = f"5000000{0}{0}{i // 100}0{i // 10 % 10}0{i % 10}0"
    return with_check(digits)


def with_check(digits: str) -> str:
    """Fifteen digits and their check digit."""
    return digits + luhn_digit(digits)


def pay_script(folder: Path, *, hot: bool = False) -> Path:
    """One transfer on behalf a commit."""
    pick = _PICK if not hot else "\\set i random(1, 999)\n\\set j 0\n"
    numbers = _NUMBER.format(name="p", i=":i") + _NUMBER.format(name="q", i=":j")
    script = folder / f"pay{'-hot' if hot else ''}.sql"
    script.write_text(pick + numbers + _PAY.format(payee=":q::text"), encoding="utf-8")
    return script


def two_step_script(folder: Path) -> Path:
    """A proposal and its acceptance, each a commit."""
    numbers = _NUMBER.format(name="p", i=":i") + _NUMBER.format(name="q", i=":j")
    script = folder / "two-step.sql"
    script.write_text(_PICK + numbers + _PROPOSE, encoding="utf-8")
    return script


def set_script(folder: Path, size: int, *, hot: bool = False) -> Path:
    """`size` transfers on behalf a commit."""
    numbers = [number_of(i) for i in range(ACCOUNTS)]
    payee = "(array_agg(n.b))" if not hot else f"array_fill('{number_of(HOT)}'::text, array[{size}])"
    script = folder / f"set{'-hot' if hot else ''}.sql"
    script.write_text(
        f"""
with n as (
    select bench_id() as id, bench_id()::text as key, r.a, r.b from (
        select (array{numbers})[1 + x.i] as a, (array{numbers})[1 + (x.i + 1 + (random() * 997)::int) % 1000] as b
        from (select 1 + (random() * 997)::int as i from generate_series(1, {size})) x) r
)
select p.code from (select array_agg(id) as ids, array_agg(key) as keys, array_agg(a) as a, {payee} as b from n) g,
    pay_batch(g.ids, array_fill('bench'::text, array[{size}]), g.a, g.b, array_fill(1::bigint, array[{size}]),
        array_fill('bench'::text, array[{size}]), g.keys, array_fill('\\x00'::bytea, array[{size}]),
        array_fill(null::text, array[{size}])) p where p.code <> 'ok';
""",
        encoding="utf-8",
    )
    return script


async def prepare(url: str) -> None:
    """Migrates, opens the accounts, and analyses them, so that sessions opened afterwards plan for many."""
    await migrate(Settings(ledger_url=url))
    connection = await connect(url, statement_timeout_s=600)
    try:
        await _fill(connection)
    finally:
        await connection.close()


async def _fill(connection: OwnConnection) -> None:
    await connection.execute(_BENCH_ID)
    await connection.execute("grant execute on function bench_id() to public")
    for i in range(ACCOUNTS):
        entity = new_id()
        await connection.fetchval(
            "select open_account($1, $2, $3, $4, $5, 'CR', $6, $7, null)",
            new_id(),
            entity,
            f"Member {i}",
            f"u{i}",
            number_of(i),
            -LIMIT,
            LIMIT,
        )
        await connection.fetchval("select set_standing($1, 'tradingAccepted', true, null, null, null)", entity)
    await connection.execute("truncate outbox")
    await connection.execute("vacuum analyze account, membership")  # a table that is known to be empty is planned worst
    await connection.execute("checkpoint")


@dataclass(frozen=True, slots=True)
class Pgbench:
    """The program and the database it drives."""

    program: Path
    url: str

    def run(self, script: Path | None, *, clients: int, seconds: int, as_service: bool = True) -> tuple[float, float]:
        """Transactions a second and their mean latency in milliseconds; the built-in tpcb-like without a script."""
        command = [str(self.program), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)]
        command += ["-f", str(script)] if script else ["-b", "tpcb-like"]
        options = f"-c role={SERVICE_ROLE}" if as_service and script else ""
        done = subprocess.run(
            [*command, self.url], check=False, capture_output=True, text=True, env={**os.environ, "PGOPTIONS": options}
        )
        found, latency = _TPS.search(done.stdout), _LATENCY.search(done.stdout)
        if done.returncode != 0 or found is None or latency is None:
            raise RuntimeError(f"pgbench failed: {done.stderr[-1000:]}")
        return float(found[1]), float(latency[1])

    def initialise(self, scale: int) -> None:
        """The tables of tpcb-like."""
        subprocess.run([str(self.program), "-i", "-q", "-s", str(scale), self.url], check=True, capture_output=True)


def user_of(i: int) -> str:
    """Who acts for the i-th account."""
    return f"u{i}"
