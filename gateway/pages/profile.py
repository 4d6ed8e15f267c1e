"""My profile: what others see, and the one box by which offers and wants are added."""

import asyncio
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import Response

from gateway.clients.directory import Entity, TagKind
from gateway.pages.entry import PROFILE_FIELDS, profile_of
from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

_KNOWN_TAGS = 60
_SUGGESTED = 6
_TEXT_MAX = 200


async def show_profile(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    acting = await screen.acting()
    known, added = await asyncio.gather(
        part_of(screen.clients.directory.tags(screen.own_caller(), order="uses", page_size=_KNOWN_TAGS)),
        _just_added(screen),
    )
    return screen.render(
        "profile.html",
        status=status,
        problems=problems,
        acting=acting,
        stored=acting,
        known=[tag["name"] for tag in (known.value or {"items": []})["items"]],
        added=added,
    )


async def _just_added(screen: Screen) -> dict[str, Any] | None:
    """How many members match the tag that was added a moment ago."""
    tag, kind = screen.query.get("added", "")[:_TEXT_MAX], screen.query.get("kind", "")
    if not tag or kind not in {"offers", "wants"}:
        return None
    count = await part_of(screen.clients.matcher.counts(screen.own_caller(), kind=cast("TagKind", kind), tag=tag))
    return {"tag": tag, "kind": kind, "count": count.value["count"] if count.value else None}


async def do_profile(screen: Screen) -> Response:
    """Every field of the form is sent, so an empty one is cleared."""
    acting = await screen.acting()
    given, problems = profile_of(screen)
    if not problems:
        change = {name: given.get(name) for name in PROFILE_FIELDS}
        change["daily_matches"] = screen.form.has("daily_matches")
        change["show_matches_since_last_login"] = screen.form.has("show_matches_since_last_login")
        try:
            await screen.clients.directory.change(screen.caller(), acting["id"], change)
        except Refusal as refusal:
            problems = list(_named(form_problems(refusal)))
    if problems:
        return await show_profile(screen, status=400, problems=tuple(problems))
    return screen.go("/profile", done="saved")


def _named(problems: tuple[Problem, ...]) -> list[Problem]:
    return [
        Problem(problem.code, problem.message, f"profile.{problem.field}" if problem.field else None)
        for problem in problems
    ]


async def do_tags(screen: Screen) -> Response:
    """Adds the words in the box (several with commas between them), or removes the tag whose button was pressed."""
    form = screen.form
    kind = form.text("kind")
    if kind not in {"offers", "wants"}:
        raise Refusal.of(400, "kind_unknown", "Offers or wants?", "kind")
    words = [word.strip() for word in form.text("pick" if form.has("pick") else "add").split(",") if word.strip()]
    remove = form.text("remove")
    if not words and not remove:
        return screen.go(f"/profile#{kind}")
    try:
        await _replace_tags(screen, kind, words, remove)
    except Refusal as refusal:
        problems = tuple(Problem(each.code, each.message, f"add-{kind}") for each in form_problems(refusal))
        return await show_profile(screen, status=400, problems=problems)
    if not words:
        return screen.go(f"/profile?kind={kind}", done="saved")
    return screen.go(f"/profile?added={quote(words[-1][:_TEXT_MAX], safe='')}&kind={kind}")


async def _replace_tags(screen: Screen, kind: str, words: list[str], remove: str) -> Entity:
    """The list travels whole; another tab that changed it meanwhile is noticed by the version, and it is done again."""
    acting = await screen.acting()
    for last_try in (False, True):
        tags = [tag for tag in cast("dict[str, list[str]]", acting)[kind] if tag != remove]
        change = {kind: tags + [word for word in words if word not in tags]}
        try:
            return await screen.clients.directory.change(
                screen.caller(), acting["id"], change, if_version=acting.get("version")
            )
        except Refusal as refusal:
            if last_try or all(problem.code != "version_conflict" for problem in refusal.problems):
                raise
        fresh = await screen.clients.directory.mine(screen.caller())
        acting = next(entity for entity in fresh if entity["id"] == acting["id"])
    raise AssertionError("unreachable")


async def show_suggestions(screen: Screen) -> Response:
    """The part of the page below the box, while somebody types: how many match, and words others use."""
    kind = screen.query.get("kind", "")
    text = screen.query.get("add", "").rpartition(",")[2].strip()[:_TEXT_MAX]
    if kind not in {"offers", "wants"} or len(text) < 2:
        return screen.render("suggestions.html", count=None, suggestions=[], kind=kind)
    side = cast("TagKind", kind)
    count, suggestions = await asyncio.gather(
        part_of(screen.clients.matcher.counts(screen.own_caller(), kind=side, tag=text)),
        part_of(screen.clients.matcher.suggest(screen.own_caller(), text, limit=_SUGGESTED)),
    )
    return screen.render(
        "suggestions.html",
        count=count.value["count"] if count.value else None,
        suggestions=[each for each in suggestions.value or [] if each["tag"] != text],
        kind=kind,
    )


PAGES = (
    Page("/profile", show_profile, do_profile, who="member"),
    Page("/profile/tags", post=do_tags, who="member"),
    Page("/profile/suggestions", show_suggestions, who="member"),
)
