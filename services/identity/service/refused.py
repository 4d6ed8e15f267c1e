"""Refused authorisation, for the activity log (AD-07)."""

from services.identity.service import telling
from services.identity.service.deps import Actor, Client, Deps, Unit, unit

TOLD_MAX = 3
OPERATION_PERIOD_S = 60
OPERATION_LENGTH_MAX = 150


async def note_forbidden(deps: Deps, actor: Actor, what: str) -> None:
    """Somebody asked identity for what the token does not allow: told a few times a period, then counted."""
    async with unit(deps) as work:
        if await telling.is_told(work, f"caller {actor.id}", "forbidden", told_max=TOLD_MAX):
            email = await telling.email_of(work, actor)
            telling.audit(work, "forbidden", f"Was refused {what}.", actor=actor, email=email)


async def note_refused(deps: Deps, actor: Actor, operation: str, client: Client, times: int = 1) -> None:
    """The gateway refused a person an operation so many times, or passed on another service's refusal.

    Of one person and operation there is at most one record a minute; those between are counted into the next.
    """
    operation = operation[:OPERATION_LENGTH_MAX]
    caller = telling.person_caller(actor, operation)
    async with unit(deps) as work:
        if await telling.is_told(work, caller, "forbidden", told_max=1, period_s=OPERATION_PERIOD_S, times=times):
            email = await telling.email_of(work, actor)
            where = client.address or "an unknown address"
            telling.audit(work, "forbidden", f"Was refused {operation} from {where}.", actor=actor, email=email)


async def tell_counted_of(work: Unit, caller: str, counted: int) -> None:
    """The record of what was counted of one person and operation; the next one comes a minute later."""
    actor, operation = telling.person_of(caller)
    email = await telling.email_of(work, actor)
    times = "once more" if counted == 1 else f"{counted} more times"
    telling.audit(work, "forbidden", f"Was refused {operation} {times}.", actor=actor, email=email)
    await telling.is_told(work, caller, "forbidden", told_max=1, period_s=OPERATION_PERIOD_S)
