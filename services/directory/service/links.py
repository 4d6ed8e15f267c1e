"""Between two entities: favourites (DI-09), dismissed matches, contact messages (DI-10)."""

from datetime import timedelta

from libs.common.auth import Principal
from libs.common.contracts.directory import AuditRecordedV1, ContactSentV1, MatchDismissedV1
from libs.common.errors import Refusal
from libs.common.ids import derived_id, new_id
from services.directory.domain.entity import Entity
from services.directory.domain.profile import Fault, Invalid, read_text
from services.directory.service import activity
from services.directory.service.access import require_member, require_reader
from services.directory.service.deps import TRIES_MAX, Deps, busy, refuse_invalid, unknown_entity
from services.directory.service.reading import Shown, several
from services.directory.service.telling import Act
from services.directory.store.documents import moment
from services.directory.store.port import Activity, Message, Slice

FAVORITES_MAX = 1000
DISMISSED_MAX = 10_000
BODY_LENGTH_MAX = 5000
REASON_LENGTH_MAX = 500
_CONTACT_WINDOW = timedelta(hours=1)


async def _listed(deps: Deps, entity_id: str) -> Entity:
    """Raises Refusal 404 for one that is not listed."""
    entity = await deps.store.entity(entity_id)
    if entity is None or not entity.listed:
        raise unknown_entity()
    return entity


async def add_favorite(deps: Deps, caller: Principal, entity_id: str, other_id: str) -> None:
    """Raises Refusal 400 `same_entity`, 403, 404, 409 `too_many_favorites`."""
    await require_member(deps, caller, entity_id)
    _require_other(entity_id, other_id, "favorite")
    other = await _listed(deps, other_id)
    there = await deps.store.favorites(entity_id)
    if other_id in there:
        return
    if len(there) >= FAVORITES_MAX:
        raise Refusal.of(409, "too_many_favorites", f"There can be at most {FAVORITES_MAX} favourites.")
    act = Act.by(caller, "favorite.added", f"Made {other.name} a favourite.")
    line = act.line("entity", other_id, entity_id, deps.now(), after={"favorite": other_id})
    await _record(deps, line)
    await deps.store.add_favorite(entity_id, other_id, deps.now())


async def _record(deps: Deps, line: AuditRecordedV1) -> None:
    """Before the change, so that none is without its line: a favourite that is removed leaves nothing to carry an event."""
    await activity.record(deps, Activity(id=new_id(), **line.model_dump()))


def _require_other(entity_id: str, other_id: str, what: str) -> None:
    if entity_id == other_id:
        raise Refusal.of(400, "same_entity", f"A member cannot be its own {what}.")


async def remove_favorite(deps: Deps, caller: Principal, entity_id: str, other_id: str) -> None:
    """Also one that is not listed any more, or not there. Raises Refusal 403."""
    await require_member(deps, caller, entity_id)
    if other_id not in await deps.store.favorites(entity_id, [other_id]):
        return
    other = await deps.store.entity(other_id)
    act = Act.by(caller, "favorite.removed", f"Made {other.name if other else 'a member'} no favourite any more.")
    await _record(deps, act.line("entity", other_id, entity_id, deps.now(), before={"favorite": other_id}))
    await deps.store.remove_favorite(entity_id, other_id)


async def favorite_ids(deps: Deps, caller: Principal, entity_id: str) -> list[str]:
    """Ids of all, newest first. Raises Refusal 403."""
    await require_reader(deps, caller, entity_id)
    return await deps.store.favorites(entity_id)


async def favorites(deps: Deps, caller: Principal, entity_id: str, part: Slice) -> tuple[list[Shown], int]:
    """Those that are listed, newest first. Raises Refusal 403."""
    ids = await favorite_ids(deps, caller, entity_id)
    there = {entity.id for entity in await deps.store.entities(ids) if entity.listed} if ids else set()
    listed = [other_id for other_id in ids if other_id in there]
    page = listed[part.offset : part.offset + part.limit]
    viewer_entity_id = None if caller.is_service else entity_id
    return await several(deps, caller, page, viewer_entity_id) if page else [], len(listed)


