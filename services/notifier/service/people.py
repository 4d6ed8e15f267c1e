"""What is heard about people, entities and who acts for whom: the own copy is kept, and who is concerned is told."""

from libs.common.clock import rfc3339
from libs.common.contracts import directory, identity
from libs.common.database import Connection
from libs.common.envelope import Envelope
from libs.common.inbox import is_newer
from services.notifier.domain import NewNotice
from services.notifier.service.deps import Deps
from services.notifier.service.telling import hear, tell
from services.notifier.store import matches, people


async def user_registered(deps: Deps, envelope: Envelope, event: identity.UserRegisteredV1) -> None:
    """EM-01 and EM-02."""
    entity = str(event.profile.get("name") or event.email)
    person = f"{event.first_name} {event.last_name}".strip()
    news = [
        NewNotice(
            "welcome",
            event.user_id,
            {"entity": entity, "node": deps.settings.node_name},
            address=event.email,
            language=event.language,
            secret_id=event.verification_id,
        )
    ]
    if deps.settings.signup_notice:
        told = {"entity": entity, "entity_id": event.entity_id, "person": person, "email": event.email}
        news.append(NewNotice("new_signup", None, told))

    async def effect(connection: Connection) -> None:
        await people.introduce_person(connection, event.user_id, event.email, event.first_name, event.language)
        await tell(deps, connection, envelope.id, envelope.time, news)

    await hear(deps, envelope, effect)


async def user_joined(deps: Deps, envelope: Envelope, event: identity.UserJoinedV1) -> None:
    """EM-01, for who signed up by an invitation (EN-04)."""

    async def effect(connection: Connection) -> None:
        await people.introduce_person(connection, event.user_id, event.email, event.first_name, event.language)
        name = (await people.names_of(connection, [event.entity_id])).get(event.entity_id, "")
        new = NewNotice(
            "welcome",
            event.user_id,
            {"entity": name, "node": deps.settings.node_name, "joined": True},
            address=event.email,
            language=event.language,
            secret_id=event.verification_id,
        )
        await tell(deps, connection, envelope.id, envelope.time, [new])

    await hear(deps, envelope, effect)


async def user_changed(deps: Deps, envelope: Envelope, event: identity.UserChangedV1) -> None:
    """A person's newest state."""

    async def effect(connection: Connection) -> None:
        if await is_newer(connection, envelope):
            await people.remember_person(
                connection,
                event.user_id,
                email=event.email,
                first_name=event.first_name,
                language=event.language,
                role=event.role,
            )

    await hear(deps, envelope, effect)


async def user_deleted(deps: Deps, envelope: Envelope, event: identity.UserDeletedV1) -> None:
    """Everything held about the person goes, mail on its way included."""
    await hear(deps, envelope, lambda connection: people.forget_person(connection, event.user_id))


async def membership_changed(deps: Deps, envelope: Envelope, event: identity.MembershipChangedV1) -> None:
    """Who acts for which entity."""

    async def effect(connection: Connection) -> None:
        if await is_newer(connection, envelope):
            await people.remember_membership(connection, event.entity_id, event.user_id, event.role, envelope.time)

    await hear(deps, envelope, effect)


async def entity_registered(deps: Deps, envelope: Envelope, event: directory.EntityRegisteredV1) -> None:
    """An entity as first heard of."""

    async def effect(connection: Connection) -> None:
        await people.introduce_entity(connection, event.entity_id, name=event.name, email=event.email, listed=False)

    await hear(deps, envelope, effect)


async def entity_changed(deps: Deps, envelope: Envelope, event: directory.EntityChangedV1) -> None:
    """An entity's newest state."""

    async def effect(connection: Connection) -> None:
        if await is_newer(connection, envelope):
            await people.remember_entity(
                connection,
                event.entity_id,
                name=event.name,
                email=event.email,
                listed=event.listed,
                daily_matches=event.daily_matches,
            )

    await hear(deps, envelope, effect)


async def entity_status_changed(deps: Deps, envelope: Envelope, event: directory.EntityStatusChangedV1) -> None:
    """EM-04. An application of one's own is no decision: `application_received` speaks of it."""
    told = {"entity": event.name, "old": event.old, "new": event.new}
    news = (
        []
        if event.new == "tradingPending"
        else [NewNotice("status_decided", event.entity_id, told, address=event.email)]
    )

    async def effect(connection: Connection) -> None:
        await people.introduce_entity(
            connection, event.entity_id, name=event.name, email=event.email, listed=event.listed
        )
        await tell(deps, connection, envelope.id, envelope.time, news)

    await hear(deps, envelope, effect)


