"""Confirming an address, and changing it to one that is confirmed (ID-02, ID-10)."""

from datetime import timedelta

from services.identity.domain.access import OPEN_VERIFICATIONS_MAX
from services.identity.domain.addresses import email_key, parse_email
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User
from services.identity.sealing import hash_of
from services.identity.service import telling
from services.identity.service.deps import Actor, Client, Deps, unit
from services.identity.service.second_factor import checked_owner
from services.identity.service.signup import ask_for_verification, verification_requested
from services.identity.service.views import whole
from services.identity.store import links, users

_PERIOD_S = 3600


async def request_verification(
    deps: Deps, actor: Actor, email: str | None, current_password: str | None, client: Client
) -> None:
    """Another mail with a link; with `email` to a new address, for which the current password is needed.

    Raises NamedError `already_verified`, `current_password_needed`, `current_password_wrong`, `too_many`; FieldsRefused.
    """
    if email is not None:
        if current_password is None:
            raise NamedError("current_password_needed", field="current_password")
        await checked_owner(deps, actor.id, current_password, client)
    async with unit(deps) as work:
        found = await users.by_id(work.connection, actor.id)
        if found is None:
            raise NamedError("user_unknown")
        user = found[0]
        address = parse_email(email) if email is not None else parse_email(user.email)
        if address.text == user.email and user.email_verified:
            raise NamedError("already_verified")
        since = work.now - timedelta(seconds=_PERIOD_S)
        if await links.open_of_user(work.connection, user.id, "verification", since) >= OPEN_VERIFICATIONS_MAX:
            raise NamedError("too_many", retry_after_s=_PERIOD_S)
        link_id = await ask_for_verification(work, user, address.text, address.key)
        work.tell(verification_requested(link_id, user, address.text, work))


async def verify(deps: Deps, token: str) -> User:
    """Follows a link: the address is the user's and confirmed. Raises NamedError `token_invalid`, `email_taken`."""
    async with unit(deps) as work:
        link = await links.lock_by_secret(work.connection, "verification", hash_of(token))
        if link is None or not link.is_good(work.now):
            raise NamedError("token_invalid")
        found = await users.by_id(work.connection, str(link.user_id), lock=True)
        if found is None:
            raise NamedError("token_invalid")
        before = found[0]
        changes = {"email": link.email, "email_key": email_key(link.email), "email_verified": True}
        await users.change(work.connection, before.id, changes)
        await links.use_all_of(work.connection, before.id, "verification", work.now)
        if before.email_key != changes["email_key"]:  # what lies in the mailbox of before opens nothing any more
            await links.use_all_of(work.connection, before.id, "reset", work.now)
        user = await whole(work, before.id)
        work.tell(telling.user_changed(user, work.now))
        telling.audit(
            work, "email.verified", "Confirmed the e-mail address.", actor=Actor(user.id, user.role),
            email=user.email, subject=user.id, before={"email": before.email}, after={"email": user.email},
        )  # fmt: skip
        return user