async def dismiss(deps: Deps, caller: Principal, entity_id: str, other_id: str, reason: object) -> None:
    """A match is not to be shown again. Raises Refusal 400, 403, 404, 409 `too_many_dismissals`."""
    await require_member(deps, caller, entity_id)
    _require_other(entity_id, other_id, "match")
    text = _text("reason", reason, REASON_LENGTH_MAX)
    other = await _listed(deps, other_id)
    if len(await deps.store.dismissed(entity_id)) >= DISMISSED_MAX:
        raise Refusal.of(409, "too_many_dismissals", f"There can be at most {DISMISSED_MAX} dismissed matches.")
    now = deps.now()
    event = MatchDismissedV1(entity_id=entity_id, other_entity_id=other_id, reason=text).envelope(
        subject=f"{entity_id}/{other_id}", sequence=1, time=now, id=derived_id("dismissed", entity_id, other_id)
    )
    act = Act.by(caller, "match.dismissed", f"Dismissed the match with {other.name}.")
    line = act.line("entity", other_id, entity_id, now, after={"dismissed": other_id, "reason": text})
    audit = line.envelope(subject=event.subject or entity_id, sequence=1, time=now)
    await deps.store.dismiss(entity_id, other_id, now, [event, audit])


def _text(field: str, value: object, length_max: int) -> str:
    try:
        return read_text(field, value, length_max, multiline=True)
    except Invalid as invalid:
        refuse_invalid(invalid)


async def dismissed(deps: Deps, caller: Principal, entity_id: str) -> list[str]:
    """Ids, newest first. Raises Refusal 403."""
    await require_reader(deps, caller, entity_id)
    return await deps.store.dismissed(entity_id)


async def contact(deps: Deps, caller: Principal, from_id: str, to_id: str, body: object) -> str:
    """A message from one listed entity to another, to be relayed by mail; answers its id.

    Raises Refusal 400 with the fields, `not_listed` or `same_entity`, 403, 404, 429 `too_many_messages`.
    """
    await require_member(deps, caller, from_id)
    text = _text("body", body, BODY_LENGTH_MAX)
    if not text:
        refuse_invalid(Invalid([Fault("body", "required", "The message is empty.")]))
    _require_other(from_id, to_id, "correspondent")
    sender = await deps.store.entity(from_id)
    if sender is None or not sender.listed:
        raise Refusal.of(400, "not_listed", "Only a member that is listed can write to others.")
    receiver = await _listed(deps, to_id)
    await _throttle(deps, from_id)
    now = deps.now()
    message = Message(new_id(), from_id, to_id, caller.id, text, now)
    event = ContactSentV1(
        message_id=message.id,
        from_entity_id=from_id,
        from_name=sender.name,
        from_email=await _address(deps, sender),
        to_entity_id=to_id,
        to_name=receiver.name,
        to_email=await _address(deps, receiver),
        body=text,
        copy_to_operator=deps.rules.contact_copy_to_operator,
    )
    # the text is between the two, the log says only that there was one
    act = Act.by(caller, "contact.sent", f"Wrote a message to {receiver.name}.")
    line = act.line("message", message.id, from_id, now, after={"to_entity_id": to_id, "to_name": receiver.name})
    events = [each.envelope(subject=message.id, sequence=1, time=now) for each in (event, line)]
    await deps.store.add_message(message, events)
    return message.id


async def _address(deps: Deps, entity: Entity) -> str:
    """The entity's own address; where it has none, that of a user who acts for it."""
    if entity.email:
        return entity.email
    for member in await deps.store.members(entity.id):
        person = await deps.store.person(member.user_id)
        if person is not None and person.email:
            return person.email
    return ""


async def _throttle(deps: Deps, entity_id: str) -> None:
    """Counts a message in the last hour, in the store, so that all copies of the service agree. Raises Refusal 429, 503."""
    key = f"contact/{entity_id}"
    for _ in range(TRIES_MAX):
        now = deps.now()
        note = await deps.store.note(key)
        recent = [text for text in note.value or [] if moment(text) > now - _CONTACT_WINDOW]
        if len(recent) >= deps.rules.contact_per_hour:
            wait = (moment(min(recent)) + _CONTACT_WINDOW - now).total_seconds() if recent else 3600
            raise Refusal.of(
                429,
                "too_many_messages",
                f"At most {deps.rules.contact_per_hour} messages an hour can be sent.",
                retry_after_s=max(1, int(wait) + 1),
            )
        if await deps.store.swap_note(key, note, [*recent, now.isoformat()]):
            return
    raise busy()
