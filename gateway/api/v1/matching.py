"""The directory beyond the published operations: application, pictures, letters, suggestions, and matches."""

from gateway.api import answers
from gateway.api import answers_more as more
from gateway.api.bodies import Paged
from gateway.api.bodies_more import ApplicationBody, CountQuery, DismissBody, MatchesQuery, SuggestQuery
from gateway.api.operation import Call, Meta, RawReply, Registry, Reply
from gateway.api.rules import beginning
from gateway.api.seen import numbers
from gateway.api.v1.session import renamed
from gateway.api.v1.user import ENTITY_FIELDS, own_views
from gateway.api.views import camel, entity_view
from gateway.clients.matcher import Matches
from libs.common.errors import Refusal

operations = Registry()
_TAG = "Directory"
_MATCHES = "Matches"
_NAME_MAX = 100


async def require_own(call: Call, entity_id: str) -> None:
    """The matcher knows nobody's memberships; the directory does. Raises Refusal 403."""
    principal = call.principal
    if principal is not None and principal.entity_id is not None and principal.entity_id != entity_id:
        raise Refusal.of(403, "not_yours", "This key acts for another entity.")
    if all(each["id"] != entity_id for each in await call.context.clients.directory.mine(call.caller)):
        raise Refusal.of(403, "not_yours", "You do not act for this entity.")


@operations.operation(
    "GET",
    "/api/v1/matches",
    summary="Potential trades of an own entity",
    who="member",
    scope="read",
    tag=_MATCHES,
    statuses=(400, 401, 403),
    answers=list[more.Match],
    private=True,
    numbered=True,
)
async def list_matches(call: Call, *, query: MatchesQuery) -> Reply:
    """Best first: who, which of their tags met which of mine, how, since when, and why it ranks where it does. Dismissed
    ones are left out."""
    entity_id, clients = query.querying_entity_id, call.context.clients
    await require_own(call, entity_id)
    dismissed = set(await clients.directory.dismissed(call.caller, entity_id))
    since = beginning(query.since, call.context.settings.zone)
    found = await clients.matcher.matches(call.own_caller, entity_id, since=since, limit=query.limit)
    views = await _with_entities(call, entity_id, found, dismissed)
    return Reply(views, Meta(found["total"], query.limit))


async def _with_entities(call: Call, viewer: str, found: Matches, dismissed: set[str]) -> list[dict[str, object]]:
    kept = [each for each in found["items"] if each["entity_id"] not in dismissed]
    ids = [each["entity_id"] for each in kept]
    if not ids:
        return []
    entities = await call.context.clients.directory.fetch(call.caller, ids, viewer_entity_id=viewer)
    known = await numbers(call, call.caller, ids)
    views = {each["id"]: entity_view(each, known.get(each["id"])) for each in entities}
    return [camel(each) | {"entity": views[each["entity_id"]]} for each in kept if each["entity_id"] in views]


@operations.operation(
    "POST",
    "/api/v1/matches/dismissals",
    summary="Does not show a match again",
    who="member",
    tag=_MATCHES,
    statuses=(400, 401, 403, 404),
    example={
        "entityID": "0199b3f0-0000-7000-8000-000000000001",
        "otherEntityID": "0199b3f0-0000-7000-8000-000000000002",
    },
)
async def dismiss_match(call: Call, *, body: DismissBody) -> Reply:
    """With an optional reason."""
    await call.context.clients.directory.dismiss(call.caller, body.entity, body.other, reason=body.reason)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/entities/{entityID}/application",
    summary="Applies for trading",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=answers.Entity,
    private=True,
    example={"firstName": "Ana", "lastName": "Example", "telephone": "+1 555 0100", "agreement": True},
)
async def apply_for_trading(call: Call, entity_id: str, *, body: ApplicationBody) -> Reply:
    """By a member whose entity is `accepted`; fields of the profile that are still missing may come along."""
    application = {name: getattr(body, name) for name in body.model_fields_set if getattr(body, name) is not None}
    try:
        entity = await call.context.clients.directory.apply_for_trading(call.caller, entity_id, application)
    except Refusal as refusal:
        raise renamed(refusal, ENTITY_FIELDS | {"first_name": "firstName", "last_name": "lastName"}) from None
    return Reply((await own_views(call, [entity]))[0])


