"""The notifier's endpoints as the gateway needs them: bell, preferences, unsubscribing, webhooks, development mailbox.

Mails and notices link to these pages of the gateway, under `MCCS_PUBLIC_URL`:

| page | from |
|---|---|
| `/verify/{token}` | welcome, new address |
| `/password-reset/{token}`, `/admin/password-reset/{token}` | lost password of a member, of an admin |
| `/password-reset`, `/security`, `/login` | account locked, password changed, new device, repeated signup |
| `/invitations/{token}` | invitation to act for an entity |
| `/transfers/{id}` | everything about a transfer |
| `/entities/{id}` | contact message (the sender), match |
| `/home` | the decision about a status |
| `/matches` | daily mail |
| `/admin/entities/{id}`, `/admin/system` | new signup, new application; alarms |
| `/unsubscribe/{token}` | foot of every mail that may be switched off; also `POST` without a session or CSRF token (RFC 8058) |
| `/notifications/preferences` | foot of every such mail |
"""

from typing import Any, NotRequired, TypedDict, cast
from urllib.parse import quote

from libs.common.peers import Caller, Peers

SERVICE = "notifier"


class Notice(TypedDict):
    """One line of the bell, already in the reader's words."""

    id: str
    kind: str
    title: str
    text: str
    link: NotRequired[str]
    """Local path of the page where the reader can act."""
    entity_id: NotRequired[str]
    """Own entity that was told; absent where the person or the operator was."""
    at: str
    read: bool


class Notices(TypedDict):
    items: list[Notice]
    next: str | None
    unread: int


class Preference(TypedDict):
    """What a person wants to be told, by kind and channel. `mail` or `bell` is null where a kind has no such channel."""

    kind: str
    title: str
    mandatory: bool
    """Security notices and the like: shown, cannot be switched off."""
    mail: bool | None
    bell: bool | None


class PreferenceChange(TypedDict):
    kind: str
    mail: NotRequired[bool]
    bell: NotRequired[bool]


class Unsubscribable(TypedDict):
    """What a link in a mail's foot switches off."""

    kind: str
    title: str
    address: str
    """With most of its letters hidden."""
    wanted: bool


class Webhook(TypedDict):
    """A program that is told what an entity is told; without `entity_id` what the operator is told."""

    id: str
    url: str
    kinds: list[str]
    """Empty: all."""
    entity_id: NotRequired[str]
    created_at: str
    active: bool
    """False after it could not be reached to the last try."""


class NewWebhook(Webhook):
    secret: str
    """Shown this once; signs every delivery (Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`)."""


class MailHead(TypedDict):
    id: str
    at: str
    to: str
    subject: str


class Mail(MailHead):
    sender: str
    reply_to: str | None
    text: str
    html: str
    headers: dict[str, str]


