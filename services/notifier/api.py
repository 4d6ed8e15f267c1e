"""The notifier's endpoints: the bell, preferences, unsubscribing, matches seen, and the development mailbox."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from libs.common.auth import Principal
from libs.common.clock import rfc3339
from libs.common.errors import Refusal
from libs.common.paging import Cursor
from libs.common.web import json_response, require_service, require_user, router
from services.notifier.mail.file import StoredLetter, stored_letter, stored_letters
from services.notifier.service import bell, matches, webhooks
from services.notifier.service.bell import BellLine, Preferred
from services.notifier.service.deps import Deps, Reader
from services.notifier.store.webhooks import Webhook

IDS_MAX = 200
ITEMS_MAX = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_MAX = 10**17

User = Annotated[Principal, Depends(require_user)]
OtherService = Annotated[Principal, Depends(require_service)]
Tongue = Annotated[str | None, Query(max_length=35)]
Id = Annotated[str, Field(min_length=1, max_length=100)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReadBody(Body):
    ids: Annotated[list[Id], Field(max_length=IDS_MAX)] | None = None


class ChangeBody(Body):
    kind: str = Field(max_length=50)
    mail: StrictBool | None = None
    bell: StrictBool | None = None


class PreferencesBody(Body):
    items: Annotated[list[ChangeBody], Field(max_length=ITEMS_MAX)]
    entity_id: Id | None = None


class WebhookBody(Body):
    url: str = Field(min_length=1, max_length=500)
    kinds: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=ITEMS_MAX)] = []
    entity_id: Id | None = None


class SeenBody(Body):
    entity_id: Id


def notices_router(deps: Callable[[], Deps]) -> APIRouter:
    """The bell of the person who calls. `deps` is asked at each request: it is there while the service runs."""
    routes = router()

    @routes.get("/notices")
    async def notices(
        user: User,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
        limit: Annotated[int, Query(ge=1, le=bell.NOTICES_MAX)] = 20,
        language: Tongue = None,
    ) -> Response:
        page = await bell.bell(deps(), _reader(user), before=_before(cursor), limit=limit, language=language)
        following = (
            None
            if page.next is None
            else Cursor.encode([(page.next[0] - EPOCH) // timedelta(microseconds=1), page.next[1]])
        )
        return json_response({"items": [_line(line) for line in page.lines], "next": following, "unread": page.unread})

    @routes.get("/notices/unread")
    async def unread(user: User) -> Response:
        return json_response({"unread": await bell.unread(deps(), _reader(user))})

    @routes.post("/notices/read")
    async def read(user: User, body: ReadBody) -> Response:
        return json_response({"unread": await bell.mark_read(deps(), _reader(user), body.ids)})

    @routes.post("/matches/seen", status_code=204)
    async def seen(user: User, body: SeenBody) -> Response:
        await matches.matches_seen(deps(), user.id, body.entity_id)
        return Response(status_code=204)

    return routes


def preferences_router(deps: Callable[[], Deps]) -> APIRouter:
    """What people want to be told, changed by themselves or by the link in a mail."""
    routes = router()

    @routes.get("/preferences")
    async def preferences(
        user: User, entity_id: Annotated[str | None, Query(max_length=100)] = None, language: Tongue = None
    ) -> Response:
        found = await bell.preferences(deps(), _reader(user), entity_id=entity_id, language=language)
        return json_response({"items": [_preferred(one) for one in found]})

    @routes.put("/preferences")
    async def set_preferences(user: User, body: PreferencesBody) -> Response:
        changes = [
            (item.kind, {name: value for name in ("mail", "bell") if (value := getattr(item, name)) is not None})
            for item in body.items
        ]
        found = await bell.set_preferences(deps(), _reader(user), changes, entity_id=body.entity_id)
        return json_response({"items": [_preferred(one) for one in found]})

    @routes.get("/unsubscribe/{token}")
    async def unsubscribable(token: str, caller: OtherService, language: Tongue = None) -> Response:
        return _unsubscribable(await bell.unsubscribable(deps(), token, language=language))

    @routes.post("/unsubscribe/{token}")
    async def unsubscribe(token: str, caller: OtherService) -> Response:
        return _unsubscribable(await bell.unsubscribe(deps(), token))

    return routes


def webhooks_router(deps: Callable[[], Deps]) -> APIRouter:
    """Programs that are told what an entity (or, without one, the operator) is told."""
    routes = router()

    @routes.get("/webhooks")
    async def list_webhooks(user: User, entity_id: Annotated[str | None, Query(max_length=100)] = None) -> Response:
        found = await webhooks.list_webhooks(deps(), _keeper(user), entity_id=entity_id)
        return json_response({"items": [_webhook(one) for one in found]})

    @routes.post("/webhooks")
    async def add_webhook(user: User, body: WebhookBody) -> Response:
        made, secret = await webhooks.add_webhook(
            deps(), _keeper(user), entity_id=body.entity_id, url=body.url, kinds=body.kinds
        )
        return json_response(_webhook(made) | {"secret": secret}, 201)

    @routes.delete("/webhooks/{webhook_id}")
    async def remove_webhook(webhook_id: str, user: User) -> Response:
        await webhooks.remove_webhook(deps(), _keeper(user), webhook_id)
        return Response(status_code=204)

    return routes


def mailbox_router(folder: Path | None) -> APIRouter:
    """What the `file:` door wrote; 404 where there is no such folder to show (`folder` is None)."""
    routes = router()

    @routes.get("/mail")
    async def mails(
        caller: OtherService,
        to: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        found = await asyncio.to_thread(stored_letters, _shown(folder), to=to, limit=limit)
        return json_response({"items": [_head(letter) for letter in found]})

    @routes.get("/mail/{mail_id}")
    async def mail(mail_id: str, caller: OtherService) -> Response:
        letter = await asyncio.to_thread(stored_letter, _shown(folder), mail_id)
        if letter is None:
            raise Refusal.of(404, "mail_unknown", "There is no such mail.")
        return json_response(
            _head(letter)
            | {
                "sender": letter.sender,
                "reply_to": letter.reply_to,
                "text": letter.text,
                "html": letter.html,
                "headers": letter.headers,
            }
        )

    return routes


def _reader(user: Principal) -> Reader:
    return Reader(user.id, is_operator=user.role in ("admin", "operator"), role=user.role)


def _keeper(user: Principal) -> Reader:
    """Of the node's own programs, which only admins have: an operator reads and changes nothing."""
    return Reader(user.id, is_operator=user.is_admin, role=user.role)


