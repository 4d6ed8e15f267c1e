"""What crosses several services, used by the API and by the pages alike: signup, an admin's change, deletion."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from gateway.clients.directory import Entity
from gateway.clients.identity import NewPerson, SignupAnswer
from gateway.clients.notifier import Notice
from gateway.context import GatewayContext
from libs.common.auth import Principal
from libs.common.errors import Problem, Refusal
from libs.common.peers import Caller

log = structlog.get_logger(__name__)
NOTICE_PARTS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """What somebody gives to sign up. `profile` has the fields of docs/internal.md."""

    email: str
    password: str
    profile: Mapping[str, Any]
    first_name: str | None = None
    last_name: str | None = None
    telephone: str | None = None
    language: str | None = None
    quiet: bool = False
    """The web signup's: a taken address is not told (its owner gets a mail), neither by the answer nor by its time."""

    @property
    def person(self) -> NewPerson:
        """What identity judges."""
        return {
            "email": self.email,
            "password": self.password,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "telephone": self.telephone,
            "language": self.language,
        }


async def sign_up(context: GatewayContext, caller: Caller, member: NewMember) -> SignupAnswer:
    """ID-01: the profile is judged first, then identity decides; directory and ledger make their part at once.

    When one of these two fails after identity decided, the event of the new user makes the same calls later: the signup
    stands. A quiet one does not wait for them: that would take longer than for an address that is taken. Raises Refusal with
    problems whose fields are those of NewMember, the profile's as `profile.<field>`.
    """
    clients, own = context.clients, speaking_for_itself(caller)
    try:
        await clients.directory.validate(own, member.profile)
    except Refusal as refusal:
        faults = await faults_of(context, caller, member) if refusal.status == 400 else []
        raise (Refusal(400, faults) if faults else prefixed(refusal, "profile.")) from None
    answer = await clients.identity.signup(
        own,
        profile=dict(member.profile),
        quiet=member.quiet,
        **member.person,
    )
    if "entity_id" in answer:
        parts = _make_parts(context, own, answer, member)
        if member.quiet:
            context.afterwards.do(parts, name="parts of a signup")
        else:
            await parts
    return answer


async def faults_of(context: GatewayContext, caller: Caller, member: NewMember) -> list[Problem]:
    """Everything for which directory and identity would refuse a signup, so that it is told at once; nothing is kept."""
    clients, own = context.clients, speaking_for_itself(caller)

    async def profile() -> None:
        try:
            await clients.directory.validate(own, member.profile)
        except Refusal as refusal:
            raise prefixed(refusal, "profile.") from None

    try:
        await all_agree([clients.identity.check_signup(own, **member.person), profile()])
    except Refusal as refusal:
        if refusal.status != 400:
            raise
        return list(refusal.problems)
    return []


async def _make_parts(context: GatewayContext, own: Caller, answer: SignupAnswer, member: NewMember) -> None:
    user_id, entity_id = answer["user_id"], answer["entity_id"]
    clients = context.clients

    try:
        await all_agree(
            [
                clients.directory.create(
                    own, entity_id, owner_user_id=user_id, profile=member.profile, email=member.email
                ),
                clients.ledger.open_account(
                    own, entity_id, name=str(member.profile.get("name") or ""), owner_user_id=user_id
                ),
            ]
        )
    except Refusal as refusal:
        log.warning("signup_part_later", entity_id=entity_id, reason=str(refusal))


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityChange:
    """What an admin changes of an entity. `profile` may hold `status` and `categories`; None there clears a field."""

    profile: Mapping[str, Any]
    max_negative_minor: int | None = None
    max_positive_minor: int | None = None
    user_ids: Sequence[str] | None = None
    reason: str = ""
    if_version: int | None = None

    @property
    def changes_limits(self) -> bool:
        return self.max_negative_minor is not None or self.max_positive_minor is not None


