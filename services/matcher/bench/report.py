"""What was measured, against what is to be reached, as lines."""

import os
import platform
from dataclasses import dataclass


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


def machine() -> str:
    """Where it was measured."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load}"


def tell(figures: list[Figure]) -> int:
    """Prints all; 1 when a bound was missed."""
    for figure in figures:
        print(figure.line(), flush=True)
    return int(not all(figure.reached for figure in figures))
