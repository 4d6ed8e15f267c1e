"""Members as an admin sees them: the list with filters; one with people, status, categories and limits."""

import asyncio
import math
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.clients.directory import EntityList
from gateway.clients.ledger_shapes import AccountJson, AccountLineJson
from gateway.flows import EntityChange, change_entity, delete_entity
from gateway.pages.entry import PROFILE_FIELDS, profile_of
from gateway.pages.gather import part_of
from gateway.pages.headers import local_path
from gateway.pages.page import Page
from gateway.pages.pay import amount_as_typed
from gateway.pages.screen import Screen, form_problems
from gateway.pages.transfers import page_number
from gateway.pages.words import STATUS_NAMES
from libs.common.errors import Problem, Refusal
from libs.common.money import MINOR_PER_UNIT, AmountError, parse_minor

PAGE_SIZE = 25
_FILTERS = ("name", "email", "city", "category", "offers", "wants", "number")
_REASON_MAX = 300


async def show_entities(screen: Screen) -> Response:
    asked = {name: screen.query.get(name, "").strip()[:100] for name in _FILTERS}
    status, page = screen.query.get("status", ""), page_number(screen)
    found = await _find(screen, asked, [status] if status in STATUS_NAMES else [], page)
    accounts = await part_of(_accounts(screen, found))
    told = {name: value for name, value in (asked | {"status": status}).items() if value}
    return screen.render(
        "admin_entities.html",
        asked=asked,
        chosen=status,
        statuses=STATUS_NAMES,
        found=found,
        accounts=accounts,
        page=page,
        pages=max(1, math.ceil(found["total"] / PAGE_SIZE)),
        link="/admin/entities?" + (urlencode(told) + "&" if told else ""),
    )


async def _find(screen: Screen, asked: dict[str, str], status: list[str], page: int) -> EntityList:
    caller, ids = screen.caller(), None
    if asked["number"]:
        ids = await screen.clients.ledger.find_entities(caller, number=asked["number"])
        if not ids:
            return {"items": [], "total": 0}
    return await screen.clients.directory.find(
        caller,
        ids=ids,
        name=asked["name"] or None,
        email=asked["email"] or None,
        city=asked["city"] or None,
        category=asked["category"] or None,
        offers=[asked["offers"]] if asked["offers"] else (),
        wants=[asked["wants"]] if asked["wants"] else (),
        status=status,
        order="newest" if status == ["pending"] else "name",
        page=page,
        page_size=PAGE_SIZE,
    )


async def _accounts(screen: Screen, found: EntityList) -> dict[str, AccountJson | AccountLineJson]:
    ids = [entity["id"] for entity in found["items"]]
    if not ids:
        return {}
    accounts = await screen.clients.ledger.accounts_by_entity(screen.caller(), ids)
    return {account["entity_id"]: account for account in accounts if account["entity_id"]}


async def show_entity(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    entity_id, caller, clients = screen.path_id(), screen.caller(), screen.clients
    entity, account, history = await asyncio.gather(
        clients.directory.entity(caller, entity_id),
        part_of(_account(screen, entity_id)),
        part_of(_history(screen, entity_id)),
    )
    people, pending, categories, activity = await asyncio.gather(
        part_of(clients.identity.fetch_users(caller, entity_ids=[entity_id])),
        part_of(clients.ledger.transfers(caller, entity_id=entity_id, status=["initiated"], page_size=20)),
        part_of(clients.directory.categories(caller, page_size=100)),
        part_of(clients.directory.activity(caller, entity_id=entity_id, page_size=10)),
    )
    return screen.render(
        "admin_entity.html",
        status=status,
        problems=problems,
        entity=entity,
        stored=entity,
        statuses=STATUS_NAMES,
        account=account,
        history=history,
        people=people,
        pending=pending,
        categories=[each["name"] for each in (categories.value or {"items": []})["items"]],
        activity=activity,
    )


async def _account(screen: Screen, entity_id: str) -> AccountJson | None:
    """None where the account is not open yet: an entity from a moment ago."""
    try:
        return await screen.clients.ledger.account(screen.caller(), entity_id)
    except Refusal as refusal:
        if refusal.status in {403, 404}:
            return None
        raise


async def _history(screen: Screen, entity_id: str) -> list[Any]:
    try:
        return list(await screen.clients.ledger.limit_history(screen.caller(), entity_id))
    except Refusal as refusal:
        if refusal.status in {403, 404}:
            return []
        raise


async def _change(screen: Screen, change: EntityChange, done: str) -> Response:
    entity_id = screen.path_id()
    try:
        await change_entity(screen.house.context, screen.caller(), entity_id, change)
    except Refusal as refusal:
        return await show_entity(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(local_path(screen.form.text("next"), f"/admin/entities/{entity_id}"), done=done)


async def do_status(screen: Screen) -> Response:
    status = screen.form.text("status")
    if status not in STATUS_NAMES:
        raise Refusal.of(400, "status_unknown", "There is no such status.", "status")
    return await _change(screen, EntityChange(profile={"status": status}), "status_changed")


async def do_limits(screen: Screen) -> Response:
    limits: dict[str, int] = {}
    problems = []
    for name in ("max_negative", "max_positive"):
        try:
            limits[name] = parse_minor(amount_as_typed(screen.form.text(name)))
        except AmountError as wrong:
            problems.append(Problem(wrong.code, wrong.message, name))
            continue
        if limits[name] % MINOR_PER_UNIT:  # programs of the published API read limits as integers
            problems.append(Problem("not_whole", "A limit is a whole number.", name))
    if problems:
        return await show_entity(screen, status=400, problems=tuple(problems))
    reason = screen.form.text("reason")[:_REASON_MAX]
    change = EntityChange(
        profile={},
        reason=reason,
        max_negative_minor=limits["max_negative"],
        max_positive_minor=limits["max_positive"],
    )
    return await _change(screen, change, "limits_changed")


async def do_categories(screen: Screen) -> Response:
    categories = screen.form.texts("category")
    categories += [each.strip() for each in screen.form.text("more").split(",") if each.strip()]
    return await _change(screen, EntityChange(profile={"categories": categories}), "saved")


async def do_profile(screen: Screen) -> Response:
    given, problems = profile_of(screen)
    if problems:
        return await show_entity(screen, status=400, problems=tuple(problems))
    return await _change(screen, EntityChange(profile={name: given.get(name) for name in PROFILE_FIELDS}), "saved")


async def do_delete(screen: Screen) -> Response:
    if screen.form.text("sure") != "1":
        wrong = Problem("not_sure", "Please tick the box to confirm.", "sure")
        return await show_entity(screen, status=400, problems=(wrong,))
    try:
        await delete_entity(screen.house.context, screen.caller(), screen.path_id())
    except Refusal as refusal:
        return await show_entity(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go("/admin/entities", done="deleted")


PAGES = (
    Page("/admin/entities", show_entities, who="admin"),
    Page("/admin/entities/{id}", show_entity, who="admin"),
    Page("/admin/entities/{id}/status", post=do_status, who="admin"),
    Page("/admin/entities/{id}/limits", post=do_limits, who="admin"),
    Page("/admin/entities/{id}/categories", post=do_categories, who="admin"),
    Page("/admin/entities/{id}/profile", post=do_profile, who="admin"),
    Page("/admin/entities/{id}/delete", post=do_delete, who="admin"),
)