async def change_entity(context: GatewayContext, caller: Caller, entity_id: str, change: EntityChange) -> None:
    """An admin's change: judged by all owners first, then made by each. Raises Refusal with every problem.

    Limits come first, because only the ledger can judge them for good. The new standing is pushed to the ledger right
    after the directory decided, so that it holds when the answer leaves; the directory's event repeats it.
    """
    clients = context.clients
    await _judge(context, caller, entity_id, change)
    if change.changes_limits:
        await clients.ledger.set_limits(
            caller,
            entity_id,
            max_negative_minor=change.max_negative_minor,
            max_positive_minor=change.max_positive_minor,
            reason=change.reason,
        )
    if change.profile:
        entity = await clients.directory.change(caller, entity_id, change.profile, if_version=change.if_version)
        if "status" in change.profile or "name" in change.profile:
            await push_standing(context, caller, entity)
    if change.user_ids is not None:
        await clients.identity.set_people(caller, entity_id, change.user_ids)


async def _judge(context: GatewayContext, caller: Caller, entity_id: str, change: EntityChange) -> None:
    clients = context.clients
    questions: list[Awaitable[Any]] = [
        clients.directory.change(caller, entity_id, change.profile, if_version=change.if_version, dry_run=True)
        if change.profile
        else clients.directory.entity(caller, entity_id)
    ]
    if change.changes_limits:
        questions.append(clients.ledger.account(caller, entity_id))
    if change.user_ids is not None:
        questions.append(clients.identity.set_people(caller, entity_id, change.user_ids, dry_run=True))
    await all_agree(questions)


async def push_standing(context: GatewayContext, caller: Caller, entity: Entity) -> None:
    """Tells the ledger what an entity may do now, as the directory answered it. A ledger that is away hears it by event."""
    try:
        await context.clients.ledger.set_standing(
            speaking_for_itself(caller),
            entity["id"],
            status=entity["status"],
            may_trade=entity["may_trade"],
            name=entity["name"],
        )
    except Refusal as refusal:
        log.warning("standing_later", entity_id=entity["id"], reason=str(refusal))


async def delete_entity(context: GatewayContext, caller: Caller, entity_id: str) -> Entity:
    """An admin deletes an entity: the ledger closes the account or refuses (LE-21), then the directory keeps a tombstone
    whose event tells the rest. Safe to repeat. Answers what was there."""
    await context.clients.ledger.close_account(caller, entity_id)
    return await context.clients.directory.delete(caller, entity_id)


async def log_out(context: GatewayContext, caller: Caller, principal: Principal | None) -> None:
    """Ends the caller's session. This process refuses its tokens from now on, the others as soon as they hear of it."""
    await context.clients.identity.logout(caller)
    if principal is not None and principal.session_id and principal.expires_at is not None:
        context.wiring.verifier.forget_session(principal.session_id, principal.expires_at)


async def own_data(context: GatewayContext, caller: Caller) -> dict[str, Any]:
    """ID-15: all that is kept about the caller: login, own entities with whom they chose and put aside, their accounts,
    notices and preferences. What an account paid and was paid is its signed statement, whose address is named."""
    clients = context.clients
    entities = await clients.directory.mine(caller)
    ids = [each["id"] for each in entities]
    login, accounts, preferences, notices, favorites, dismissed = await asyncio.gather(
        clients.identity.export_me(caller),
        clients.ledger.accounts_by_entity(caller, ids) if ids else _nothing(),
        clients.notifier.preferences(caller),
        _all_notices(context, caller),
        asyncio.gather(*(clients.directory.favorite_ids(caller, each) for each in ids)),
        asyncio.gather(*(clients.directory.dismissed(caller, each) for each in ids)),
    )
    return {
        "login": login,
        "entities": entities,
        "accounts": accounts,
        "favorites": dict(zip(ids, favorites, strict=True)),
        "dismissed_matches": dict(zip(ids, dismissed, strict=True)),
        "preferences": preferences,
        "notices": notices,
        "statements": [f"/api/v1/statement.json?querying_entity_id={each}" for each in ids],
    }


