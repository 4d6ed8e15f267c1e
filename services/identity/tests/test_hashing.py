"""Hashing off the event loop."""

import asyncio
import time

import pytest

from services.identity.domain.errors import NamedError
from services.identity.hashing import Hasher


@pytest.fixture
def real():
    """With the settings of a real node."""
    hasher = Hasher(memory_kib=19_456, passes=2)
    yield hasher
    hasher.close()


async def test_a_password_is_hashed_by_argon2id_as_strong_as_owasp_asks(real):
    stored = await real.hash("green-Tomatoes-42")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await real.verify("green-Tomatoes-42", stored) == (True, None)
    assert (await real.verify("green-Tomatoes-43", stored))[0] is False
    assert await real.verify("x", "not a hash") == (False, None)


async def test_one_password_typed_in_two_unicode_forms_is_one(real):
    assert (await real.verify("jose\u0301-Garden-1", await real.hash("jos\u00e9-Garden-1")))[0]


async def test_nobodys_password_costs_what_anybodys_does(real, monkeypatch):
    """Told by the work that is done, since times are whatever the machine makes of them."""
    stored = await real.hash("green-Tomatoes-42")
    await real.verify("x", None)
    verify, work = real._verify, []

    def noted(password, compared):
        work.append(compared.rsplit("$", 2)[0])
        return verify(password, compared)

    monkeypatch.setattr(real, "_verify", noted)
    assert await real.verify("wrong-Password-1", stored) == (False, None)
    assert await real.verify("wrong-Password-1", None) == (False, None)
    assert work == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


async def test_the_event_loop_goes_on_while_passwords_are_hashed(real):
    """Shown by how late a short sleep wakes; the median bears a busy machine, where every wake-up can be late."""
    late, over = [], asyncio.Event()

    async def watch():
        while not over.is_set():
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            late.append(time.perf_counter() - began - 0.002)

    watching = asyncio.create_task(watch())
    stored = await real.hash("green-Tomatoes-42")
    await asyncio.gather(*(real.verify("wrong-Password-1", stored) for _ in range(24)))
    over.set()
    await watching
    late.sort()
    assert len(late) > 10, "a loop that is blocked by hashing wakes only between hashes"
    assert late[len(late) // 2] < 0.02


async def test_what_does_not_fit_into_the_queue_is_refused_at_once():
    hasher = Hasher(memory_kib=8, passes=1, workers=1, queue_max=2)
    outcomes = await asyncio.gather(*(hasher.hash("x") for _ in range(5)), return_exceptions=True)
    assert [one.code for one in outcomes if isinstance(one, NamedError)] == ["busy"] * 3
    hasher.close()
