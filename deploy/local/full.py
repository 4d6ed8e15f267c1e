"""`make full`: every service in a process of its own against real servers, started, watched and stopped together."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping

from deploy.local.parts import DEPLOYABLES
from libs.common.service import StartRefused

NEEDED = (
    "MCCS_BUS_URL",
    "MCCS_IDENTITY_URL",
    "MCCS_DIRECTORY_URL",
    "MCCS_LEDGER_URL",
    "MCCS_MATCHER_URL",
    "MCCS_NOTIFIER_URL",
)
RESTART_FIRST_S = 0.5
RESTART_MAX_S = 15.0
STEADY_S = 30.0
STOP_WITHIN_S = 20.0
_PR_SET_PDEATHSIG = 1


class Child:
    """One service's process; started again, later each time, when it dies by itself."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self.process: asyncio.subprocess.Process | None = None
        self._environment = environment
        self._stopping = False

    async def run(self) -> None:
        """Until stopped."""
        wait_s = RESTART_FIRST_S
        while not self._stopping:
            began = time.monotonic()
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "deploy.local",
                "run",
                self.name,
                env=self._environment,
                preexec_fn=_end_with_parent,
            )
            status = await self.process.wait()
            if self._stopping:
                return
            if status == 2:  # wrong settings do not get right by waiting
                raise StartRefused(f"{self.name} refused to start; its sentence stands above.", status=2)
            wait_s = RESTART_FIRST_S if time.monotonic() - began > STEADY_S else min(wait_s * 2, RESTART_MAX_S)
            print(f"full: {self.name} ended with status {status}; again in {wait_s:g} s", file=sys.stderr, flush=True)
            await asyncio.sleep(wait_s)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that takes too long."""
        self._stopping = True
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _end_with_parent() -> None:
    """In the child before it becomes the service: Linux ends it when this process dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


async def run(environment: Mapping[str, str]) -> int:
    """Migrates, then runs all services until SIGTERM or SIGINT. Raises StartRefused."""
    missing = [name for name in NEEDED if not environment.get(name)]
    if missing:
        raise StartRefused(
            f"Set {', '.join(missing)} to the addresses of your servers, or run `docker compose up`, "
            "which brings them along.",
            status=2,
        )
    migrating = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local", "migrate", env=environment, preexec_fn=_end_with_parent
    )
    if await migrating.wait() != 0:
        raise StartRefused("The stores could not be brought up to date; the reason stands above.")
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    children = [Child(name, environment) for name in DEPLOYABLES]
    running = [asyncio.create_task(child.run()) for child in children]
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({*running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*(child.stop() for child in children))
    for task in (*running, waiting):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*running, return_exceptions=True)
    for task in done - {waiting}:
        task.result()
    return 0


def main() -> int:
    """The program."""
    try:
        return asyncio.run(run(dict(os.environ)))
    except StartRefused as refused:
        print(f"full: {refused.sentence}", file=sys.stderr)
        return refused.status


if __name__ == "__main__":
    sys.exit(main())
