"""What was measured, against what is to be reached, as lines and as the page `docs/bench-search.md`."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_HEAD = (
    "Written by `make bench-search`, never by hand. The search engine and the program that asks share the machine. Ratios "
    "are against the same query sent to the engine bare, in turn, in the same run; times in seconds and milliseconds "
    "depend on what else the machine does, as the load average tells."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement, and what it may come to at most (None: it is only told)."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    detail: str = ""

    @property
    def reached(self) -> bool:
        """Whether it keeps to its bound."""
        return self.at_most is None or self.value <= self.at_most

    def line(self) -> str:
        """For people."""
        bound = (
            "" if self.at_most is None else f"  (at most {self.at_most:g}: {'reached' if self.reached else 'MISSED'})"
        )
        return f"{self.name:<58}{self.value:>10.2f} {self.unit:<6}{bound}  {self.detail}".rstrip()

    def row(self) -> str:
        """For the page."""
        bound, reached = "", ""
        if self.at_most is not None:
            bound, reached = f"≤ {self.at_most:g}", "yes" if self.reached else "**no**"
        return f"| {self.name} | {self.value:.2f} {self.unit} | {bound} | {reached} | {self.detail} |"


@dataclass
class Run:
    """One run from its start to its page."""

    title: str = "The figures of search and matching"
    head: str = _HEAD
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began_load: str = ""
    figures: list[Figure] = field(default_factory=list)
    own_cpu_s: float = field(default_factory=time.process_time)

    def __post_init__(self) -> None:
        self.began_load = self.began_load or load()

    def add(self, figures: Sequence[Figure]) -> int:
        """Prints them; 1 when a bound was missed."""
        self.figures += figures
        return tell(figures)

    def page(self) -> str:
        """The whole page."""
        return "\n".join(
            [
                f"# {self.title}",
                "",
                self.head,
                "",
                f"- date: {self.began_at:%Y-%m-%d %H:%M} UTC",
                f"- machine: {platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores",
                f"- load average (1, 5, 15 minutes): {self.began_load} at the beginning, {load()} at the end",
                f"- processor time of the program itself: {time.process_time() - self.own_cpu_s:.0f} s",
                "",
                "| what | measured | to reach | reached | besides |",
                "|---|---|---|---|---|",
                *(figure.row() for figure in self.figures),
                "",
            ]
        )

    def write(self, path: Path) -> None:
        """Onto the disk."""
        path.write_text(self.page(), encoding="utf-8")
        print(f"written: {path}")


def load() -> str:
    """How busy the machine is."""
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())


def machine() -> str:
    """Where it was measured."""
    return f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load()}"


def tell(figures: Sequence[Figure]) -> int:
    """Prints all; 1 when a bound was missed."""
    for figure in figures:
        print(figure.line(), flush=True)
    return int(not all(figure.reached for figure in figures))
