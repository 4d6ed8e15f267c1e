"""A person's own details, password and sessions; and another confirmation mail."""

import asyncio
from dataclasses import replace

from starlette.responses import Response

from gateway.clients.identity import OwnDetails
from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

_DETAILS = ("first_name", "last_name", "telephone")


async def show_security(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    me, sessions = await asyncio.gather(
        screen.clients.identity.me(screen.caller()), part_of(screen.clients.identity.sessions(screen.caller()))
    )
    return screen.render("security.html", status=status, problems=problems, me=me, sessions=sessions)


async def do_details(screen: Screen) -> Response:
    changes = OwnDetails(
        first_name=screen.form.text("first_name"),
        last_name=screen.form.text("last_name"),
        telephone=screen.form.text("telephone"),
        language=screen.language.code,
    )
    try:
        await screen.clients.identity.update_me(screen.caller(), changes)
    except Refusal as refusal:
        return await show_security(screen, status=400, problems=form_problems(refusal))
    return screen.go("/security", done="saved")


async def do_password(screen: Screen) -> Response:
    """Asks for the current password and ends the other sessions (ID-09)."""
    form = screen.form
    password = form.text("password", keep=True)
    if password != form.text("again", keep=True):
        wrong = Problem("passwords_differ", "The two passwords are not the same.", "again")
        return await show_security(screen, status=400, problems=(wrong,))
    try:
        await screen.clients.identity.change_password(
            screen.caller(), password, current_password=form.text("current_password", keep=True)
        )
    except Refusal as refusal:
        return await show_security(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go("/security", done="password_changed")


async def do_end_session(screen: Screen) -> Response:
    """One session, or all but this one."""
    session_id = screen.form.text("session")
    if session_id == "others":
        await screen.clients.identity.end_sessions(screen.caller(), keep_current=True)
    else:
        await screen.clients.identity.end_session(screen.caller(), session_id)
    return screen.go("/security", done="session_ended")


async def do_verification(screen: Screen) -> Response:
    try:
        await screen.clients.identity.request_verification(screen.caller())
    except Refusal as refusal:
        return await show_security(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go("/security", done="verification_sent")


async def do_email(screen: Screen) -> Response:
    """Asks for a change of the address (ID-10): it is the person's once the link that goes there was followed."""
    try:
        await screen.clients.identity.request_verification(
            screen.caller(),
            email=screen.form.text("email"),
            current_password=screen.form.text("password_for_email", keep=True),
        )
    except Refusal as refusal:
        names = {"current_password": "password_for_email"}  # the page asks for a password in two places
        problems = [replace(each, field=names.get(each.field or "", each.field)) for each in form_problems(refusal)]
        return await show_security(screen, status=refusal.status, problems=tuple(problems))
    return screen.go("/security", done="address_asked")


PAGES = (
    Page("/security", show_security, who="either"),
    Page("/security/details", post=do_details, who="either"),
    Page("/security/password", post=do_password, who="either"),
    Page("/security/email", post=do_email, who="either"),
    Page("/security/sessions", post=do_end_session, who="either"),
    Page("/security/verification", post=do_verification, who="either"),
)
