"""Refusals are told to identity beside the answers: nobody waits, equal ones are counted, and the end tells the rest."""

import asyncio
from typing import Any

import pytest

from gateway import refusals
from gateway.refusals import Refusals
from libs.common.auth import Principal
from libs.common.errors import Refusal
from libs.common.peers import Caller
from libs.common.testing import eventually

ANA, BEN = Principal("user", "ana"), Principal("user", "ben")
NOT_YOURS = Refusal.of(403, "not_yours", "No.")


class Identity:
    """Keeps what it is told, once `open` is set; refuses what comes for `away`."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []
        self.open = asyncio.Event()

    async def note_refusal(self, caller: Caller, *, user_id: str, role: str, operation: str, times: int) -> None:
        await self.open.wait()
        if operation == "away":
            raise Refusal.of(503, "service_away", "Away.")
        self.told.append((user_id, operation, times))


@pytest.fixture
def identity() -> Any:
    return Identity()


@pytest.fixture
async def noted(identity):
    made = Refusals(identity)
    yield made
    identity.open.set()
    await made.stop()


def note(noted: Refusals, who: Principal | None, operation: str, refusal: Refusal = NOT_YOURS) -> None:
    noted.note(Caller(), who, operation, refusal)


async def test_who_is_refused_does_not_wait_for_the_record(noted, identity):
    note(noted, ANA, "GET /a")
    assert identity.told == []
    identity.open.set()
    await noted.drain()
    assert identity.told == [("ana", "GET /a", 1)]


async def test_equal_ones_within_a_minute_are_counted_and_told_at_its_end(noted, identity, monkeypatch):
    monkeypatch.setattr(refusals, "PERIOD_S", 0.05)
    identity.open.set()
    for _ in range(4):
        note(noted, ANA, "GET /a")
    note(noted, BEN, "GET /a")
    note(noted, ANA, "GET /b")
    await eventually(lambda: len(identity.told) == 4)
    assert identity.told == [("ana", "GET /a", 1), ("ben", "GET /a", 1), ("ana", "GET /b", 1), ("ana", "GET /a", 3)]


async def test_the_end_tells_what_waits_and_what_was_counted(noted, identity):
    for _ in range(3):
        note(noted, ANA, "GET /a")
    identity.open.set()
    await noted.stop()
    await noted.stop()
    assert identity.told == [("ana", "GET /a", 1), ("ana", "GET /a", 2)]


async def test_the_end_does_not_wait_for_ever(noted, identity, monkeypatch):
    monkeypatch.setattr(refusals, "STOP_WITHIN_S", 0.01)
    note(noted, ANA, "GET /a")
    await noted.stop()
    assert identity.told == []


async def test_what_does_not_fit_is_dropped_and_what_cannot_be_told_holds_nothing_up(noted, identity, monkeypatch):
    monkeypatch.setattr(refusals, "WAITING_MAX", 2)
    for operation in ("away", "GET /b", "GET /c"):
        note(noted, ANA, operation)
    identity.open.set()
    await noted.drain()
    assert identity.told == [("ana", "GET /b", 1)]


async def test_of_many_persons_the_longest_known_is_told_first(noted, identity, monkeypatch):
    monkeypatch.setattr(refusals, "COUNTED_MAX", 1)
    identity.open.set()
    for who in (ANA, ANA, BEN):
        note(noted, who, "GET /a")
    await noted.drain()
    assert identity.told == [("ana", "GET /a", 1), ("ana", "GET /a", 1), ("ben", "GET /a", 1)]


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (None, NOT_YOURS),
        (Principal("service", "directory"), NOT_YOURS),
        (ANA, Refusal.of(401, "token_invalid", "No.")),
        (ANA, Refusal.of(403, "forbidden", "Identity said so itself.")),
    ],
)
async def test_only_persons_refused_by_others_than_identity_are_noted(noted, identity, who, refusal):
    identity.open.set()
    note(noted, who, "GET /a", refusal)
    await noted.drain()
    assert identity.told == []
