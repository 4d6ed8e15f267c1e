"""Users as an admin sees them: search, one with the entities they act for, changes."""

import math
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.clients.identity import UserEdit
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from gateway.pages.transfers import page_number
from libs.common.errors import Problem, Refusal

PAGE_SIZE = 25


async def show_users(screen: Screen) -> Response:
    asked = {name: screen.query.get(name, "").strip()[:100] for name in ("last_name", "email")}
    page = page_number(screen)
    found = await screen.clients.identity.users(
        screen.caller(),
        last_name=asked["last_name"] or None,
        email=asked["email"] or None,
        page=page,
        page_size=PAGE_SIZE,
    )
    told = urlencode({name: value for name, value in asked.items() if value})
    return screen.render(
        "admin_users.html",
        asked=asked,
        found=found,
        page=page,
        pages=max(1, math.ceil(found["total"] / PAGE_SIZE)),
        link="/admin/users?" + (told + "&" if told else ""),
    )


async def show_user(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    user = await screen.clients.identity.user(screen.caller(), screen.path_id())
    return screen.render("admin_user.html", status=status, problems=problems, user=user)


async def do_user(screen: Screen) -> Response:
    form, user_id = screen.form, screen.path_id()
    changes = UserEdit(
        email=form.text("email"),
        first_name=form.text("first_name"),
        last_name=form.text("last_name"),
        telephone=form.text("telephone"),
    )
    if form.text("password", keep=True):
        changes["password"] = form.text("password", keep=True)
    try:
        await screen.clients.identity.update_user(screen.caller(), user_id, changes)
    except Refusal as refusal:
        return await show_user(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(f"/admin/users/{user_id}", done="saved")


async def do_delete(screen: Screen) -> Response:
    if screen.form.text("sure") != "1":
        wrong = Problem("not_sure", "Please tick the box to confirm.", "sure")
        return await show_user(screen, status=400, problems=(wrong,))
    try:
        await screen.clients.identity.delete_user(screen.caller(), screen.path_id())
    except Refusal as refusal:
        return await show_user(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go("/admin/users", done="deleted")


async def do_log_out(screen: Screen) -> Response:
    """Everywhere, as for somebody whose telephone was stolen."""
    await screen.clients.identity.end_sessions_of(screen.caller(), screen.path_id())
    return screen.go(f"/admin/users/{screen.path_id()}", done="logged_out_everywhere")


PAGES = (
    Page("/admin/users", show_users, who="admin"),
    Page("/admin/users/{id}", show_user, do_user, who="admin"),
    Page("/admin/users/{id}/sessions", post=do_log_out, who="admin"),
    Page("/admin/users/{id}/delete", post=do_delete, who="admin"),
)