@operations.operation(
    "GET",
    "/api/v1/entities/{entityID}/favorites",
    summary="Favourites of an own entity",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[answers.Entity],
    numbered=True,
    private=True,
)
async def list_favorites(call: Call, entity_id: str, *, query: Paged) -> Reply:
    """Those that are listed, newest first."""
    found = await call.context.clients.directory.favorites(
        call.caller, entity_id, page=query.page, page_size=query.page_size
    )
    known = await numbers(call, call.caller, [each["id"] for each in found["items"]])
    views = [entity_view(each, known.get(each["id"])) for each in found["items"]]
    return Reply(views, Meta(found["total"], query.page_size))


@operations.operation(
    "POST",
    "/api/v1/entities/{entityID}/pictures",
    summary="Adds a picture",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.Picture,
    status=201,
    private=True,
    large_body=True,
    raw_types=("application/octet-stream", "image/jpeg", "image/png", "image/webp"),
)
async def add_picture(call: Call, entity_id: str) -> Reply:
    """The body is the picture itself. It is resized and what it tells about camera and place is removed; at most five."""
    return Reply(await call.context.clients.directory.add_picture(call.caller, entity_id, call.raw))


@operations.operation(
    "DELETE",
    "/api/v1/entities/{entityID}/pictures/{name}",
    summary="Removes a picture",
    who="member",
    tag=_TAG,
    statuses=(401, 403),
    private=True,
)
async def remove_picture(call: Call, entity_id: str, name: str) -> Reply:
    """By its name."""
    await call.context.clients.directory.remove_picture(call.caller, entity_id, _plain(name))
    return Reply()


@operations.operation(
    "GET",
    "/api/v1/pictures/{name}",
    summary="A picture",
    who="anyone",
    tag=_TAG,
    statuses=(404,),
    media_types=("image/jpeg", "image/png", "image/webp"),
)
async def show_picture(call: Call, name: str) -> RawReply:
    """A name never means another picture."""
    body, kind = await call.context.clients.directory.picture(call.own_caller, _plain(name))
    return RawReply(kind, body)


def _plain(name: str) -> str:
    """A name that cannot become another path. Raises Refusal 404."""
    if len(name) > _NAME_MAX or not name.isascii() or not name.replace(".", "").replace("-", "").isalnum():
        raise Refusal.of(404, "picture_unknown", "There is no such picture.", "name")
    return name


@operations.operation(
    "GET",
    "/api/v1/categories/letters",
    summary="Categories A to Z",
    who="anyone",
    tag=_TAG,
    statuses=(),
    answers=list[more.Letter],
)
async def list_letters(call: Call) -> Reply:
    """How many categories begin with each letter."""
    return Reply(camel(await call.context.clients.directory.category_letters(call.own_caller)))


@operations.operation(
    "GET",
    "/api/v1/tags/suggestions",
    summary="Tags in use that fit what is typed",
    who="anyone",
    tag=_TAG,
    statuses=(400,),
    answers=list[more.Suggestion],
)
async def suggest_tags(call: Call, *, query: SuggestQuery) -> Reply:
    """Those that begin with it, then those that contain it, most used first."""
    return Reply(
        list(
            await call.context.clients.matcher.suggest(call.own_caller, query.text, kind=query.kind, limit=query.limit)
        )
    )


@operations.operation(
    "GET",
    "/api/v1/tags/counts",
    summary="How many members a tag would match",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=more.Count,
)
async def count_tag(call: Call, *, query: CountQuery) -> Reply:
    """On my offers: those who want it; on my wants: those who offer it."""
    return Reply(await call.context.clients.matcher.counts(call.own_caller, kind=query.kind, tag=query.tag))
