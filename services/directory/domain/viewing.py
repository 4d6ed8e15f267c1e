"""Who sees what of an entity (DI-08, EN-08)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from services.directory.domain.entity import Entity, Picture
from services.directory.domain.profile import Place

PUBLIC = ("inc_type", "company_number", "website", "description", "city", "region", "postal_code", "country")
FOR_MEMBERS = ("telephone", "address")


class Sight(IntEnum):
    """How much a viewer may see; each sees what the ones before see."""

    NOTHING = 0
    PUBLIC = 1
    MEMBER = 2
    TRADER = 3
    """Both may trade: the e-mail address too."""
    WHOLE = 4
    """Its own users and admins."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: whether logged in, whether an admin, and for which entities (id to whether it may trade)."""

    logged_in: bool = False
    is_admin: bool = False
    trusted: bool = False
    """A service that needs the whole of it for its work."""
    own: frozenset[str] = frozenset()
    own_may_trade: bool = False
    """Whether the entity it looks as, or any of its own where none was named, may trade."""


class Judged(Protocol):
    """What decides who sees an entity."""

    @property
    def id(self) -> str: ...

    @property
    def deleted(self) -> bool: ...

    @property
    def listed(self) -> bool: ...

    @property
    def may_trade(self) -> bool: ...


def sight(entity: Judged, viewer: Viewer) -> Sight:
    """What this viewer may see of this entity."""
    if entity.deleted:
        return Sight.NOTHING
    others = sight_of_others(viewer)
    if others == Sight.WHOLE or entity.id in viewer.own:
        return Sight.WHOLE
    if not entity.listed:
        return Sight.NOTHING
    return others if entity.may_trade else min(others, Sight.MEMBER)


def sight_of_others(viewer: Viewer) -> Sight:
    """What this viewer may see of somebody else's listed entity that may trade. Of one that may not, those see the same
    whose sight of others is the same."""
    if viewer.is_admin or viewer.trusted:
        return Sight.WHOLE
    if not viewer.logged_in:
        return Sight.PUBLIC
    return Sight.TRADER if viewer.own_may_trade else Sight.MEMBER


def seen(entity: Entity, how_much: Sight) -> dict[str, Any]:
    """The entity field by field; what is empty or not for these eyes is left out. Times are datetimes."""
    found: dict[str, Any] = {}
    for layer in layers(entity)[:how_much]:
        found |= layer
    return found


def layers(entity: Entity) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What each sight adds to the one before, from PUBLIC to WHOLE; only the whole says anything again (the place)."""
    return (
        _given(_for_everybody(entity)),
        _given(
            {name: entity.texts.get(name) for name in FOR_MEMBERS} | {"declared_turnover": entity.declared_turnover}
        ),
        _given({"email": entity.texts.get("email")}),
        _given(_for_own_users(entity)),
    )


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _for_everybody(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "name": entity.name,
        "status": entity.status,
        "listed": entity.listed,
        "may_trade": entity.may_trade,
        "offers": [dated.tag for dated in entity.offers],
        "wants": [dated.tag for dated in entity.wants],
        "categories": list(entity.categories),
        "pictures": [_picture(picture) for picture in entity.pictures],
        "member_since": entity.member_since,
        "place": entity.place and _place(entity.place.coarse()),
        **{name: entity.texts.get(name) for name in PUBLIC},
    }


def _for_own_users(entity: Entity) -> dict[str, Any]:
    application = entity.application
    return {
        "place": entity.place and _place(entity.place),
        "version": entity.version,
        "created_at": entity.created_at,
        "show_matches_since_last_login": entity.show_matches_since_last_login,
        "daily_matches": entity.daily_matches,
        "application": application
        and {
            "first_name": application.first_name,
            "last_name": application.last_name,
            "telephone": application.telephone,
            "applied_at": application.applied_at,
        },
    }


def _place(place: Place) -> dict[str, float]:
    return {"latitude": place.latitude, "longitude": place.longitude}


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "name": picture.name,
        "thumbnail": picture.thumbnail,
        "width": picture.width,
        "height": picture.height,
    }
