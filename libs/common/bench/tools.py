"""What the benches share: a database to work in, percentiles, and the line that says on what was measured."""

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from libs.common.embedded_postgres import EmbeddedPostgres


def machine() -> str:
    """Cores, and how busy they were with other work as this began."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@asynccontextmanager
async def durable_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """An embedded server as a node has it: everything synced to disk."""
    with tempfile.TemporaryDirectory(prefix="mccs-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
