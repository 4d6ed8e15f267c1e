"""Personal data in a member's own hands (ID-15): taking it along, and leaving for good."""

import asyncio

import orjson
from starlette.responses import Response

from gateway.flows import leave, own_data
from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal


async def my_data(screen: Screen) -> Response:
    """All that is kept about the visitor, as one file."""
    whole = await own_data(screen.house.context, screen.caller())
    return Response(
        orjson.dumps(whole, option=orjson.OPT_INDENT_2),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


async def show_leave(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    mine, me = await asyncio.gather(screen.mine(), part_of(screen.clients.identity.me(screen.caller())))
    return screen.render(
        "leave.html", status=status, problems=problems, mine=mine, email=me.value["email"] if me.value else ""
    )


async def do_leave(screen: Screen) -> Response:
    """Deletes the login, and closes the entities that nobody else acts for. The password says that it is meant."""
    assert screen.visitor.principal is not None
    password = screen.form.text("password", keep=True)
    if not password:
        wanted = Problem("password_missing", "Please confirm with your password.", "password")
        return await show_leave(screen, status=400, problems=(wanted,))
    try:
        await leave(screen.house.context, screen.caller(), screen.visitor.principal.id, password)
    except Refusal as refusal:
        return await show_leave(screen, status=refusal.status, problems=form_problems(refusal))
    screen.house.sessions.end(screen.cookies)
    return screen.go("/login", done="left")


PAGES = (
    Page("/security/my-data", my_data, who="either"),
    Page("/security/leave", show_leave, do_leave, who="member"),
)
