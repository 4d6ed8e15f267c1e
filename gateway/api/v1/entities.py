"""The directory for everybody: search, one entity, categories, tags; favourites and messages for members."""

import orjson

from gateway.api import answers
from gateway.api.bodies import CategoriesQuery, ContactBody, FavoriteBody, SearchQuery, TagsQuery, ViewerQuery
from gateway.api.operation import Call, Meta, Registry, Reply
from gateway.api.rules import beginning
from gateway.api.seen import numbers, shown, viewer
from gateway.api.v1.session import renamed
from gateway.api.views import entity_view
from gateway.clients.directory import unknown_entity
from gateway.clients.matcher import Search
from gateway.public_reads import Kept
from libs.common.errors import Refusal
from libs.common.peers import Caller

operations = Registry()
_TAG = "Directory"


@operations.operation(
    "GET",
    "/api/v1/entities",
    summary="Searches the listed entities",
    who="visitor",
    scope="read",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[answers.Entity],
    numbered=True,
    kept=True,
    published=True,
)
async def search_entities(call: Call, *, query: SearchQuery) -> Reply:
    """By offers and wants (several of one are OR-ed, both together AND-ed), name, category and date of the tags; also with
    typos. Members see more of an entity than visitors."""
    caller = viewer(call)
    if (query.favorites_only or query.querying_entity_id) and caller.token is None:
        raise Refusal.of(401, "token_missing", "Favourites are for members: log in first.", "querying_entity_id")
    if query.favorites_only and query.querying_entity_id is None:
        raise Refusal.of(400, "required", "querying_entity_id: Whose favourites?", "querying_entity_id")
    clients = call.context.clients
    favorites = None
    if query.favorites_only and query.querying_entity_id:
        favorites = await clients.directory.favorite_ids(caller, query.querying_entity_id)
    ids, total = await _found(call, _search(call, query, favorites))
    if query.querying_entity_id is None:
        return Reply(await shown(call, ids) if ids else [], Meta(total, query.page_size))
    entities = await clients.directory.fetch(caller, ids, viewer_entity_id=query.querying_entity_id)
    known = await numbers(call, caller, ids)
    views = [entity_view(entity, known.get(entity["id"])) for entity in entities]
    return Reply(views, Meta(total, query.page_size))


async def _found(call: Call, search: Search) -> tuple[list[str], int]:
    """Ids of a page and how many there are in all. Which they are is the same for all who search for the same, and kept
    for those who are logged in (for visitors the whole answer is)."""
    if not call.logged_in or search.ids is not None:
        found = await call.context.clients.matcher.search(call.own_caller, search)
        return found["ids"], found["total"]

    async def make() -> Kept:
        caller = Caller(request_id=call.own_caller.request_id)
        found = await call.context.clients.matcher.search(caller, search)
        return Kept(200, (), orjson.dumps([found["ids"], found["total"]]))

    key = ("search", orjson.dumps(search.to_json()), False)
    reads = call.context.public_reads
    kept = reads.get(key) or await reads.answer(key, make)
    ids, total = orjson.loads(kept.body)
    return ids, total


def _search(call: Call, query: SearchQuery, favorites: list[str] | None) -> Search:
    return Search(
        offers=query.offers,
        wants=query.wants,
        name=query.name or None,
        category=query.category or None,
        tagged_since=beginning(query.tagged_since, call.context.settings.zone),
        ids=favorites,
        order=query.order,
        page=query.page,
        page_size=query.page_size,
        reasons=False,
    )


