"""What the use cases are given."""

from dataclasses import dataclass

from libs.common.bus.port import Bus
from libs.common.clock import Clock
from services.matcher.index.port import Index
from services.matcher.source import Source


@dataclass(frozen=True, slots=True)
class Deps:
    """Put together by `app.build`."""

    index: Index
    source: Source
    bus: Bus
    clock: Clock

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self.clock().timestamp() * 1000)
