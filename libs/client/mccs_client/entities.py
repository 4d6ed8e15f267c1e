"""Entities: own ones and others, their people, keys and pictures; categories, tags, matches and messages."""

from typing import Literal, TypedDict, Unpack

from . import answers as shapes
from . import answers_more as more
from .request import Moment, Page, Request, changes, data_of, file, get, known, paged, send
from .session import Profile

Side = Literal["offers", "wants"]
Role = Literal["owner", "member"]


def my_entities() -> Request[list[shapes.Entity]]:
    """Own entities, whole, with balance and pending transfers."""
    return get("/user/entities")


class EntityChanges(Profile, total=False):
    """None clears a field; lists are replaced."""

    name: str | None
    email: str | None
    telephone: str | None


def update_entity(entity_id: str, **given: Unpack[EntityChanges]) -> Request[shapes.Entity]:
    """Changes what is given of an own entity."""
    return send("PATCH", f"/user/entities/{entity_id}", changes(given))


def entities(
    *,
    offers: list[str] | None = None,
    wants: list[str] | None = None,
    name: str | None = None,
    category: str | None = None,
    tagged_since: Moment | None = None,
    favorites_only: bool | None = None,
    querying_entity_id: str | None = None,
    order: Literal["relevance", "name", "newest"] | None = None,
    page: int = 1,
    page_size: int = 100,
) -> Request[Page[shapes.Entity]]:
    """Searches the directory. Several tags of one list are alternatives, offers and wants together both apply."""
    return paged(
        "/entities",
        offers=offers,
        wants=wants,
        name=name,
        category=category,
        tagged_since=tagged_since,
        favorites_only=favorites_only,
        querying_entity_id=querying_entity_id,
        order=order,
        page=page,
        page_size=page_size,
    )


def entity(entity_id: str, *, querying_entity_id: str | None = None) -> Request[shapes.Entity]:
    """One entity, as much of it as the caller may see."""
    return get(f"/entities/{entity_id}", querying_entity_id=querying_entity_id)


def categories(
    *, prefix: str | None = None, fragment: str | None = None, page: int = 1, page_size: int = 100
) -> Request[Page[shapes.Named]]:
    """Categories by name."""
    return paged("/categories", prefix=prefix, fragment=fragment, page=page, page_size=page_size)


def category_letters() -> Request[list[more.Letter]]:
    """First letters of categories with how many there are."""
    return get("/categories/letters")


def tags(
    *, prefix: str | None = None, fragment: str | None = None, page: int = 1, page_size: int = 100
) -> Request[Page[shapes.Named]]:
    """Tags by name."""
    return paged("/tags", prefix=prefix, fragment=fragment, page=page, page_size=page_size)


def tag_suggestions(text: str, *, kind: Side | None = None, limit: int | None = None) -> Request[list[more.Suggestion]]:
    """Tags in use that go on from this text, with counts."""
    return get("/tags/suggestions", text=text, kind=kind, limit=limit)


def tag_count(kind: Side, tag: str) -> Request[more.Count]:
    """How many members an offer or a want would match."""
    return get("/tags/counts", kind=kind, tag=tag)


def set_favorite(entity_id: str, favorite_id: str, *, favorite: bool = True) -> Request[None]:
    """Marks another entity as a favourite of an own one, or no longer."""
    body = {"addToEntityID": entity_id, "favoriteEntityID": favorite_id, "isFavorite": favorite}
    return send("POST", "/favorites", body)


def favorites(entity_id: str, *, page: int = 1, page_size: int = 100) -> Request[Page[shapes.Entity]]:
    """Favourites of an own entity."""
    return paged(f"/entities/{entity_id}/favorites", page=page, page_size=page_size)


def send_message(sender_id: str, receiver_id: str, body: str) -> Request[None]:
    """Relays a message by mail. Not repeated when its answer was lost."""
    shape = {"senderEntityID": sender_id, "receiverEntityID": receiver_id, "body": body}
    return send("POST", "/send-email", shape, again="once")