class NotifierClient:
    """One method per endpoint; refusals are those of `Peers`."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def notices(
        self, caller: Caller, *, cursor: str | None = None, limit: int = 20, language: str | None = None
    ) -> Notices:
        """The caller's notices, newest first, in this language (default: the person's own)."""
        query: dict[str, str | int | bool | list[str]] = {"limit": limit}
        if cursor is not None:
            query["cursor"] = cursor
        if language is not None:
            query["language"] = language
        return cast(Notices, await self._get("/notices", caller, query))

    async def unread(self, caller: Caller) -> int:
        """How many notices wait to be read (counted up to 100)."""
        return int((await self._get("/notices/unread", caller))["unread"])

    async def mark_read(self, caller: Caller, *, ids: list[str] | None = None) -> int:
        """Marks these notices as read, or all of them where no ids are given; answers how many are still unread."""
        body: dict[str, Any] = {} if ids is None else {"ids": ids}
        answer = await self._peers.call(SERVICE, "POST", "/notices/read", caller=caller, body=body)
        return int(answer.json()["unread"])

    async def preferences(
        self, caller: Caller, *, entity_id: str | None = None, language: str | None = None
    ) -> list[Preference]:
        """The person's preferences. Mail about an entity goes to the entity's address: without `entity_id` the
        answer speaks of all entities the person acts for."""
        query: dict[str, str | int | bool | list[str]] = {}
        if entity_id is not None:
            query["entity_id"] = entity_id
        if language is not None:
            query["language"] = language
        return cast(list[Preference], (await self._get("/preferences", caller, query))["items"])

    async def set_preferences(
        self, caller: Caller, changes: list[PreferenceChange], *, entity_id: str | None = None
    ) -> list[Preference]:
        """Changes what is named and leaves the rest. Refusals: 400 `kind_unknown`, `mandatory`."""
        body: dict[str, Any] = {"items": changes}
        if entity_id is not None:
            body["entity_id"] = entity_id
        answer = await self._peers.call(SERVICE, "PUT", "/preferences", caller=caller, body=body)
        return cast(list[Preference], answer.json()["items"])

    async def unsubscribable(self, caller: Caller, token: str, *, language: str | None = None) -> Unsubscribable:
        """What the link would switch off; 404 `token_unknown`. Changes nothing."""
        query: dict[str, str | int | bool | list[str]] = {} if language is None else {"language": language}
        return cast(Unsubscribable, await self._get(f"/unsubscribe/{quote(token, safe='')}", caller, query))

    async def unsubscribe(self, caller: Caller, token: str) -> Unsubscribable:
        """Switches it off; safe to repeat. 404 `token_unknown`."""
        path = f"/unsubscribe/{quote(token, safe='')}"
        return cast(Unsubscribable, (await self._peers.call(SERVICE, "POST", path, caller=caller)).json())

    async def matches_seen(self, caller: Caller, entity_id: str) -> None:
        """The entity's matches were looked at: the next daily mail begins after this moment."""
        await self._peers.call(SERVICE, "POST", "/matches/seen", caller=caller, body={"entity_id": entity_id})

    async def webhooks(self, caller: Caller, *, entity_id: str | None = None) -> list[Webhook]:
        """Of an own entity (its owners), or the operator's (admins)."""
        query: dict[str, str | int | bool | list[str]] = {} if entity_id is None else {"entity_id": entity_id}
        return cast(list[Webhook], (await self._get("/webhooks", caller, query))["items"])

    async def add_webhook(
        self, caller: Caller, *, url: str, kinds: list[str] | None = None, entity_id: str | None = None
    ) -> NewWebhook:
        """Refusals: 400 `url_invalid` (field `url`), `kind_unknown`; 403; 409 `too_many`."""
        body: dict[str, Any] = {"url": url, "kinds": kinds or []}
        if entity_id is not None:
            body["entity_id"] = entity_id
        answer = await self._peers.call(SERVICE, "POST", "/webhooks", caller=caller, body=body)
        return cast(NewWebhook, answer.json())

    async def remove_webhook(self, caller: Caller, webhook_id: str) -> None:
        """403 for what is not one's own or not there."""
        await self._peers.call(SERVICE, "DELETE", f"/webhooks/{quote(webhook_id, safe='')}", caller=caller)

    async def mails(self, caller: Caller, *, to: str | None = None, limit: int = 50) -> list[MailHead]:
        """What the `file:` door wrote, newest first. Development only: 404 elsewhere."""
        query: dict[str, str | int | bool | list[str]] = {"limit": limit}
        if to is not None:
            query["to"] = to
        return cast(list[MailHead], (await self._get("/mail", caller, query))["items"])

    async def mail(self, caller: Caller, mail_id: str) -> Mail:
        """One of those, whole."""
        return cast(Mail, await self._get(f"/mail/{quote(mail_id, safe='')}", caller))

    async def _get(
        self, path: str, caller: Caller, query: dict[str, str | int | bool | list[str]] | None = None
    ) -> dict[str, Any]:
        answer = await self._peers.call(SERVICE, "GET", path, caller=caller, query=query or None)
        return cast(dict[str, Any], answer.json())
