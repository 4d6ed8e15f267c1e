"""Answers as JSON."""

from datetime import datetime
from typing import Any

from libs.common.clock import rfc3339
from services.identity.domain.access import ApiKey, OneTimeToken
from services.identity.domain.people import Membership, User
from services.identity.domain.sessions import Session
from services.identity.service.tickets import Ticket


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None


def _without_none(shape: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if value is not None}


def ticket(one: Ticket) -> dict[str, Any]:
    """A session answer."""
    return _without_none(
        {
            "token": one.token,
            "expires_at": _time(one.expires_at),
            "session_id": one.session_id,
            "user_id": one.user_id,
            "role": one.role,
            "entity_id": one.entity_id,
            "refresh_token": one.refresh_token,
            "refresh_expires_at": _time(one.refresh_expires_at),
            "previous_login_at": _time(one.previous_login_at),
            "previous_login_address": one.previous_login_address,
            "recovery_codes": list(one.recovery_codes) or None,
        }
    )


def user(one: User) -> dict[str, Any]:
    """A user, with the entities it acts for."""
    return {
        "id": one.id,
        "email": one.email,
        "first_name": one.first_name,
        "last_name": one.last_name,
        "telephone": one.telephone,
        "language": one.language,
        "role": one.role,
        "email_verified": one.email_verified,
        "second_factor": one.second_factor,
        "created_at": _time(one.created_at),
        "last_login_at": _time(one.last_login_at),
        "last_login_address": one.last_login_address,
        "previous_login_at": _time(one.previous_login_at),
        "previous_login_address": one.previous_login_address,
        "locked_until": _time(one.locked_until),
        "memberships": [membership(each) for each in one.memberships],
    }


def membership(one: Membership, person: User | None = None) -> dict[str, Any]:
    """Who acts for which entity, with the person's name where it may be told."""
    shape: dict[str, Any] = {
        "entity_id": one.entity_id,
        "user_id": one.user_id,
        "role": one.role,
        "since": _time(one.since),
    }
    if person is not None:
        shape |= {"email": person.email, "first_name": person.first_name, "last_name": person.last_name}
    return shape


def session(one: Session, current_id: str) -> dict[str, Any]:
    """One of the own sessions."""
    return {
        "id": one.id,
        "kind": one.kind,
        "created_at": _time(one.created_at),
        "last_used_at": _time(one.last_used_at),
        "expires_at": _time(one.expires_at),
        "address": one.address,
        "agent": one.agent,
        "current": one.id == current_id,
    }


def invitation(one: OneTimeToken) -> dict[str, Any]:
    """An open invitation."""
    return {
        "id": one.id,
        "entity_id": one.entity_id,
        "email": one.email,
        "role": one.role,
        "invited_by": one.invited_by,
        "created_at": _time(one.created_at),
        "expires_at": _time(one.expires_at),
    }


def api_key(one: ApiKey) -> dict[str, Any]:
    """An API key without its secret."""
    return {
        "id": one.id,
        "entity_id": one.entity_id,
        "name": one.name,
        "scopes": list(one.scopes),
        "rate_per_minute": one.rate_per_minute,
        "hint": one.hint,
        "created_by": one.created_by,
        "created_at": _time(one.created_at),
        "last_used_at": _time(one.last_used_at),
        "last_used_address": one.last_used_address,
    }