async def entity_deleted(deps: Deps, envelope: Envelope, event: directory.EntityDeletedV1) -> None:
    """Everything held about the entity goes."""
    await hear(deps, envelope, lambda connection: people.forget_entity(connection, event.entity_id))


def application_received(event: directory.ApplicationReceivedV1) -> list[NewNotice]:
    """EM-03."""
    return [
        NewNotice("application_received", event.entity_id, {"entity": event.name}, address=event.email),
        NewNotice("new_application", None, {"entity": event.name, "entity_id": event.entity_id}),
    ]


def contact_sent(event: directory.ContactSentV1) -> list[NewNotice]:
    """EM-07, DI-10. The operator's copy is a mail of its own and knows no address."""
    told = {"sender": event.from_name, "sender_id": event.from_entity_id, "body": event.body}
    news = [NewNotice("contact_message", event.to_entity_id, told, address=event.to_email, reply_to=event.from_email)]
    if event.copy_to_operator:
        copy = {"sender": event.from_name, "receiver": event.to_name, "body": event.body}
        news.append(NewNotice("contact_copy", None, copy))
    return news


async def tags_changed(deps: Deps, envelope: Envelope, event: directory.TagsChangedV1) -> None:
    """The whole new lists, so that no daily mail tells of a tag that is gone (MA-02)."""

    async def effect(connection: Connection) -> None:
        if await is_newer(connection, envelope):
            offers, wants = [offer.tag for offer in event.offers], [want.tag for want in event.wants]
            await people.remember_tags(connection, event.entity_id, offers, wants)

    await hear(deps, envelope, effect)


async def match_dismissed(deps: Deps, envelope: Envelope, event: directory.MatchDismissedV1) -> None:
    """What is dismissed is not told any more."""
    await hear(
        deps,
        envelope,
        lambda connection: matches.mark_dismissed(connection, event.entity_id, event.other_entity_id),
    )


# --- access to the account (EM-05), verification, invitations ------------------------------------------------------------


def reset_requested(event: identity.ResetRequestedV1) -> list[NewNotice]:
    """ID-08."""
    new = NewNotice(
        "password_reset",
        event.user_id,
        {"role": event.role},
        address=event.email,
        language=event.language,
        secret_id=event.reset_id,
    )
    return [new]


def verification_requested(event: identity.VerificationRequestedV1) -> list[NewNotice]:
    """ID-02, ID-10: goes to the address that is to be verified, not to the one that is known."""
    new = NewNotice(
        "email_verification",
        event.user_id,
        address=event.email,
        language=event.language,
        secret_id=event.verification_id,
    )
    return [new]


def signup_repeated(event: identity.SignupRepeatedV1) -> list[NewNotice]:
    """ID-02."""
    new = NewNotice("signup_repeated", event.user_id, address=event.email, language=event.language)
    return [new]


async def invitation_sent(deps: Deps, envelope: Envelope, event: identity.InvitationSentV1) -> None:
    """EN-04."""

    async def effect(connection: Connection) -> None:
        name = (await people.names_of(connection, [event.entity_id])).get(event.entity_id, "")
        new = NewNotice(
            "invitation",
            None,
            {"entity": name, "node": deps.settings.node_name},
            address=event.email,
            language=event.language,
            secret_id=event.invitation_id,
        )
        await tell(deps, connection, envelope.id, envelope.time, [new])

    await hear(deps, envelope, effect)


def password_changed(event: identity.PasswordChangedV1) -> list[NewNotice]:
    """EM-05."""
    new = NewNotice("password_changed", event.user_id, {"by_reset": event.by_reset}, address=event.email)
    return [new]


def login_failed(event: identity.LoginFailedV1) -> list[NewNotice]:
    """EM-05: only the failure that locked the account is told."""
    if event.locked_until is None:
        return []
    told = {"until": rfc3339(event.locked_until), "address": event.address}
    return [NewNotice("account_locked", event.user_id, told, address=event.email)]


async def login_succeeded(deps: Deps, envelope: Envelope, event: identity.LoginSucceededV1) -> None:
    """EM-05: only a login from a device that was not seen before is told."""
    if event.new_device:
        told = {"at": rfc3339(envelope.time), "address": event.address, "agent": event.agent[:200]}
        new = NewNotice("new_device", event.user_id, told, address=event.email)
        await hear(deps, envelope, lambda connection: tell(deps, connection, envelope.id, envelope.time, [new]))
