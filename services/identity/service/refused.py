"""Refused authorisation, for the activity log (AD-07)."""

from services.identity.service import telling
from services.identity.service.deps import Actor, Deps, unit

TOLD_MAX = 3


async def note_forbidden(deps: Deps, actor: Actor, what: str) -> None:
    """Somebody asked for what the token does not allow: told a few times a period, then counted."""
    async with unit(deps) as work:
        if await telling.is_told(work, f"caller {actor.id}", "forbidden", told_max=TOLD_MAX):
            email = await telling.email_of(work, actor)
            telling.audit(work, "forbidden", f"Was refused {what}.", actor=actor, email=email)
