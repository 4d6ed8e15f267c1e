"""Events in: parse, act in one transaction of the ledger's store."""

import structlog

from libs.common.bus.port import Handler
from libs.common.contracts.directory import (
    EntityChangedV1,
    EntityDeletedV1,
    EntityRegisteredV1,
    EntityStatusChangedV1,
)
from libs.common.contracts.identity import MembershipChangedV1
from libs.common.envelope import Envelope
from services.ledger.service.ledger import Ledger
from services.ledger.store.inbox import Heard

_log = structlog.get_logger(__name__)


class NotOpenYet(Exception):  # noqa: N818
    """The event overtook the one that opens the account: later again."""


def handlers(ledger: Ledger, heard: Heard) -> dict[str, Handler]:
    """One handler an event type."""

    async def registered(envelope: Envelope) -> None:
        event = EntityRegisteredV1.read(envelope.data)
        await heard.registered(envelope, entity_id=event.entity_id, name=event.name, owner_user_id=event.owner_user_id)
        ledger.told()

    async def changed(envelope: Envelope) -> None:
        event = EntityChangedV1.read(envelope.data)
        _judge(envelope, await heard.named(envelope, entity_id=event.entity_id, name=event.name))

    async def status_changed(envelope: Envelope) -> None:
        event = EntityStatusChangedV1.read(envelope.data)
        code = await heard.standing(envelope, entity_id=event.entity_id, status=event.new, may_trade=event.may_trade)
        _judge(envelope, code)
        ledger.told()

    async def deleted(envelope: Envelope) -> None:
        event = EntityDeletedV1.read(envelope.data)
        code = await heard.deleted(envelope, entity_id=event.entity_id)
        if code not in ("ok", "heard"):
            _log.warning("account_not_closed", entity_id=event.entity_id, code=code)
        ledger.told()

    async def membership(envelope: Envelope) -> None:
        event = MembershipChangedV1.read(envelope.data)
        await heard.membership(envelope, entity_id=event.entity_id, user_id=event.user_id, role=event.role)

    return {
        EntityRegisteredV1.TYPE: registered,
        EntityChangedV1.TYPE: changed,
        EntityStatusChangedV1.TYPE: status_changed,
        EntityDeletedV1.TYPE: deleted,
        MembershipChangedV1.TYPE: membership,
    }


def _judge(envelope: Envelope, code: str) -> None:
    if code == "unknown_account":
        raise NotOpenYet(f"no account of {envelope.subject} yet")
