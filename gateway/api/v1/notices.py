"""The bell and what a person wants to be told."""

from typing import Any, cast

from gateway.api import answers_more as more
from gateway.api.bodies_more import CursorQuery, PreferencesBody, PreferencesQuery, ReadBody, WebhookBody
from gateway.api.operation import Call, Registry, Reply
from gateway.api.views import camel, given
from gateway.clients.notifier import PreferenceChange

operations = Registry()
_TAG = "Notices"


@operations.operation(
    "GET",
    "/api/v1/notices",
    summary="Own notices",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[more.Notice],
    cursored=True,
)
async def list_notices(call: Call, *, query: CursorQuery) -> Reply:
    """Newest first, in the person's language."""
    found = await call.context.clients.notifier.notices(call.caller, cursor=query.cursor, limit=query.limit)
    return Reply(camel(found["items"]), given(next=found["next"]))


@operations.operation(
    "GET",
    "/api/v1/notices/unread",
    summary="How many notices wait",
    who="person",
    tag=_TAG,
    statuses=(401, 403),
    answers=more.Unread,
)
async def count_unread(call: Call) -> Reply:
    """Counted up to 100."""
    return Reply({"unread": await call.context.clients.notifier.unread(call.caller)})


@operations.operation(
    "POST",
    "/api/v1/notices/read",
    summary="Marks notices as read",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=more.Unread,
    example={"ids": ["0199b3f0-0000-7000-8000-000000000001"]},
)
async def mark_read(call: Call, *, body: ReadBody) -> Reply:
    """All of them where no ids are given."""
    return Reply({"unread": await call.context.clients.notifier.mark_read(call.caller, ids=body.ids)})


@operations.operation(
    "GET",
    "/api/v1/preferences",
    summary="What I am told, and how",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[more.Preference],
)
async def list_preferences(call: Call, *, query: PreferencesQuery) -> Reply:
    """By kind and channel, for one own entity or for all."""
    found = await call.context.clients.notifier.preferences(call.caller, entity_id=query.querying_entity_id)
    return Reply(camel(found))


@operations.operation(
    "PUT",
    "/api/v1/preferences",
    summary="Changes what I am told",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[more.Preference],
    example={"preferences": [{"kind": "transfer_proposed", "mail": False}]},
)
async def set_preferences(call: Call, *, body: PreferencesBody) -> Reply:
    """What is not named stays."""
    changes: list[dict[str, Any]] = [given(kind=each.kind, mail=each.mail, bell=each.bell) for each in body.preferences]
    done = await call.context.clients.notifier.set_preferences(
        call.caller, cast("list[PreferenceChange]", changes), entity_id=body.entity
    )
    return Reply(camel(done))


@operations.operation(
    "GET",
    "/api/v1/webhooks",
    summary="Programs that are told what I am told",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[more.Webhook],
    private=True,
)
async def list_webhooks(call: Call, *, query: PreferencesQuery) -> Reply:
    """Of an entity, for its owners; of the node's operator where no entity is named, for admins."""
    found = await call.context.clients.notifier.webhooks(call.caller, entity_id=query.querying_entity_id)
    return Reply(camel(found))


@operations.operation(
    "POST",
    "/api/v1/webhooks",
    summary="Has a program told",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.NewWebhook,
    status=201,
    private=True,
    example={
        "url": "https://shop.example.org/mccs",
        "kinds": ["transfer_accepted"],
        "entityID": "0199b3f0-0000-7000-8000-000000000001",
    },
)
async def add_webhook(call: Call, *, body: WebhookBody) -> Reply:
    """Each notice is posted as JSON, signed with the secret that is shown this once: HMAC-SHA256 over
    `webhook-id.webhook-timestamp.body` in `webhook-signature`, as Standard Webhooks has it: the key is what follows `whsec_`
    in the secret, decoded from base64. Repeated with the same id until it is answered with 2xx."""
    made = await call.context.clients.notifier.add_webhook(
        call.caller, url=body.url, kinds=body.kinds, entity_id=body.entity
    )
    return Reply(camel(made))


@operations.operation(
    "DELETE",
    "/api/v1/webhooks/{webhookID}",
    summary="Has a program told no more",
    who="person",
    tag=_TAG,
    statuses=(401, 403),
    private=True,
)
async def remove_webhook(call: Call, webhook_id: str) -> Reply:
    """What was on its way to it is dropped."""
    await call.context.clients.notifier.remove_webhook(call.caller, webhook_id)
    return Reply()
