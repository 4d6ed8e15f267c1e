"""Liveness and readiness: whether the process runs, and whether what it needs answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

Check = Callable[[], Awaitable[bool]]
_CHECK_TIMEOUT_S = 2.0


async def readiness(checks: Mapping[str, Check]) -> dict[str, bool]:
    """Every check by name, all at once, each bounded; a check that fails or hangs is false."""

    async def outcome(check: Check) -> bool:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                return bool(await check())
        except Exception:  # noqa: BLE001  whatever went wrong, the answer is no
            return False

    answers = await asyncio.gather(*(outcome(check) for check in checks.values()))
    return dict(zip(checks, answers, strict=True))
