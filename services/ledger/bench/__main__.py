"""`python -m services.ledger.bench`: the ledger's figures in one run on one machine; writes docs/bench-ledger.md.

Everything is compared with pgbench in the same run, so that a slower machine, or a busier one, tells the same story.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from libs.common.database import connect
from libs.common.embedded_postgres import EmbeddedPostgres, binary
from services.ledger.bench import books, report
from services.ledger.bench.identity import Identity
from services.ledger.bench.load import Order
from services.ledger.bench.report import Figure, Figures

PAGE = Path("docs/bench-ledger.md")
CLIENTS = (4, 8, 16)
CONNECTIONS = (16, 64, 256)
SET_SIZE = 50
STATEMENT_SMALL = 1_000
STATEMENT_TRIES = 200


@dataclass
class Bench:
    """One run: the database's server, the service, and what was measured."""

    url: str
    seconds: int
    folder: Path
    server_pid: int | None
    figures: Figures = field(default_factory=Figures)
    database_cpu: dict[int, float] = field(default_factory=dict)

    @property
    def pgbench(self) -> books.Pgbench:
        return books.Pgbench(binary("pgbench"), self.url)

    def lines(self) -> None:
        """pgbench: tpcb-like, our functions one a commit, in sets, and with one hot payee."""
        pgbench = self.pgbench
        pgbench.initialise(10)
        for clients in CLIENTS:
            self._note(
                f"pgbench tpcb-like, {clients} clients", *pgbench.run(None, clients=clients, seconds=self.seconds)
            )
        pay = books.pay_script(self.folder)
        for clients in CLIENTS:
            found = pgbench.run(pay, clients=clients, seconds=self.seconds)
            self._note(f"our payment function, one a commit, {clients} clients", *found, line="L1")
        two_step = books.two_step_script(self.folder)
        for clients in CLIENTS:
            found = pgbench.run(two_step, clients=clients, seconds=self.seconds)
            self._note(f"our two functions of a two-step payment, {clients} clients", *found, line="L1 two-step")
        rate, latency = pgbench.run(books.set_script(self.folder, SET_SIZE), clients=4, seconds=self.seconds)
        self._note(f"our function, {SET_SIZE} payments a commit, 4 clients", rate * SET_SIZE, latency, line="L2")
        found = pgbench.run(books.pay_script(self.folder, hot=True), clients=16, seconds=self.seconds)
        self._note("one hot payee, one payment a commit, 16 clients", *found, line="hot plain")
        rate, latency = pgbench.run(books.set_script(self.folder, SET_SIZE, hot=True), clients=4, seconds=self.seconds)
        self._note(f"one hot payee, {SET_SIZE} payments a commit, 4 clients", rate * SET_SIZE, latency, line="hot set")

    def service(self) -> None:
        """The service over HTTP: its own process, the load's own process, tokens verified as always."""
        identity = Identity()
        port = _free_port()
        environment = os.environ | {
            "MCCS_LEDGER_URL": self.url,
            "MCCS_IDENTITY_API_URL": identity.url,
            "MCCS_LOG_LEVEL": os.environ.get("MCCS_LOG_LEVEL", "warning"),
            "BENCH_PORT": str(port),
        }
        command = [sys.executable, "-m", "services.ledger.bench.server"]
        running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert running.stdout is not None
            if running.stdout.readline().strip() != "ready":
                raise RuntimeError("the service did not start")
            admin = identity.token("bench-admin", "admin")
            members = [identity.token(books.user_of(i)) for i in range(books.ACCOUNTS)]
            for kind, name in (
                ("pay", "payments"),
                ("two_step", "requests of two-step payments"),
                ("hot", "payments to one"),
            ):
                for connections in CONNECTIONS:
                    order = Order(kind, port, connections, float(self.seconds), admin, members)
                    self._http(f"{name} over HTTP, {connections} connections", order, running.pid)
        finally:
            running.terminate()
            running.wait(10)
            identity.close()

    def _http(self, name: str, order: Order, service_pid: int) -> None:
        before = self._cpu(service_pid)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "services.ledger.bench.load"],
            input=json.dumps(asdict(order)),
            capture_output=True,
            text=True,
            check=True,
        )
        took = time.perf_counter() - began
        after = self._cpu(service_pid)
        found: dict[str, Any] = json.loads(done.stdout)
        requests = found["per_second"] * order.seconds / found["share_of_time"]
        own = {part: (after[part] - before[part]) for part in ("database", "service")} | {"load": found["cpu_s"]}
        foreign = max(0.0, (after["all"] - before["all"]) - sum(own.values())) / took
        steps = 2 if order.kind == "two_step" else 1
        figure = Figure(
            name,
            found["per_second"] / steps,
            p50_ms=found["p50_ms"],
            p95_ms=found["p95_ms"],
            p99_ms=found["p99_ms"],
            cpu_us={part: seconds * 1e6 / requests * steps for part, seconds in own.items()},
            foreign_cpus=foreign,
            refused=sum(count for status, count in found["statuses"].items() if int(status) >= 300),
            line={"pay": "HTTP", "two_step": "HTTP two-step", "hot": "HTTP hot"}[order.kind],
        )
        self._keep(figure)

    def _cpu(self, service_pid: int) -> dict[str, float]:
        """CPU seconds so far. A server process that ended in between keeps what it had used."""
        for process in psutil.process_iter(["name", "cpu_times"]):
            if process.info["name"] == "postgres" and process.info["cpu_times"] and self._is_ours(process):
                times = process.info["cpu_times"]
                self.database_cpu[process.pid] = times.user + times.system
        service = psutil.Process(service_pid).cpu_times()
        whole = psutil.cpu_times()
        return {
            "database": sum(self.database_cpu.values()),
            "service": service.user + service.system,
            "all": whole.user + whole.system + whole.nice + whole.softirq + whole.irq,
        }

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return self.server_pid is None or self.server_pid in (process.pid, process.ppid())
        except psutil.NoSuchProcess:
            return False

    def _note(self, name: str, per_second: float, latency_ms: float, *, line: str = "") -> None:
        self._keep(Figure(name, per_second, p50_ms=None, mean_ms=latency_ms, line=line))

    def _keep(self, figure: Figure) -> None:
        self.figures.add(figure)
        print(report.one_line(figure), flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pid(server: EmbeddedPostgres) -> int:
    return int((server.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


async def _run(seconds: int, url: str | None, parts: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="mccs-bench-") as name:
        folder = Path(name)
        server = None if url else EmbeddedPostgres(folder / "postgres")
        if server is not None:
            await server.start()
            connection = await connect(server.url("postgres"))
            await connection.execute("create database bench")
            await connection.close()
            url = server.url("bench")
        assert url is not None
        try:
            print("filling the books …", flush=True)
            await books.prepare(url)
            bench = Bench(url, seconds, folder, _pid(server) if server else None)
            await bench.figures.describe(url)
            if "l" in parts:
                await asyncio.to_thread(bench.lines)
            if "s" in parts:
                await asyncio.to_thread(bench.service)
            if "r" in parts:
                await report.reads(url, bench.figures)
            return bench.figures
        finally:
            if server is not None:
                await server.stop()


def main() -> int:
    """Exit status 1 where a figure misses what it is to reach."""
    parser = argparse.ArgumentParser(prog="python -m services.ledger.bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="length of each measurement")
    parser.add_argument("--url", help="an empty database on another server, as its superuser")
    parser.add_argument("--parts", default="lsr", help="l: pgbench's lines, s: the service, r: reads")
    parser.add_argument("--no-page", action="store_true", help="print only")
    given = parser.parse_args()
    figures = asyncio.run(_run(given.seconds, given.url, given.parts))
    page = report.page(figures, given.seconds)
    print(page)
    if not given.no_page:
        PAGE.write_text(page, encoding="utf-8")
    return 0 if figures.reached else 1


if __name__ == "__main__":
    sys.exit(main())
