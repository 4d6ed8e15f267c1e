"""What it costs to check a token: `python -m libs.common.bench.tokens`."""

import asyncio
import time

from libs.common.bench.tools import machine
from libs.common.testing.tokens import TokenMaker

SEEN_ROUNDS = 50_000
FRESH_ROUNDS = 500
REACH_US = 20.0


async def main() -> None:
    """Prints microseconds per check, for tokens seen before and for new ones."""
    maker = TokenMaker()
    verifier = maker.verifier("ledger")
    token = maker.user()
    await verifier.verify(token)
    began = time.perf_counter()
    for _ in range(SEEN_ROUNDS):
        await verifier.verify(token)
    seen_us = (time.perf_counter() - began) / SEEN_ROUNDS * 1e6
    fresh = [maker.user() for _ in range(FRESH_ROUNDS)]
    began = time.perf_counter()
    for each in fresh:
        await verifier.verify(each)
    fresh_us = (time.perf_counter() - began) / FRESH_ROUNDS * 1e6
    print(f"check of a token: {machine()}")
    print(f"  seen before  {seen_us:8.1f} µs   (reach ≤ {REACH_US:g} µs)")
    print(f"  new          {fresh_us:8.1f} µs")


if __name__ == "__main__":
    asyncio.run(main())
