"""What an admin keeps in order: categories, tags, the activity log, the state of the system."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from gateway.pages.transfers import page_number
from libs.common.clock import rfc3339
from libs.common.errors import Problem, Refusal

PAGE_SIZE = 50


async def show_categories(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    found = await screen.clients.directory.categories(
        screen.caller(), fragment=_fragment(screen), page=page_number(screen), page_size=PAGE_SIZE
    )
    rows = [{"id": each["id"], "name": each["name"], "uses": each["entities"]} for each in found["items"]]
    return _headings(screen, "categories", rows, found["total"], status, problems)


async def show_tags(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    found = await screen.clients.directory.tags(
        screen.caller(), fragment=_fragment(screen), page=page_number(screen), page_size=PAGE_SIZE
    )
    rows = [{"id": each["id"], "name": each["name"], "uses": each["offers"] + each["wants"]} for each in found["items"]]
    return _headings(screen, "tags", rows, found["total"], status, problems)


def _fragment(screen: Screen) -> str | None:
    return screen.query.get("q", "").strip()[:100] or None


def _headings(
    screen: Screen, kind: str, rows: list[dict[str, Any]], total: int, status: int, problems: tuple[Problem, ...]
) -> Response:
    q = _fragment(screen) or ""
    return screen.render(
        "admin_headings.html",
        status=status,
        problems=problems,
        kind=kind,
        rows=rows,
        q=q,
        page=page_number(screen),
        pages=max(1, math.ceil(total / PAGE_SIZE)),
        link=f"/admin/{kind}?" + (urlencode({"q": q}) + "&" if q else ""),
    )


async def _do(
    screen: Screen, kind: str, show: Callable[..., Awaitable[Response]], change: Awaitable[Any], done: str
) -> Response:
    try:
        await change
    except Refusal as refusal:
        return await show(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(f"/admin/{kind}", done=done)


async def do_category(screen: Screen) -> Response:
    """Creates, renames (merging where the name exists) or deletes, by the button that was pressed."""
    directory, form, caller = screen.clients.directory, screen.form, screen.caller()
    category_id, name = form.text("id"), form.text("name")
    if not category_id:
        return await _do(screen, "categories", show_categories, directory.create_category(caller, name), "created")
    if form.text("do") == "delete":
        deleted = directory.delete_category(caller, category_id)
        return await _do(screen, "categories", show_categories, deleted, "deleted")
    renamed = directory.rename_category(caller, category_id, name)
    return await _do(screen, "categories", show_categories, renamed, "saved")


async def do_tag(screen: Screen) -> Response:
    """As for categories."""
    directory, form, caller = screen.clients.directory, screen.form, screen.caller()
    tag_id, name = form.text("id"), form.text("name")
    if not tag_id:
        return await _do(screen, "tags", show_tags, directory.create_tag(caller, name), "created")
    if form.text("do") == "delete":
        return await _do(screen, "tags", show_tags, directory.delete_tag(caller, tag_id), "deleted")
    return await _do(screen, "tags", show_tags, directory.rename_tag(caller, tag_id, name), "saved")


async def show_activity(screen: Screen) -> Response:
    """The log of AD-07, which nobody can edit."""
    names = ("email", "category", "action", "detail", "from", "to")
    asked = {name: screen.query.get(name, "").strip()[:100] for name in names}
    page = page_number(screen)
    found = await screen.clients.directory.activity(
        screen.caller(),
        email=asked["email"] or None,
        category=asked["category"] if asked["category"] in {"user", "admin", "system"} else None,
        action=asked["action"] or None,
        detail=asked["detail"] or None,
        date_from=_moment(screen, asked["from"], days=0),
        date_to=_moment(screen, asked["to"], days=1),
        page=page,
        page_size=PAGE_SIZE,
    )
    told = urlencode({name: value for name, value in asked.items() if value})
    return screen.render(
        "admin_activity.html",
        asked=asked,
        found=found,
        page=page,
        pages=max(1, math.ceil(found["total"] / PAGE_SIZE)),
        link="/admin/activity?" + (told + "&" if told else ""),
    )


def _moment(screen: Screen, text: str, *, days: int) -> str | None:
    """The beginning of a local day, `days` later; None for what is no date."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return rfc3339(datetime.combine(day, time(), screen.house.context.settings.zone))


async def show_system(screen: Screen) -> Response:
    """Books, members, search index, and renames on their way: health and figures, for operators too."""
    caller = screen.caller()
    books, index, jobs, counts = await asyncio.gather(
        part_of(screen.clients.ledger.audit(caller)),
        part_of(screen.clients.matcher.rebuild_status(screen.own_caller())),
        part_of(screen.clients.directory.jobs(caller)),
        part_of(screen.clients.directory.counts(caller)),
    )
    return screen.render("admin_system.html", books=books, index=index, jobs=jobs, counts=counts)


async def do_rebuild(screen: Screen) -> Response:
    assert screen.visitor.principal is not None
    await screen.clients.matcher.rebuild(screen.own_caller(), by=screen.visitor.principal.id)
    return screen.go("/admin/system", done="started")


PAGES = (
    Page("/admin/categories", show_categories, do_category, who="admin"),
    Page("/admin/tags", show_tags, do_tag, who="admin"),
    Page("/admin/activity", show_activity, who="admin"),
    Page("/admin/system", show_system, who="overseer"),
    Page("/admin/system/rebuild", post=do_rebuild, who="admin"),
)
