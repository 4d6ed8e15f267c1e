"""The figures as lines while they are taken, and as the page that keeps them."""

import os
import platform
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gateway.bench.load import Measured

PAGE = Path(__file__).parents[2] / "docs" / "bench-api.md"
OLD = {
    "two-step payments": "75 / 73",
    "search by an offer, a visitor": "404 / 409",
    "search by an offer, a member": "404 / 409",
    "one entity, any of them": "5,025 / 5,497",
    "one entity, always the same": "5,025 / 5,497",
    "balance": "886 / 766",
    "logins": "32 / 32",
}
"""The server it replaces, at 16 / 64 connections."""


def load_average() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg())


@dataclass(slots=True)
class Part:
    """The figures of one way to run it."""

    title: str
    command: str = "python -m gateway.bench"
    began: str = field(default_factory=load_average)
    rows: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def add(self, name: str, connections: int, measured: Measured, used_s: float) -> None:
        """One line of the table."""
        cost = used_s / max(1, len(measured.calls)) * 1e6
        at = [measured.at(share) for share in (0.5, 0.95, 0.99)]
        wrong = f"  {measured.wrong} wrong: {measured.last_wrong}" if measured.wrong else ""
        print(
            f"  {name:30} {connections:3}  {measured.rate:7.0f} /s   p50 {at[0]:7.2f}  p95 {at[1]:7.2f}"
            f"  p99 {at[2]:7.2f} ms  cpu {cost:6.0f} µs{wrong}",
            flush=True,
        )
        numbers = " | ".join(f"{each:,.2f}" for each in at)
        self.rows.append(
            f"| {name} | {connections} | {measured.rate:,.0f} | {numbers} | {cost:,.0f} | {measured.wrong} | {OLD.get(name, '')} |"
        )

    def say(self, sentence: str) -> None:
        """What stands below the table."""
        print(f"  {sentence}", flush=True)
        self.sentences.append(f"- {sentence}")

    def text(self) -> str:
        """In Markdown."""
        date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        measured = f"- `{self.command}`, {date}; load average before {self.began}, after {load_average()}"
        head = [
            f"## {self.title}",
            "",
            measured,
            "",
            "| what | connections | a second | p50 ms | p95 ms | p99 ms | CPU µs a call | refused | the old server at 16 / 64 |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        return "\n".join([*head, *self.rows, "", *self.sentences, ""])


def write(part: Part, alone: list[str], hashing: list[str]) -> None:
    """The page with this part anew; the other part stays as it was measured. `hashing` is what identity's own bench said."""
    kept = [text for text in _sections() if not text.startswith(f"## {part.title}\n")]
    sections = sorted([*kept, part.text()], key=lambda text: "One process" not in text.splitlines()[0])
    lines = [
        "# The public API's figures",
        "",
        "Written by `python -m gateway.bench [--full]`, never by hand. Node, databases and the client that asks share one machine.",
        "What else the machine did (the load average tells), and what others did on the hardware that it shares with them,",
        "slows every line.",
        "",
        f"- machine: {_machine()}",
        f"- Python {' '.join(sys.version.split())}; the node logs at the level `warning`, without limits of rates",
        "- `CPU µs a call` is the processor time of the node's own processes (of the embedded node its PostgreSQL too; real",
        "  servers are not in it), background work of the same seconds included",
        "- every line begins when the node is at rest (it uses less than 0.15 of a core; waited for up to a minute): what",
        "  payments leave to do, and what it costs, stands below the tables; payments through v1 and straight at the ledger",
        "  are measured by turns",
        "- where loops are said to be ready without a core, there were more processes at work than cores: every step from one",
        "  process to the next waits then, and the more steps a call takes, the longer",
        "- the old server was measured on another day, on 2 cores too, with 10,000 trading members of ten tags each",
        "- up to 128 members log in, pay and look at their balance; the others have nobody behind them and an unused account;",
        "  how many there were stands below each table: with few, most reads of one entity are kept ones too",
        "- answers to visitors may be kept: searches (for one of 100 tags) for a second, one entity while the directory, asked",
        "  once a second, says that it did not change, as `gateway/public_reads.py` says; single entities that are asked for",
        "  at once and not kept are fetched together; of a member's search the ids that were found are kept for a second, and",
        "  what members see of an entity as long as what visitors do; of `GET /user/entities` all but the accounts likewise",
        "",
        "The gateway alone, over services that answer from memory (reach: 300 µs of processor time):",
        "",
        *(f"- {line}" for line in alone),
        "",
        "Identity alone, `python -m services.identity.bench.logins` (reach: no step of its loop beyond 20 ms; a look at a busy",
        "process, as below the tables, waits for all the steps of others that came before it):",
        "",
        *(f"- {line}" for line in hashing),
        "",
    ]
    PAGE.write_text("\n".join([*lines, "\n".join(sections)]), encoding="utf-8")


def _sections() -> list[str]:
    if not PAGE.exists():
        return []
    return [f"## {text.rstrip()}\n" for text in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]]


def _machine() -> str:
    model = ""
    about = Path("/proc/cpuinfo")
    if about.exists():
        names = [line.partition(":")[2].strip() for line in about.read_text().splitlines() if "model name" in line]
        model = names[0] if names else ""
    return f"{os.cpu_count()} cores {model or platform.machine()}, {platform.system()} {platform.release()}"
