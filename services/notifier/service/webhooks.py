"""Webhooks: an entity's owner or the operator names a program that is told what they are told, signed and retried."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog

from libs.common.clock import rfc3339
from libs.common.courtesy import Turn
from libs.common.database import Connection, transaction
from libs.common.errors import Problem, Refusal
from libs.common.ids import new_id
from services.notifier.domain import KINDS, retry_delay_s
from services.notifier.service.audit import Line, record
from services.notifier.service.deps import Deps, Reader
from services.notifier.store import people, webhooks
from services.notifier.store.webhooks import ClaimedDelivery, Webhook
from services.notifier.webdoor import HookRefused, WebDoor, new_secret, problem_of, signature

OPERATOR = "operator"
WEBHOOKS_MAX = 10
LEASE_MARGIN_S = 30.0
TOLD_KINDS = frozenset(
    kind.name for kind in KINDS.values() if kind.audience in ("entity", "operator") and kind.name != "match_found"
)

log = structlog.get_logger("notifier.webhooks")


async def add_webhook(
    deps: Deps, reader: Reader, *, entity_id: str | None, url: str, kinds: Sequence[str]
) -> tuple[Webhook, str]:
    """Keeps a program's address; the secret of its signatures is told this once. Refusals 400 `url_invalid`,
    `kind_unknown`, 403, 409 `too_many`."""
    problems = [
        Problem("kind_unknown", "There is no such kind of notice.", f"kinds.{place}")
        for place, kind in enumerate(kinds)
        if kind not in TOLD_KINDS
    ]
    wrong = problem_of(url, allow_private=deps.settings.webhooks_may_be_private)
    if wrong:
        problems.append(Problem("url_invalid", wrong, "url"))
    if problems:
        raise Refusal(400, problems)
    secret = new_secret()
    async with transaction(deps.pool) as connection:
        owner = await _owner(connection, reader, entity_id)
        await webhooks.lock_owner(connection, owner)
        if len(await webhooks.webhooks_of(connection, owner)) >= WEBHOOKS_MAX:
            raise Refusal.of(409, "too_many", f"There are {WEBHOOKS_MAX} already; remove one first.")
        made = Webhook(new_id(), owner, url, list(kinds), deps.clock(), active=True)
        await webhooks.add_webhook(connection, made, secret=secret, created_by=reader.user_id)
        line = _line("added", "Named a program that is told notices.", made.id, owner, before=None, after=_said(made))
        await record(deps, connection, line, by=reader)
    return made, secret


async def list_webhooks(deps: Deps, reader: Reader, *, entity_id: str | None) -> list[Webhook]:
    """An entity's or the operator's; never their secrets."""
    async with deps.pool.acquire() as connection:
        return await webhooks.webhooks_of(connection, await _owner(connection, reader, entity_id))


async def remove_webhook(deps: Deps, reader: Reader, webhook_id: str) -> None:
    """Removes one; 403 for what is not one's own, whether it is there or not."""
    async with transaction(deps.pool) as connection:
        found = await webhooks.webhook(connection, webhook_id)
        if found is None:
            raise _not_yours()
        await _owner(connection, reader, None if found.owner == OPERATOR else found.owner)
        await webhooks.remove_webhook(connection, webhook_id)
        said = "Removed a program that was told notices."
        line = _line("removed", said, webhook_id, found.owner, before=_said(found), after=None)
        await record(deps, connection, line, by=reader)


def _line(
    what: str, detail: str, webhook_id: str, owner: str, *, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Line:
    entity_id = None if owner == OPERATOR else owner
    return Line(f"webhook.{what}", detail, "webhook", webhook_id, entity_id, before, after)


def _said(webhook: Webhook) -> dict[str, Any]:
    """For the activity log: of the address only whose it is, for path and query may hold a key to it."""
    parts = urlsplit(webhook.url)
    return {"program": f"{parts.scheme}://{parts.netloc}", "kinds": webhook.kinds, "active": webhook.active}


async def _owner(connection: Connection, reader: Reader, entity_id: str | None) -> str:
    """Whose webhooks are meant: an entity's, of its owners only; the operator's, of admins only."""
    if entity_id is None:
        if not reader.is_operator:
            raise _not_yours()
        return OPERATOR
    if not await people.is_owner(connection, entity_id, reader.user_id):
        raise _not_yours()
    return entity_id


def _not_yours() -> Refusal:
    return Refusal.of(403, "not_yours", "Only an owner of the entity may do this.")


async def deliver_due(deps: Deps, door: WebDoor) -> int:
    """Tells programs what is due, a few at once; how many were in hand."""
    settings, turn = deps.settings, Turn()
    now = deps.clock()
    until = now + timedelta(seconds=settings.webhook_timeout_s + LEASE_MARGIN_S)
    async with deps.pool.acquire() as connection:
        claimed = await webhooks.claim_deliveries(
            connection, new_id(), now=now, until=until, limit=settings.mail_parallel_max
        )
    async with asyncio.TaskGroup() as group:
        for delivery in claimed:
            group.create_task(_deliver(deps, door, delivery))
    if claimed:
        await turn.rest()
    return len(claimed)


async def _deliver(deps: Deps, door: WebDoor, delivery: ClaimedDelivery) -> None:
    shape = {"id": delivery.notice_id, "type": delivery.kind, "at": rfc3339(delivery.at), "data": delivery.params}
    if delivery.owner != OPERATOR:
        shape["entity_id"] = delivery.owner
    body = orjson.dumps(shape)
    timestamp = int(deps.clock().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mccs-webhook/1",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(delivery.secret, delivery.id, timestamp, body),
    }
    try:
        await door.post(delivery.url, body, headers)
    except HookRefused as refused:
        await _later(deps, delivery, str(refused))
    else:
        async with transaction(deps.pool) as connection:
            await webhooks.end_delivery(connection, delivery, "sent", now=deps.clock(), reason=None)


async def _later(deps: Deps, delivery: ClaimedDelivery, reason: str) -> None:
    settings, now = deps.settings, deps.clock()
    async with transaction(deps.pool) as connection:
        if delivery.tries >= settings.webhook_tries_max:
            if await webhooks.end_delivery(connection, delivery, "failed", now=now, reason=reason):
                said = "A program that did not answer to the last is told nothing more."
                states = {"before": {"active": True}, "after": {"active": False}}
                line = _line("switched_off", said, delivery.webhook_id, delivery.owner, **states)
                await record(deps, connection, line, by=None, category="system")
            log.warning("webhook.given_up", webhook_id=delivery.webhook_id, reason=reason)
            return
        delay_s = retry_delay_s(delivery.tries, first_s=settings.mail_retry_first_s, max_s=settings.mail_retry_max_s)
        due_at = now + timedelta(seconds=delay_s)
        await webhooks.postpone_delivery(connection, delivery, due_at=due_at, reason=reason)
