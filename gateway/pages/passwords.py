"""Forgotten passwords, of members and of admins (ID-08)."""

from starlette.responses import Response

from gateway.clients.identity import LoginRole
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal


def _role(screen: Screen) -> LoginRole:
    return "admin" if screen.request.url.path.startswith("/admin/") else "member"


async def show_ask(screen: Screen) -> Response:
    return screen.render("password_ask.html", role=_role(screen))


async def do_ask(screen: Screen) -> Response:
    """Always the same answer, whether or not the address is known."""
    try:
        await screen.clients.identity.request_password_reset(
            screen.own_caller(), screen.form.text("email"), role=_role(screen)
        )
    except Refusal as refusal:
        problems = form_problems(refusal)
        return screen.render("password_ask.html", status=refusal.status, role=_role(screen), problems=problems)
    return screen.go("/admin/login" if _role(screen) == "admin" else "/login", done="reset_asked")


async def show_reset(screen: Screen) -> Response:
    token = str(screen.request.path_params["token"])
    try:
        await screen.clients.identity.check_password_reset(screen.own_caller(), token, role=_role(screen))
    except Refusal as refusal:
        return screen.render("password_reset.html", status=400, usable=False, problems=form_problems(refusal))
    return screen.render("password_reset.html", usable=True)


async def do_reset(screen: Screen) -> Response:
    token, password = str(screen.request.path_params["token"]), screen.form.text("password", keep=True)
    if password != screen.form.text("again", keep=True):
        wrong = Problem("passwords_differ", "The two passwords are not the same.", "again")
        return screen.render("password_reset.html", status=400, usable=True, problems=(wrong,))
    try:
        await screen.clients.identity.reset_password(screen.own_caller(), token, password, role=_role(screen))
    except Refusal as refusal:
        problems = form_problems(refusal)
        usable = all(problem.code != "token_invalid" for problem in problems)
        return screen.render("password_reset.html", status=400, usable=usable, problems=problems)
    screen.house.sessions.end(screen.cookies)
    return screen.go("/admin/login" if _role(screen) == "admin" else "/login", done="password_reset")


PAGES = (
    Page("/password-reset", show_ask, do_ask, asks_robots=True),
    Page("/admin/password-reset", show_ask, do_ask, asks_robots=True),
    Page("/password-reset/{token}", show_reset, do_reset),
    Page("/admin/password-reset/{token}", show_reset, do_reset),
)