@operations.operation(
    "GET",
    "/api/v1/entities/{entityID}",
    summary="One entity",
    who="visitor",
    scope="read",
    tag=_TAG,
    statuses=(400,),
    answers=answers.Entity,
    kept=True,
    published=True,
)
async def show_entity(call: Call, entity_id: str, *, query: ViewerQuery) -> Reply:
    """Telephone, street address, turnover and account number are for members, the e-mail address for two entities that may
    both trade."""
    caller = viewer(call)
    if query.querying_entity_id is not None and caller.token is None:
        raise Refusal.of(400, "token_missing", "Log in to look as one of your entities.", "querying_entity_id")
    directory = call.context.clients.directory
    if not call.logged_in:
        return Reply(entity_view(await directory.public_entity(caller, entity_id)))
    if query.querying_entity_id is None:
        found = await shown(call, [entity_id])
        if not found:
            raise unknown_entity()
        return Reply(found[0])
    entity = await directory.entity(caller, entity_id, viewer_entity_id=query.querying_entity_id)
    known = await numbers(call, caller, [entity_id])
    return Reply(entity_view(entity, known.get(entity_id)))


@operations.operation(
    "GET",
    "/api/v1/categories",
    summary="Categories",
    who="anyone",
    tag=_TAG,
    statuses=(400,),
    answers=list[answers.Named],
    numbered=True,
    published=True,
)
async def list_categories(call: Call, *, query: CategoriesQuery) -> Reply:
    """By name; those that begin with `prefix` or contain `fragment`."""
    found = await call.context.clients.directory.categories(
        call.own_caller,
        prefix=query.prefix or None,
        fragment=query.fragment or None,
        page=query.page,
        page_size=query.page_size,
    )
    views = [{"id": each["id"], "name": each["name"]} for each in found["items"]]
    return Reply(views, Meta(found["total"], query.page_size))


@operations.operation(
    "GET",
    "/api/v1/tags",
    summary="Tags in use",
    who="anyone",
    tag=_TAG,
    statuses=(400,),
    answers=list[answers.Named],
    numbered=True,
    published=True,
)
async def list_tags(call: Call, *, query: TagsQuery) -> Reply:
    """By name; those that contain `fragment`."""
    found = await call.context.clients.directory.tags(
        call.own_caller,
        prefix=query.prefix or None,
        fragment=query.fragment or None,
        page=query.page,
        page_size=query.page_size,
    )
    views = [{"id": each["id"], "name": each["name"]} for each in found["items"]]
    return Reply(views, Meta(found["total"], query.page_size))


@operations.operation(
    "POST",
    "/api/v1/favorites",
    summary="Marks an entity as a favourite, or not",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403),
    published=True,
    example={
        "addToEntityID": "0199b3f0-0000-7000-8000-000000000001",
        "favoriteEntityID": "0199b3f0-0000-7000-8000-000000000002",
        "isFavorite": True,
    },
)
async def set_favorite(call: Call, *, body: FavoriteBody) -> Reply:
    """`favorite` is accepted in the place of `isFavorite`."""
    flag = body.is_favorite if body.is_favorite is not None else body.favorite
    if flag is None:
        raise Refusal.of(400, "required", "isFavorite: This is required.", "isFavorite")
    await call.context.clients.directory.set_favorite(call.caller, body.add_to, body.other, is_favorite=flag)
    return Reply()


_CONTACT_FIELDS = {
    "from_entity_id": "senderEntityID",
    "to_entity_id": "receiverEntityID",
}


@operations.operation(
    "POST",
    "/api/v1/send-email",
    summary="Sends another entity a message",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403),
    published=True,
    example={
        "senderEntityID": "0199b3f0-0000-7000-8000-000000000001",
        "receiverEntityID": "0199b3f0-0000-7000-8000-000000000002",
        "body": "Hello, do you bake on Saturdays?",
    },
)
async def send_message(call: Call, *, body: ContactBody) -> Reply:
    """Relayed by mail: the receiver's address stays hidden, the sender is who is replied to. At most 5 000 characters."""
    try:
        await call.context.clients.directory.contact(
            call.caller, from_entity_id=body.sender, to_entity_id=body.receiver, body=body.body
        )
    except Refusal as refusal:
        raise renamed(refusal, _CONTACT_FIELDS) from None
    return Reply()
