"""Progress for a person at a terminal; a plain line now and then where nobody watches."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

BAR_WIDTH = 28
QUIET_LINE_EVERY_S = 5.0


class Progress:
    """A bar on standard error: `with Progress("Members", 60) as bar: bar.step()`."""

    def __init__(self, title: str, total: int, stream: TextIO | None = None) -> None:
        self._title = title
        self._total = max(total, 1)
        self._done = 0
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._stream.write("\n")
        else:
            self._line()
        self._stream.flush()

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self.reach(self._done + count)

    def reach(self, done: int, total: int | None = None) -> None:
        """So many are done in all, of a total that may have been unknown before."""
        self._total = max(total or self._total, 1)
        self._done = min(done, self._total)
        self._draw()

    def _draw(self) -> None:
        if self._terminal:
            filled = BAR_WIDTH * self._done // self._total
            bar = "█" * filled + "░" * (BAR_WIDTH - filled)
            self._stream.write(f"\r{self._title:<24} {bar} {self._done}/{self._total}")
            self._stream.flush()
        elif time.monotonic() - self._last_line > QUIET_LINE_EVERY_S:
            self._line()

    def _line(self) -> None:
        self._last_line = time.monotonic()
        self._stream.write(f"{self._title}: {self._done} of {self._total}\n")