async def _nothing() -> list[Any]:
    return []


async def _all_notices(context: GatewayContext, caller: Caller) -> list[Notice]:
    """From the newest on, as far as they are kept, within a bound."""
    found: list[Notice] = []
    cursor: str | None = None
    for _ in range(NOTICE_PARTS_MAX):
        part = await context.clients.notifier.notices(caller, cursor=cursor, limit=100)
        found += part["items"]
        cursor = part["next"]
        if cursor is None:
            break
    return found


async def leave(context: GatewayContext, caller: Caller, user_id: str, password: str) -> None:
    """ID-15: a person deletes the own login, and with it the entities that nobody else acts for; each must be at zero.

    Identity judges the password first. Raises Refusal 400 `current_password_wrong`, 409 `last_owner` (others act for an
    entity of which this is the only owner), `balance_not_zero`, `transfers_open`. Safe to repeat.
    """
    clients, own = context.clients, speaking_for_itself(caller)
    try:
        await clients.identity.delete_account(own, user_id, password=password)
    except Refusal as refusal:
        if "last_owner" not in {problem.code for problem in refusal.problems}:
            raise
    else:
        return
    alone = await _entities_alone(context, caller)
    if alone:
        await _require_settled(context, caller, alone)
    for entity_id in alone:
        await clients.ledger.close_account(own, entity_id)
        await clients.directory.delete(own, entity_id)
    await clients.identity.delete_account(own, user_id, password=password, closed_entity_ids=alone)


async def _entities_alone(context: GatewayContext, caller: Caller) -> list[str]:
    """Entities that nobody but the caller acts for."""
    identity = context.clients.identity
    ids = [membership["entity_id"] for membership in await identity.memberships(caller)]
    people = await asyncio.gather(*(identity.memberships(caller, entity_id=each) for each in ids))
    return [entity_id for entity_id, acting in zip(ids, people, strict=True) if len(acting) == 1]


async def _require_settled(context: GatewayContext, caller: Caller, entity_ids: Sequence[str]) -> None:
    """All of them are looked at before the first is closed; the ledger judges each once more when it closes it."""
    ledger = context.clients.ledger
    accounts, pending = await asyncio.gather(
        ledger.accounts_by_entity(caller, entity_ids), ledger.pending(caller, entity_ids)
    )
    if any(account.get("balance_minor") for account in accounts):
        raise Refusal.of(409, "balance_not_zero", "An entity that only you act for still has a balance.")
    if pending:
        raise Refusal.of(409, "transfers_open", "An entity that only you act for still has open transfers.")


# --- small tools of flows


def speaking_for_itself(caller: Caller) -> Caller:
    """The same request, asked by the gateway with its own service token."""
    return replace(caller, token=None)


async def all_agree(questions: Sequence[Awaitable[Any]]) -> list[Any]:
    """Asks in parallel; raises one Refusal with the problems of all that refused."""
    outcomes = await asyncio.gather(*questions, return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal):
            raise outcome
    if refusals:
        raise merged(refusals)
    return list(outcomes)


def merged(refusals: Sequence[Refusal]) -> Refusal:
    """Several refusals as one: the problems of all that share the gravest status (a service away, then unknown, then
    the rest)."""
    first = max(
        refusals, key=lambda refusal: (refusal.status >= 500, refusal.status in {401, 403, 404}, refusal.status)
    )
    problems: list[Problem] = []
    for refusal in refusals:
        if refusal.status == first.status:
            problems.extend(problem for problem in refusal.problems if problem not in problems)
    return Refusal(first.status, problems, retry_after_s=first.retry_after_s)


def prefixed(refusal: Refusal, prefix: str) -> Refusal:
    """The refusal with its fields named below a prefix."""
    problems = [
        replace(problem, field=f"{prefix}{problem.field}") if problem.field else problem for problem in refusal.problems
    ]
    return Refusal(refusal.status, problems, retry_after_s=refusal.retry_after_s)
