"""Pictures of a member: shown to all, added and removed on the profile (EN-07)."""

from starlette.responses import Response

from gateway.pages.page import Page
from gateway.pages.profile import show_profile
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

_KEEP = "public, max-age=31536000, immutable"
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp"})


async def show_picture(screen: Screen) -> Response:
    """The name never means other bytes, so browsers may keep it."""
    raw, media_type = await screen.clients.directory.picture(
        screen.own_caller(), str(screen.request.path_params["name"])
    )
    if media_type not in _SHOWN:
        raise Refusal.of(404, "not_found", "There is nothing here.")
    return Response(raw, media_type=media_type, headers={"Cache-Control": _KEEP})


async def do_add(screen: Screen) -> Response:
    acting = await screen.acting()
    raw = screen.form.files.get("picture", b"")
    problems: tuple[Problem, ...] = ()
    if not raw:
        problems = (Problem("picture_needed", "Please choose a picture.", "picture"),)
    else:
        try:
            await screen.clients.directory.add_picture(screen.caller(), acting["id"], raw)
        except Refusal as refusal:
            problems = tuple(Problem(each.code, each.message, "picture") for each in form_problems(refusal))
    if problems:
        return await show_profile(screen, status=400, problems=problems)
    return screen.go("/profile#pictures", done=None)


async def do_remove(screen: Screen) -> Response:
    acting = await screen.acting()
    name = screen.form.text("name")
    if name in {picture["name"] for picture in acting["pictures"]}:
        await screen.clients.directory.remove_picture(screen.caller(), acting["id"], name)
    return screen.go("/profile#pictures")


PAGES = (
    Page("/pictures/{name}", show_picture, counted=False),
    Page("/profile/pictures", post=do_add, who="member", takes_files=True),
    Page("/profile/pictures/remove", post=do_remove, who="member"),
)
