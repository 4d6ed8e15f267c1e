"""Events in: parsed, then one use case each. All are safe to hear twice, late, and in any order."""

from libs.common.bus.port import Handler
from libs.common.contracts import Audited, identity, ledger, matcher, notifier
from libs.common.contracts import directory as own
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from services.directory.service import activity, entities, people
from services.directory.service.deps import Deps
from services.directory.store.port import Activity, Membership, Person


def handlers(deps: Deps) -> dict[str, Handler]:
    """By event type, for `Bus.subscribe`."""

    async def user_registered(envelope: Envelope) -> None:
        event = identity.UserRegisteredV1.read(envelope.data)
        try:
            await entities.create(
                deps, event.entity_id, event.user_id, event.profile, owner_email=event.email, strict=False
            )
        except Refusal as refusal:
            if refusal.status != 409:  # deleted meanwhile: done
                raise

    async def user_changed(envelope: Envelope) -> None:
        event = identity.UserChangedV1.read(envelope.data)
        await people.user_changed(deps, Person(event.user_id, event.email, event.email_verified, envelope.sequence))

    async def user_deleted(envelope: Envelope) -> None:
        await people.user_deleted(deps, identity.UserDeletedV1.read(envelope.data).user_id)

    async def membership_changed(envelope: Envelope) -> None:
        event = identity.MembershipChangedV1.read(envelope.data)
        await people.membership_changed(deps, Membership(event.entity_id, event.user_id, event.role, envelope.sequence))

    async def audit_recorded(envelope: Envelope) -> None:
        event = Audited.read(envelope.data)
        await activity.record(deps, Activity(id=envelope.id, **event.model_dump()))

    return {
        identity.UserRegisteredV1.TYPE: user_registered,
        identity.UserChangedV1.TYPE: user_changed,
        identity.UserDeletedV1.TYPE: user_deleted,
        identity.MembershipChangedV1.TYPE: membership_changed,
        identity.AuditRecordedV1.TYPE: audit_recorded,
        ledger.AuditRecordedV1.TYPE: audit_recorded,
        own.AuditRecordedV1.TYPE: audit_recorded,
        matcher.AuditRecordedV1.TYPE: audit_recorded,
        notifier.AuditRecordedV1.TYPE: audit_recorded,
    }