def _before(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    microseconds, notice_id = Cursor.decode(cursor, int, str)
    if not 0 <= microseconds < MICROSECONDS_MAX:
        raise Refusal.of(400, "cursor_invalid", "The cursor is not one that this list gave.", "cursor")
    return EPOCH + timedelta(microseconds=microseconds), notice_id


def _line(line: BellLine) -> dict[str, Any]:
    stored, words = line.stored, line.words
    shape: dict[str, Any] = {
        "id": stored.id,
        "kind": stored.kind,
        "title": words.title,
        "text": " ".join([*words.lines, *([words.quote] if words.quote else [])]),
        "at": rfc3339(stored.at),
        "read": stored.read,
    }
    if words.action is not None:
        shape["link"] = words.action.path
    if stored.audience == "entity":
        shape["entity_id"] = stored.recipient_id
    return shape


def _preferred(one: Preferred) -> dict[str, Any]:
    return {
        "kind": one.kind.name,
        "title": one.title,
        "mandatory": one.kind.mandatory,
        "mail": one.mail,
        "bell": one.bell,
    }


def _unsubscribable(found: bell.Unsubscribable) -> Response:
    return json_response({"kind": found.kind, "title": found.title, "address": found.address, "wanted": found.wanted})


def _shown(folder: Path | None) -> Path:
    if folder is None:
        raise Refusal.of(404, "not_found", "There is no mailbox to look into here.")
    return folder


def _head(letter: StoredLetter) -> dict[str, Any]:
    return {"id": letter.id, "at": rfc3339(letter.at), "to": letter.to, "subject": letter.subject}


def _webhook(one: Webhook) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": one.id,
        "url": one.url,
        "kinds": one.kinds,
        "created_at": rfc3339(one.created_at),
        "active": one.active,
    }
    return shape if one.owner == webhooks.OPERATOR else shape | {"entity_id": one.owner}
