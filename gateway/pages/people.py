"""Who acts for a member: people with a role each, invitations, and joining by one (EN-04)."""

import asyncio
from typing import cast

from starlette.responses import Response

from gateway.clients.identity import InvitationShape, MemberRole
from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

_ROLES = ("owner", "member")


async def show_people(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    acting = await screen.acting()
    people, invitations = await asyncio.gather(
        screen.clients.identity.memberships(screen.caller(), entity_id=acting["id"]), _invitations(screen, acting["id"])
    )
    assert screen.visitor.principal is not None
    me = screen.visitor.principal.id
    return screen.render(
        "people.html",
        status=status,
        problems=problems,
        acting=acting,
        people=people,
        invitations=invitations,
        me=me,
        is_owner=any(each["user_id"] == me and each["role"] == "owner" for each in people),
    )


async def _invitations(screen: Screen, entity_id: str) -> list[InvitationShape]:
    """Open ones, for owners; others are not told."""
    try:
        return (await part_of(screen.clients.identity.invitations(screen.caller(), entity_id))).value or []
    except Refusal as refusal:
        if refusal.status == 403:
            return []
        raise


def _role(screen: Screen) -> MemberRole:
    role = screen.form.text("role")
    return cast("MemberRole", role if role in _ROLES else "member")


async def do_invite(screen: Screen) -> Response:
    acting = await screen.acting()
    try:
        await screen.clients.identity.invite(
            screen.caller(), entity_id=acting["id"], email=screen.form.text("email"), role=_role(screen)
        )
    except Refusal as refusal:
        return await show_people(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go("/profile/people", done="invited")


async def do_withdraw(screen: Screen) -> Response:
    await screen.clients.identity.withdraw_invitation(screen.caller(), screen.path_id())
    return screen.go("/profile/people", done="saved")


async def do_person(screen: Screen) -> Response:
    """Changes a role, removes somebody, or leaves: by the button that was pressed."""
    acting, user_id = await screen.acting(), screen.path_id()
    identity, caller = screen.clients.identity, screen.caller()
    try:
        if screen.form.text("do") == "remove":
            await identity.end_membership(caller, acting["id"], user_id)
        else:
            await identity.set_membership(caller, acting["id"], user_id, _role(screen))
    except Refusal as refusal:
        return await show_people(screen, status=refusal.status, problems=form_problems(refusal))
    left = screen.visitor.principal is not None and screen.visitor.principal.id == user_id
    return screen.go("/home" if left else "/profile/people", done="saved")


async def show_invitation(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    token = str(screen.request.path_params["token"])
    try:
        invitation = await screen.clients.identity.look_at_invitation(screen.own_caller(), token)
    except Refusal as refusal:
        return screen.render("invitation.html", status=400, invitation=None, problems=form_problems(refusal))
    entity = None
    found = await part_of(screen.clients.directory.fetch(screen.own_caller(), [invitation["entity_id"]]))
    if found.value:
        entity = found.value[0]
    return screen.render(
        "invitation.html", status=status, problems=problems, invitation=invitation, entity=entity, token=token
    )


async def do_invitation(screen: Screen) -> Response:
    """Who is logged in joins; anybody else makes a login first, in the same form."""
    token, form = str(screen.request.path_params["token"]), screen.form
    identity = screen.clients.identity
    try:
        if screen.visitor.principal:
            joined = await identity.accept_invitation(screen.caller(), token)
            screen.cookies.set("acting", joined["entity_id"])
            return screen.go("/home", done="joined")
        await identity.signup(
            screen.own_caller(),
            email=form.text("email"),
            password=form.text("password", keep=True),
            first_name=form.text("first_name") or None,
            last_name=form.text("last_name") or None,
            language=screen.language.code,
            invitation=token,
            quiet=True,
        )
    except Refusal as refusal:
        return await show_invitation(screen, status=400, problems=form_problems(refusal))
    return screen.go("/login", done="signed_up")


PAGES = (
    Page("/profile/people", show_people, do_invite, who="member"),
    Page("/profile/people/{id}", post=do_person, who="member"),
    Page("/profile/invitations/{id}/withdraw", post=do_withdraw, who="member"),
    Page("/invitations/{token}", show_invitation, do_invitation, asks_robots=True),
)