def matches(entity_id: str, *, since: Moment | None = None, limit: int = 100) -> Request[Page[more.Match]]:
    """Potential trades of an own entity, best first."""
    return paged("/matches", querying_entity_id=entity_id, since=since, limit=limit)


def dismiss_match(entity_id: str, other_id: str, *, reason: str = "") -> Request[None]:
    """Shows this counterpart no more."""
    return send("POST", "/matches/dismissals", {"entityID": entity_id, "otherEntityID": other_id, "reason": reason})


class Application(TypedDict, total=False):
    """What of the profile is still missing may come along."""

    name: str | None
    inc_type: str | None
    description: str | None
    address: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None


def apply_for_trading(
    entity_id: str,
    *,
    first_name: str,
    last_name: str,
    telephone: str,
    agreement: bool,
    **profile: Unpack[Application],
) -> Request[shapes.Entity]:
    """Applies for trading."""
    person = {"first_name": first_name, "last_name": last_name, "telephone": telephone, "agreement": agreement}
    return send("POST", f"/entities/{entity_id}/application", changes(person) | changes(profile), again="once")


def add_picture(entity_id: str, picture: bytes) -> Request[shapes.Picture]:
    """Adds a picture (JPEG, PNG, WebP or GIF)."""
    return Request(
        "POST",
        f"/entities/{entity_id}/pictures",
        data_of,
        "once",
        body=picture,
        content_type="application/octet-stream",
    )


def remove_picture(entity_id: str, name: str) -> Request[None]:
    """Removes a picture."""
    return send("DELETE", f"/entities/{entity_id}/pictures/{name}")


def picture(name: str) -> Request[bytes]:
    """A picture as it is."""
    return file(f"/pictures/{name}")


def people(entity_id: str) -> Request[list[more.Person]]:
    """Who acts for an own entity."""
    return get(f"/entities/{entity_id}/people")


def set_role(entity_id: str, user_id: str, role: Role) -> Request[more.Person]:
    """Changes what a person is for an own entity."""
    return send("PUT", f"/entities/{entity_id}/people/{user_id}", {"role": role})


def remove_person(entity_id: str, user_id: str) -> Request[None]:
    """Ends that a person acts for an own entity; also how one leaves it."""
    return send("DELETE", f"/entities/{entity_id}/people/{user_id}")


def invitations(entity_id: str) -> Request[list[more.Invitation]]:
    """Invitations that wait."""
    return get(f"/entities/{entity_id}/invitations")


def invite(entity_id: str, email: str, *, role: Role = "member") -> Request[more.Invitation]:
    """Invites somebody by mail."""
    return send("POST", f"/entities/{entity_id}/invitations", {"email": email, "role": role}, again="once")


def withdraw_invitation(invitation_id: str) -> Request[None]:
    """Withdraws one that waits."""
    return send("DELETE", f"/invitations/{invitation_id}")


def accept_invitation(token: str) -> Request[more.Person]:
    """Accepts by the token of the mailed link."""
    return send("POST", "/invitations/accept", {"token": token}, again="once")


def keys(entity_id: str) -> Request[list[more.Key]]:
    """Keys of partner programs, never their secrets."""
    return get(f"/entities/{entity_id}/keys")


def create_key(
    entity_id: str,
    name: str,
    scopes: list[Literal["read", "propose", "accept"]],
    *,
    rate_per_minute: int | None = None,
) -> Request[more.NewKey]:
    """A key for a partner program; its secret is shown this once."""
    body = known(name=name, scopes=scopes, ratePerMinute=rate_per_minute)
    return send("POST", f"/entities/{entity_id}/keys", body, again="once")


def revoke_key(key_id: str) -> Request[None]:
    """Revokes a key at once everywhere."""
    return send("DELETE", f"/keys/{key_id}")
