"""Passwords hashed with argon2id in a few threads, so that the event loop goes on (RFC 9106)."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from services.identity.domain.errors import NamedError
from services.identity.domain.passwords import normal

_NICENESS = 5
"""At 2 a busy machine's loop woke later; at 10 logins all but stopped while many paid."""
Result = TypeVar("Result")


class Hasher:
    """A bounded pool of hashing threads. What does not fit into the queue is refused with `busy`."""

    def __init__(self, *, memory_kib: int, passes: int, workers: int = 0, queue_max: int = 256) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._hash = PasswordHash((Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=1),))
        self._pool = ThreadPoolExecutor(self.workers, "hash", _be_nice)
        self._queue_max = queue_max
        self._waiting = 0
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """The hash of a new password."""
        return await self._run(lambda: self._hash.hash(normal(password)))

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether this is the password, and a new hash where the stored one is of weaker settings.

        Without a stored hash (nobody has the address) it takes the same time and is wrong.
        """
        if stored is None:
            stored = self._nobody = self._nobody or await self.hash(os.urandom(16).hex())
            await self._run(lambda: self._verify(password, stored))
            return False, None
        return await self._run(lambda: self._verify(password, stored))

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, stored: str) -> tuple[bool, str | None]:
        try:
            return self._hash.verify_and_update(normal(password), stored)
        except UnknownHashError:
            return False, None

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= self._queue_max:
            raise NamedError("busy", retry_after_s=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _be_nice() -> None:
    """Hashing yields the processor to the thread that answers requests (Linux knows priorities of threads)."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
