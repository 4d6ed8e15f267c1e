"""The bell, preferences and unsubscribing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.database import Connection, transaction
from libs.common.errors import Problem, Refusal
from services.notifier.domain import KINDS, Kind, hidden_address
from services.notifier.language import Language
from services.notifier.service.audit import Line, record
from services.notifier.service.deps import Deps, Reader
from services.notifier.store import notices, people
from services.notifier.store.notices import StoredNotice
from services.notifier.words.kinds import title_of, words_of
from services.notifier.words.parts import Words

NOTICES_MAX = 100
Wish = tuple[str, str]
"""A kind of notice and a channel."""
DAILY_MAIL: Wish = ("daily_matches", "mail")


@dataclass(frozen=True, slots=True)
class BellLine:
    """A notice in the reader's words."""

    stored: StoredNotice
    words: Words


@dataclass(frozen=True, slots=True)
class BellPage:
    lines: list[BellLine]
    next: tuple[datetime, str] | None
    unread: int


async def bell(
    deps: Deps, reader: Reader, *, before: tuple[datetime, str] | None, limit: int, language: str | None
) -> BellPage:
    """A page of the bell, newest first."""
    async with deps.pool.acquire() as connection:
        muted = await _muted(connection, reader)
        found = await notices.bell_page(
            connection, reader.user_id, operator=reader.is_operator, muted=muted, before=before, limit=limit + 1
        )
        unread = await notices.count_unread(connection, reader.user_id, operator=reader.is_operator, muted=muted)
        tongue = await _language(deps, connection, reader, language)
    lines = [BellLine(stored, words_of(stored.kind, tongue, stored.params)) for stored in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    return BellPage(lines, (last.at, last.id) if last else None, unread)


async def unread(deps: Deps, reader: Reader) -> int:
    """How many notices wait, counted up to a hundred."""
    async with deps.pool.acquire() as connection:
        return await notices.count_unread(
            connection, reader.user_id, operator=reader.is_operator, muted=await _muted(connection, reader)
        )


async def mark_read(deps: Deps, reader: Reader, ids: Sequence[str] | None) -> int:
    """Marks these (those of them that are the reader's), or all; how many are still unread."""
    async with transaction(deps.pool) as connection:
        if ids is None:
            await notices.mark_all_read(connection, reader.user_id, deps.clock())
        else:
            await notices.mark_read(connection, reader.user_id, ids, operator=reader.is_operator, now=deps.clock())
    return await unread(deps, reader)


async def _muted(connection: Connection, reader: Reader) -> list[str]:
    off = await notices.switched_off(connection, [reader.user_id])
    return [kind for _, kind, channel in off if channel == "bell"]


async def _language(deps: Deps, connection: Connection, reader: Reader, wish: str | None) -> Language:
    return deps.language(wish or (await people.person(connection, reader.user_id)).language)


# --- preferences -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preferred:
    """One kind as the person has it; None where the kind has no such channel."""

    kind: Kind
    title: str
    mail: bool | None
    bell: bool | None


async def preferences(
    deps: Deps, reader: Reader, *, entity_id: str | None, language: str | None = None
) -> list[Preferred]:
    """What the person wants to be told. Mail about entities: on where it is on for all of them."""
    async with deps.pool.acquire() as connection:
        entities = await _own_entities(connection, reader, entity_id)
        off = await notices.switched_off(connection, [reader.user_id, *entities])
        daily = await _wishes_daily(connection, entities)
        tongue = await _language(deps, connection, reader, language)
    found = []
    for kind in KINDS.values():
        if kind.audience == "address" or (kind.audience == "operator" and not reader.is_operator):
            continue
        subjects = entities if kind.audience == "entity" else [reader.user_id]
        mail = not any((subject, kind.name, "mail") in off for subject in subjects)
        if kind.name == "daily_matches":
            mail = daily
        bell_on = (reader.user_id, kind.name, "bell") not in off
        found.append(
            Preferred(kind, title_of(kind.name, tongue), mail if kind.mail else None, bell_on if kind.bell else None)
        )
    return found


async def _wishes_daily(connection: Connection, entities: Sequence[str]) -> bool:
    wishes = await people.daily_mail_wishes(connection, entities)
    return bool(wishes) and all(wishes.values())


async def set_preferences(
    deps: Deps, reader: Reader, changes: Sequence[tuple[str, Mapping[str, bool]]], *, entity_id: str | None
) -> list[Preferred]:
    """Keeps what is named; each change is a kind with its channels. Refusal 400 `kind_unknown`, `channel_unknown`,
    `mandatory`; nothing is kept then."""
    _refuse_what_cannot_be(changes)
    async with transaction(deps.pool) as connection:
        entities = await _own_entities(connection, reader, entity_id)
        wishes: dict[str, dict[Wish, bool]] = {}
        for name, channels in changes:
            for channel, wanted in channels.items():
                about_entities = channel == "mail" and KINDS[name].audience == "entity"
                for subject in entities if about_entities else [reader.user_id]:
                    wishes.setdefault(subject, {})[name, channel] = wanted
        for subject, wished in wishes.items():
            kind = "user" if subject == reader.user_id else "entity"
            await _prefer(deps, connection, subject, kind, wished, by=reader)
    return await preferences(deps, reader, entity_id=entity_id)


async def _prefer(
    deps: Deps,
    connection: Connection,
    subject: str,
    subject_kind: str,
    wished: Mapping[Wish, bool],
    *,
    by: Reader | None,
) -> None:
    """Keeps what a person wants to be told, or the mail that an entity gets, and tells the activity log what changed."""
    off = await notices.switched_off(connection, [subject])
    stood = {wish: (subject, *wish) not in off for wish in wished}
    if DAILY_MAIL in wished:
        stood[DAILY_MAIL] = await _wishes_daily(connection, [subject])
    for (kind, channel), wanted in wished.items():
        await notices.prefer(connection, subject, kind, channel, wanted=wanted)
    changed = [wish for wish in wished if wished[wish] != stood[wish]]
    if not changed:
        return
    detail = "Changed what is told by mail or in the bell." if by else "Switched a mail off by the link in it."
    line = Line(
        "preferences.changed",
        detail,
        subject_kind,
        subject,
        entity_id=subject if subject_kind == "entity" else None,
        before={".".join(wish): stood[wish] for wish in changed},
        after={".".join(wish): wished[wish] for wish in changed},
    )
    await record(deps, connection, line, by=by)


def _refuse_what_cannot_be(changes: Sequence[tuple[str, Mapping[str, bool]]]) -> None:
    problems = []
    for place, (name, channels) in enumerate(changes):
        kind = KINDS.get(name)
        if kind is None:
            problems.append(Problem("kind_unknown", "There is no such kind of notice.", f"items.{place}.kind"))
            continue
        if kind.mandatory and not all(channels.values()):
            problems.append(Problem("mandatory", "This kind cannot be switched off.", f"items.{place}.kind"))
        problems += [
            Problem("channel_unknown", f"This kind has no {channel}.", f"items.{place}.{channel}")
            for channel in channels
            if not getattr(kind, channel)
        ]
    if problems:
        raise Refusal(400, problems)


async def _own_entities(connection: Connection, reader: Reader, entity_id: str | None) -> list[str]:
    own = await people.entities_of(connection, reader.user_id)
    if entity_id is None:
        return own
    if entity_id not in own:
        raise Refusal.of(403, "not_yours", "You do not act for this entity.", "entity_id")
    return [entity_id]


# --- unsubscribing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unsubscribable:
    kind: str
    title: str
    address: str
    wanted: bool


async def unsubscribable(deps: Deps, token: str, *, language: str | None = None) -> Unsubscribable:
    """What the link of a mail switches off. Refusal 404 `token_unknown`."""
    async with deps.pool.acquire() as connection:
        return await _behind(deps, connection, token, language)


async def unsubscribe(deps: Deps, token: str) -> Unsubscribable:
    """Switches it off; safe to repeat. Refusal 404 `token_unknown`."""
    async with transaction(deps.pool) as connection:
        found = await notices.behind_token(connection, token)
        if found is not None:
            subject, kind = found
            subject_kind = "entity" if (await people.entity(connection, subject)).address is not None else "user"
            await _prefer(deps, connection, subject, subject_kind, {(kind, "mail"): False}, by=None)
        return await _behind(deps, connection, token, None)


async def _behind(deps: Deps, connection: Connection, token: str, language: str | None) -> Unsubscribable:
    found = await notices.behind_token(connection, token)
    if found is None:
        raise Refusal.of(404, "token_unknown", "This link is not known.")
    subject_id, kind = found
    reader = await people.entity(connection, subject_id)
    if reader.address is None:
        reader = await people.person(connection, subject_id)
    off = await notices.switched_off(connection, [subject_id])
    return Unsubscribable(
        kind,
        title_of(kind, deps.language(language or reader.language)),
        hidden_address(reader.address or ""),
        wanted=(subject_id, kind, "mail") not in off,
    )
