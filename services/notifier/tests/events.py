"""Builders of the events that the notifier hears."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.common.contracts import Event, directory, identity, ledger, matcher
from libs.common.envelope import Envelope

NOW = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
ROSA, MAX = "entity-rosa", "entity-max"


def told(event: Event, *, subject: str = "s", sequence: int = 1, at: datetime = NOW, id: str | None = None) -> Envelope:  # noqa: A002
    return event.envelope(subject=subject, sequence=sequence, time=at, id=id)


def user_registered(user: str = "u1", entity: str = ROSA, **given: Any) -> Envelope:
    shape = {
        "user_id": user,
        "entity_id": entity,
        "email": f"{user}@example.org",
        "first_name": "Rosa",
        "last_name": "Marin",
        "profile": {"name": "Bakery Rosa"},
        "verification_id": "token-1",
    }
    return told(identity.UserRegisteredV1(**(shape | given)), subject=user)


def user_changed(user: str = "u1", *, sequence: int = 1, **given: Any) -> Envelope:
    shape = {"user_id": user, "email": f"{user}@example.org", "first_name": "Rosa"}
    return told(identity.UserChangedV1(**(shape | given)), subject=user, sequence=sequence)


def membership(
    user: str = "u1", entity: str = ROSA, role: str | None = "owner", *, sequence: int = 1, at: datetime = NOW
):
    event = identity.MembershipChangedV1(entity_id=entity, user_id=user, role=role)
    return told(event, subject=f"{entity}/{user}", sequence=sequence, at=at)


def entity_registered(entity: str = ROSA, name: str = "Bakery Rosa") -> Envelope:
    event = directory.EntityRegisteredV1(entity_id=entity, name=name, email=f"{entity}@example.org", status="pending")
    return told(event, subject=entity)


def entity_changed(entity: str = ROSA, *, sequence: int = 1, **given: Any) -> Envelope:
    shape = {
        "entity_id": entity,
        "name": entity.removeprefix("entity-").title(),
        "email": f"{entity}@example.org",
        "status": "tradingAccepted",
        "listed": True,
        "may_trade": True,
    }
    return told(directory.EntityChangedV1(**(shape | given)), subject=entity, sequence=sequence)


def tags(entity: str, offers: list[str], wants: list[str], *, sequence: int = 1) -> Envelope:
    event = directory.TagsChangedV1(
        entity_id=entity,
        listed=True,
        offers=[directory.DatedTag(tag=tag, added_at=NOW) for tag in offers],
        wants=[directory.DatedTag(tag=tag, added_at=NOW) for tag in wants],
    )
    return told(event, subject=entity, sequence=sequence)


def match(
    offering: str = ROSA, wanting: str = MAX, offer: str = "bread", want: str = "rye-bread", **given: Any
) -> Envelope:
    event = matcher.MatchFoundV1(
        offering_entity_id=offering,
        wanting_entity_id=wanting,
        offer=offer,
        want=want,
        kind="part",
        score=given.pop("score", 0.5),
        found_at=NOW,
    )
    return told(event, subject=offering, **given)


def contact(**given: Any) -> Envelope:
    shape = {
        "message_id": "m1",
        "from_entity_id": MAX,
        "from_name": "Max",
        "from_email": "max@example.org",
        "to_entity_id": ROSA,
        "to_name": "Bakery Rosa",
        "to_email": "rosa@example.org",
        "body": "Do you have rye bread?",
    }
    return told(directory.ContactSentV1(**(shape | given)))


def a_transfer(**given: Any) -> dict[str, Any]:
    return {
        "transfer_id": "t1",
        "kind": "transfer",
        "payer": ledger.Party(entity_id=MAX, number="1", name="Max"),
        "payee": ledger.Party(entity_id=ROSA, number="2", name="Bakery Rosa"),
        "amount_minor": 1050,
        "unit": "CR",
        "description": "Bread",
        "initiator": "payer",
        "proposed_at": NOW,
    } | given


def proposed(**given: Any) -> Envelope:
    return told(ledger.TransferProposedV1(**a_transfer(**given), expires_at=NOW + timedelta(days=30)), subject="t1")


def completed(**given: Any) -> Envelope:
    return told(ledger.TransferCompletedV1(**a_transfer(**given), completed_at=NOW), subject="t1")


def cancelled(outcome: str, by: str, reason: str = "", **given: Any) -> Envelope:
    event = ledger.TransferCancelledV1(**a_transfer(**given), cancelled_at=NOW, outcome=outcome, by=by, reason=reason)
    return told(event, subject="t1")


def expiring(**given: Any) -> Envelope:
    return told(ledger.TransferExpiringV1(**a_transfer(**given), expires_at=NOW + timedelta(days=1)), subject="t1")
