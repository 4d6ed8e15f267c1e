"""The application for trading (EN-03)."""

from typing import Any

from starlette.responses import Response

from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

_FIELDS = (
    "name",
    "inc_type",
    "description",
    "address",
    "city",
    "region",
    "postal_code",
    "country",
    "first_name",
    "last_name",
    "telephone",
)


async def show_application(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    acting = await screen.acting()
    me = await part_of(screen.clients.identity.me(screen.caller()))
    person: Any = me.value or {}
    known = {name: acting.get(name) or person.get(name) or "" for name in _FIELDS}
    return screen.render("application.html", status=status, problems=problems, acting=acting, known=known)


async def do_application(screen: Screen) -> Response:
    acting = await screen.acting()
    application: dict[str, Any] = {name: screen.form.text(name) for name in _FIELDS}
    application["agreement"] = screen.form.has("agreement")
    try:
        await screen.clients.directory.apply_for_trading(screen.caller(), acting["id"], application)
    except Refusal as refusal:
        return await show_application(screen, status=400, problems=form_problems(refusal))
    return screen.go("/home", done="applied")


PAGES = (Page("/application", show_application, do_application, who="member"),)
