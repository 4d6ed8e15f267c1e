"""Entities as whoever asks may see them, in the words of the API.

What of an entity those see who see as much of it (everybody; members; those who may trade) is the same for all of them. How
much somebody sees, and which entities are their own, the directory says with every answer. Both are kept while the directory
proves that nothing of it changed: the entity; the person's memberships and their own entities. Own ones, of which they see
the whole, are kept likewise, for each person or key by itself. What depends on more is asked for every time: favourites, and
looking as one of several own entities. Nothing of an account is kept but its number, which is permanent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from gateway.api.operation import Call
from gateway.api.views import Json, entity_view, with_number
from gateway.clients.directory_shapes import Seen
from gateway.public_reads import Kept, Key, Since
from libs.common.errors import Refusal
from libs.common.peers import Caller

Sight = Literal["public", "member", "trader"]
_SIGHTS: dict[str, Sight] = {"public": "public", "member": "member", "trader": "trader"}


@dataclass(frozen=True, slots=True)
class Eyes:
    """How much somebody sees of others' listed entities, and which are their own."""

    sight: Sight
    own: frozenset[str] = frozenset()


EVERYBODY = Eyes("public")


def viewer(call: Call) -> Caller:
    """A member sees as a member; an admin sees here what everyone sees."""
    return call.own_caller if call.principal is None or call.is_admin else call.caller


async def shown(call: Call, ids: Sequence[str]) -> list[orjson.Fragment]:
    """Those that are listed for whoever asks, in this order; for members with account numbers."""
    reads = call.context.public_reads
    eyes = await _kept_eyes(call)
    found: dict[str, bytes] = {}
    if eyes is not None:
        keys = {each: _key(eyes.sight, each) for each in ids if each not in eyes.own}
        kept = await reads.lasting(keys.values())
        found = {each: kept[key].body for each, key in keys.items() if key in kept}
        if any(each in eyes.own for each in ids):
            found |= await _own_among(call, ids)
    missing = [each for each in ids if each not in found]
    if missing:
        found |= await _fetched(call, missing)
    return [orjson.Fragment(found[each]) for each in ids if each in found]


async def own(call: Call) -> list[Json]:
    """The entities that whoever asks acts for, whole but for their accounts."""
    reads, key = call.context.public_reads, _who("own", call)
    kept = (await reads.lasting([key])).get(key)
    if kept is None:
        since = reads.begin()
        views = [entity_view(each) for each in await call.context.clients.directory.mine(call.caller)]
        reads.keep(key, _kept(orjson.dumps(views)), since, about=(call.user_id, *(each["id"] for each in views)))
        return views
    return list(orjson.loads(kept.body))


async def _own_among(call: Call, ids: Sequence[str]) -> dict[str, bytes]:
    views = {view["id"]: view for view in await own(call) if view["id"] in ids}
    known = await numbers(call, call.caller, list(views))
    return {each: orjson.dumps(with_number(view, known.get(each))) for each, view in views.items()}


async def numbers(call: Call, viewer: Caller, ids: Sequence[str]) -> dict[str, str]:
    """Account numbers by entity, for members. A ledger that is away costs the account numbers, not the answer."""
    if viewer.token is None or not ids:
        return {}
    try:
        return await call.context.clients.ledger.numbers(viewer, ids)
    except Refusal as refusal:
        if refusal.status != 503:
            raise
        return {}


async def _fetched(call: Call, ids: Sequence[str]) -> dict[str, bytes]:
    since, caller = call.context.public_reads.begin(), viewer(call)
    seen = await call.context.clients.directory.seen(caller, ids)
    known = await numbers(call, caller, ids)  # mostly they are known: asking for both at once would cost more
    found = {each["id"]: orjson.dumps(entity_view(each, known.get(each["id"]))) for each in seen["items"]}
    eyes = _eyes(seen)
    if call.logged_in and eyes is not None:
        _keep_eyes(call, eyes, since)
        whole = (each for each in found if caller.token is None or each in known)
        _keep(call, eyes, {each: found[each] for each in whole if each not in eyes.own}, since)
    return found


def _eyes(seen: Seen) -> Eyes | None:
    """None for those who see the whole of everything, which nobody else does."""
    sight = _SIGHTS.get(seen.get("sight", ""))
    return None if sight is None else Eyes(sight, frozenset(seen.get("own", ())))


def _keep(call: Call, eyes: Eyes, found: dict[str, bytes], since: Since) -> None:
    for entity_id, body in found.items():
        call.context.public_reads.keep(_key(eyes.sight, entity_id), _kept(body), since, about=(entity_id,))


def _keep_eyes(call: Call, eyes: Eyes, since: Since) -> None:
    if viewer(call).token is not None:
        said = _kept(orjson.dumps([eyes.sight, sorted(eyes.own)]))
        call.context.public_reads.keep(_who("eyes", call), said, since, about=(call.user_id, *eyes.own))


async def _kept_eyes(call: Call) -> Eyes | None:
    if not call.logged_in:
        return None  # their whole answer is kept: made of what is a second old already it would become two seconds old
    if viewer(call).token is None:
        return EVERYBODY
    key = _who("eyes", call)
    kept = (await call.context.public_reads.lasting([key])).get(key)
    if kept is None:
        return None
    sight, its_own = orjson.loads(kept.body)
    return Eyes(sight, frozenset(its_own))


def _who(what: str, call: Call) -> Key:
    """Of this person, or of the keys that act for one of their entities."""
    assert call.principal is not None
    who = call.principal
    return what, f"{who.kind}/{who.id}/{who.role}/{who.entity_id}".encode(), False


def _key(sight: Sight, entity_id: str) -> Key:
    return "seen", f"{sight}/{entity_id}".encode(), False


def _kept(body: bytes) -> Kept:
    return Kept(200, (), body)
