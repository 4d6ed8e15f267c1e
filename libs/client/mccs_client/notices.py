"""The bell and what one wants to be told."""

from typing import NotRequired, TypedDict

from . import answers as shapes
from . import answers_more as more
from .request import Part, Request, get, known, parted, send


class PreferenceChange(TypedDict):
    kind: str
    mail: NotRequired[bool]
    bell: NotRequired[bool]


def notices(*, cursor: str | None = None, limit: int = 100) -> Request[Part[more.Notice]]:
    """Own notices, newest first."""
    return parted("/notices", cursor=cursor, limit=limit)


def unread_notices() -> Request[more.Unread]:
    """How many are unread."""
    return get("/notices/unread")


def read_notices(ids: list[str] | None = None) -> Request[more.Unread]:
    """Marks these as read, or all."""
    return send("POST", "/notices/read", known(ids=ids))


def preferences(*, entity_id: str | None = None) -> Request[list[more.Preference]]:
    """By kind and channel, for one own entity or for all."""
    return get("/preferences", querying_entity_id=entity_id)


def set_preferences(changes: list[PreferenceChange], *, entity_id: str | None = None) -> Request[list[more.Preference]]:
    """Changes what is named."""
    return send("PUT", "/preferences", known(preferences=changes, entityID=entity_id))


def webhooks(*, entity_id: str | None = None) -> Request[list[more.Webhook]]:
    """Programs that are told what an own entity is told; without one, the operator's (admins)."""
    return get("/webhooks", querying_entity_id=entity_id)


def add_webhook(url: str, *, kinds: list[str] | None = None, entity_id: str | None = None) -> Request[more.NewWebhook]:
    """Has a program told; the secret of its signatures is shown this once. Without kinds it is told everything."""
    return send("POST", "/webhooks", known(url=url, kinds=kinds, entityID=entity_id), again="once")


def remove_webhook(webhook_id: str) -> Request[None]:
    """Has it told no more."""
    return send("DELETE", f"/webhooks/{webhook_id}")


def health() -> Request[shapes.Up]:
    """Whether the node answers."""
    return get("/health")
