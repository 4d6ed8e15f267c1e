"""The directory as the gateway sees it: entities, tags, categories, favourites, contact messages, activity log."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from gateway.clients.directory_shapes import (
    Activity,
    ActivityList,
    Application,
    Category,
    CategoryChanged,
    CategoryList,
    Changes,
    ContactMessage,
    Entity,
    EntityList,
    EntityUser,
    Favorites,
    Job,
    Letter,
    Picture,
    Place,
    Seen,
    Tag,
    TagChanged,
    TagKind,
    TagList,
)
from libs.common.context import request_id
from libs.common.errors import Refusal
from libs.common.gathered import Gathered
from libs.common.ids import is_id
from libs.common.peers import Caller, Peers

__all__ = [
    "Activity",
    "ActivityList",
    "Application",
    "Category",
    "CategoryChanged",
    "CategoryList",
    "Changes",
    "ContactMessage",
    "DirectoryClient",
    "Entity",
    "EntityList",
    "EntityUser",
    "Favorites",
    "Job",
    "Letter",
    "Picture",
    "Place",
    "Seen",
    "Tag",
    "TagChanged",
    "TagKind",
    "TagList",
]


_READING = frozenset({"/entities/validate", "/entities/fetch", "/entities/query"})
"""What is asked by POST and changes nothing."""
FETCH_MAX = 100
_NO_ID = "00000000-0000-0000-0000-000000000000"


def _id(text: str) -> str:
    """As part of a path: what is no id is nobody's id, and never another path."""
    return text if is_id(text) else _NO_ID


def unknown_entity() -> Refusal:
    """As the directory refuses one that is not there, or not for these eyes."""
    return Refusal.of(404, "entity_unknown", "There is no such member.")


def _entity_in(path: str) -> str | None:
    """The entity that alone a request to this path may change."""
    parts = path.split("/")
    return parts[2] if parts[1] == "entities" and len(parts) > 2 and is_id(parts[2]) else None


class DirectoryClient:
    """One method per endpoint. Refusals of the directory are raised as `Refusal` with its status and problems."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._changed: Callable[[str | None], None] = lambda _: None
        self._public = Gathered(self._fetch_public, size_max=FETCH_MAX, at_once=1)

    def tell_changes_to(self, changed: Callable[[str | None], None]) -> None:
        """Calls this after everything that may have changed the directory, also where no answer came: with the entity, or the
        user, that alone it was about, or with None."""
        self._changed = changed

    async def _call(
        self,
        caller: Caller,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | bool | list[str] | None] | None = None,
        body: object = None,
    ) -> Any:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = await self._peers.call("directory", method, path, caller=caller, query=given, body=body)
        finally:
            if method != "GET" and path not in _READING:
                self._changed(_entity_in(path))
        return answer.json()

    # entities

    async def validate(self, caller: Caller, profile: Mapping[str, Any]) -> None:
        """A dry run of a profile at signup; raises Refusal 400 with every problem."""
        await self._call(caller, "POST", "/entities/validate", body=dict(profile))

    async def create(
        self,
        caller: Caller,
        entity_id: str,
        *,
        owner_user_id: str,
        profile: Mapping[str, Any],
        email: str | None = None,
    ) -> Entity:
        """Creates the entity or answers the one that is there (a service's token). `email` is the owner's own address,
        taken where the profile has none."""
        body = {"owner_user_id": owner_user_id, "profile": dict(profile), "owner_email": email}
        try:
            entity: Entity = await self._call(caller, "PUT", f"/entities/{quote(entity_id, safe='')}", body=body)
        finally:
            self._changed(owner_user_id)
        return entity

    async def mine(self, caller: Caller) -> list[Entity]:
        """The entities that the caller acts for, whole, listed or not."""
        items: list[Entity] = (await self._call(caller, "GET", "/entities/mine"))["items"]
        return items

    async def entity(self, caller: Caller, entity_id: str, *, viewer_entity_id: str | None = None) -> Entity:
        """Raises Refusal 404 `entity_unknown` also when it is not listed for this viewer; 403 for a viewer entity that
        is not the caller's."""
        entity: Entity = await self._call(
            caller, "GET", f"/entities/{_id(entity_id)}", query={"viewer_entity_id": viewer_entity_id}
        )
        return entity

    async def public_entity(self, caller: Caller, entity_id: str) -> Entity:
        """As everybody sees it; several that are asked for at once go as one question. Raises Refusal 404 as `entity`."""
        found = await self._public.one(_id(entity_id))
        if found is None:
            raise unknown_entity()
        return found

    async def _fetch_public(self, ids: Sequence[str]) -> list[Entity | None]:
        entities = await self.fetch(Caller(request_id=request_id.get()), list(dict.fromkeys(ids)))
        found = {entity["id"]: entity for entity in entities}
        return [found.get(entity_id) for entity_id in ids]

    async def changes(self, since: str | None) -> Changes:
        """Which entities changed since this mark, and the mark for the next time; asked by the gateway for itself."""
        changes: Changes = await self._call(Caller(), "GET", "/entities/changes", query={"since": since})
        return changes

    async def fetch(self, caller: Caller, ids: Sequence[str], *, viewer_entity_id: str | None = None) -> list[Entity]:
        """Entities by ids (at most FETCH_MAX), in that order, without those that are not listed for this viewer."""
        body = {"ids": list(ids), "viewer_entity_id": viewer_entity_id}
        items: list[Entity] = (await self._call(caller, "POST", "/entities/fetch", body=body))["items"]
        return items

    async def seen(self, caller: Caller, ids: Sequence[str]) -> Seen:
        """The same, with what makes this caller see so much of them."""
        seen: Seen = await self._call(caller, "POST", "/entities/fetch", body={"ids": list(ids)})
        return seen

    async def change(
        self,
        caller: Caller,
        entity_id: str,
        change: Mapping[str, Any],
        *,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> Entity:
        """Changes the given fields; None or "" clears one. Admins may also give `status` and `categories`. Raises
        Refusal 409 `version_conflict` when `if_version` is no longer the version. A dry run changes nothing."""
        query = {"if_version": if_version, "dry_run": dry_run or None}
        entity: Entity = await self._call(
            caller, "PATCH", f"/entities/{_id(entity_id)}", query=query, body=dict(change)
        )
        return entity

    async def delete(self, caller: Caller, entity_id: str) -> Entity:
        """Leaves a tombstone and answers what was there (an admin's token, after the ledger closed the account).
        Repeating it answers the tombstone: id, name, status."""
        entity: Entity = await self._call(caller, "DELETE", f"/entities/{_id(entity_id)}")
        return entity

    async def apply_for_trading(self, caller: Caller, entity_id: str, application: Mapping[str, Any]) -> Entity:
        """EN-03: profile fields, `first_name`, `last_name`, `telephone`, and `agreement: true`."""
        entity: Entity = await self._call(
            caller, "POST", f"/entities/{_id(entity_id)}/application", body=dict(application)
        )
        return entity

    async def find(
        self,
        caller: Caller,
        *,
        ids: Sequence[str] | None = None,
        name: str | None = None,
        email: str | None = None,
        status: Sequence[str] = (),
        offers: Sequence[str] = (),
        wants: Sequence[str] = (),
        tagged_since: str | None = None,
        category: str | None = None,
        city: str | None = None,
        region: str | None = None,
        country: str | None = None,
        order: Literal["name", "newest"] = "name",
        page: int = 1,
        page_size: int = 10,
    ) -> EntityList:
        """AD-03, for admins: filters combine with AND, several values of one with OR; `tagged_since` is RFC 3339.
        `ids` narrows to what the ledger found (at most 200 000)."""
        filters: dict[str, Any] = {
            "ids": None if ids is None else list(ids),
            "name": name,
            "email": email,
            "status": list(status),
            "offers": list(offers),
            "wants": list(wants),
            "tagged_since": tagged_since,
            "category": category,
            "city": city,
            "region": region,
            "country": country,
            "order": order,
            "page": page,
            "page_size": page_size,
        }
        found: EntityList = await self._call(
            caller, "POST", "/entities/query", body={key: value for key, value in filters.items() if value is not None}
        )
        return found

    async def counts(self, caller: Caller) -> dict[str, int]:
        """How many entities have each status (AD-02), for admins."""
        found: dict[str, int] = await self._call(caller, "GET", "/entities/counts")
        return found

    # favourites, dismissed matches, messages

    async def set_favorite(self, caller: Caller, entity_id: str, other_id: str, *, is_favorite: bool) -> None:
        """Raises Refusal 404 for an entity that is not listed, 409 `too_many_favorites` beyond 1 000."""
        await self._call(
            caller, "PUT" if is_favorite else "DELETE", f"/entities/{_id(entity_id)}/favorites/{_id(other_id)}"
        )

    async def favorites(self, caller: Caller, entity_id: str, *, page: int = 1, page_size: int = 10) -> Favorites:
        """The favourites that are listed, newest first."""
        query = {"page": page, "page_size": page_size}
        found: Favorites = await self._call(caller, "GET", f"/entities/{_id(entity_id)}/favorites", query=query)
        return found

    async def favorite_ids(self, caller: Caller, entity_id: str) -> list[str]:
        """Ids of all favourites (at most 1 000), for a search among them."""
        ids: list[str] = (await self._call(caller, "GET", f"/entities/{_id(entity_id)}/favorites/ids"))["items"]
        return ids

    async def dismiss(self, caller: Caller, entity_id: str, other_id: str, *, reason: str = "") -> None:
        """This match is not to be shown again."""
        body = {"other_entity_id": other_id, "reason": reason}
        await self._call(caller, "POST", f"/entities/{_id(entity_id)}/dismissals", body=body)

    async def dismissed(self, caller: Caller, entity_id: str) -> list[str]:
        """Ids of the entities whose matches were dismissed."""
        ids: list[str] = (await self._call(caller, "GET", f"/entities/{_id(entity_id)}/dismissals"))["items"]
        return ids

    async def contact(self, caller: Caller, *, from_entity_id: str, to_entity_id: str, body: str) -> ContactMessage:
        """DI-10. Raises Refusal 400 `not_listed`, 403, 404, and 429 `too_many_messages` with retry_after_s."""
        message = {"from_entity_id": from_entity_id, "to_entity_id": to_entity_id, "body": body}
        sent: ContactMessage = await self._call(caller, "POST", "/contact-messages", body=message)
        return sent

    # categories and tags

    async def categories(
        self,
        caller: Caller,
        *,
        prefix: str | None = None,
        fragment: str | None = None,
        letter: str | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> CategoryList:
        """By name; `letter` is one of `category_letters`."""
        query = {"prefix": prefix, "fragment": fragment, "letter": letter, "page": page, "page_size": page_size}
        found: CategoryList = await self._call(caller, "GET", "/categories", query=query)
        return found

    async def category_letters(self, caller: Caller) -> list[Letter]:
        """The A to Z list with counts (DI-06)."""
        items: list[Letter] = (await self._call(caller, "GET", "/categories/letters"))["items"]
        return items

    async def create_category(self, caller: Caller, name: str) -> Category:
        """Raises Refusal 409 `category_exists`."""
        category: Category = await self._call(caller, "POST", "/categories", body={"name": name})
        return category

    async def rename_category(self, caller: Caller, category_id: str, name: str) -> CategoryChanged:
        """Renames it everywhere; merges where the name exists."""
        changed: CategoryChanged = await self._call(
            caller, "PATCH", f"/categories/{_id(category_id)}", body={"name": name}
        )
        return changed

    async def delete_category(self, caller: Caller, category_id: str) -> CategoryChanged:
        changed: CategoryChanged = await self._call(caller, "DELETE", f"/categories/{_id(category_id)}")
        return changed

    async def tags(
        self,
        caller: Caller,
        *,
        prefix: str | None = None,
        fragment: str | None = None,
        kind: TagKind | None = None,
        order: Literal["name", "uses"] = "name",
        page: int = 1,
        page_size: int = 10,
    ) -> TagList:
        """Tags that a listed entity has or an admin made; `kind` keeps those that are offered, or wanted. For
        autocomplete: `prefix` and `order="uses"`."""
        query = {
            "prefix": prefix,
            "fragment": fragment,
            "kind": kind,
            "order": order,
            "page": page,
            "page_size": page_size,
        }
        found: TagList = await self._call(caller, "GET", "/tags", query=query)
        return found

    async def create_tag(self, caller: Caller, name: str) -> Tag:
        """Raises Refusal 409 `tag_exists`."""
        tag: Tag = await self._call(caller, "POST", "/tags", body={"name": name})
        return tag

    async def rename_tag(self, caller: Caller, tag_id: str, name: str) -> TagChanged:
        """Renames it everywhere; merges where the name exists."""
        changed: TagChanged = await self._call(caller, "PATCH", f"/tags/{_id(tag_id)}", body={"name": name})
        return changed

    async def delete_tag(self, caller: Caller, tag_id: str) -> TagChanged:
        changed: TagChanged = await self._call(caller, "DELETE", f"/tags/{_id(tag_id)}")
        return changed

    async def jobs(self, caller: Caller) -> list[Job]:
        """Renames and deletes, newest first (at most 50), for admins."""
        items: list[Job] = (await self._call(caller, "GET", "/jobs"))["items"]
        return items

    async def job(self, caller: Caller, job_id: str) -> Job:
        job: Job = await self._call(caller, "GET", f"/jobs/{_id(job_id)}")
        return job

    # activity log

    async def activity(
        self,
        caller: Caller,
        *,
        email: str | None = None,
        category: str | None = None,
        action: str | None = None,
        detail: str | None = None,
        entity_id: str | None = None,
        date_from: str | None = None,
        date_to: str | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> ActivityList:
        """Newest first. `email`, `action` and `detail` find parts of the text; dates are RFC 3339, `date_to` is the first
        moment that is no longer wanted."""
        query = {
            "email": email,
            "category": category,
            "action": action,
            "detail": detail,
            "entity_id": entity_id,
            "date_from": date_from,
            "date_to": date_to,
            "page": page,
            "page_size": page_size,
        }
        found: ActivityList = await self._call(caller, "GET", "/activity", query=query)
        return found

    # pictures

    async def add_picture(self, caller: Caller, entity_id: str, raw: bytes) -> Picture:
        """EN-07. Raises Refusal 400 `not_a_picture` or `picture_too_large`, 409 `too_many_pictures`, 413."""
        answer = await self._peers.call(
            "directory",
            "POST",
            f"/entities/{_id(entity_id)}/pictures",
            caller=caller,
            raw=raw,
            content_type="application/octet-stream",
            timeout_s=30.0,
        )
        self._changed(entity_id)
        picture: Picture = answer.json()
        return picture

    async def remove_picture(self, caller: Caller, entity_id: str, name: str) -> None:
        await self._call(caller, "DELETE", f"/entities/{_id(entity_id)}/pictures/{quote(name, safe='')}")

    async def picture(self, caller: Caller, name: str) -> tuple[bytes, str]:
        """The picture or thumbnail and its content type; the name never means other bytes, so it may be cached for ever.
        Raises Refusal 404."""
        answer = await self._peers.call("directory", "GET", f"/pictures/{quote(name, safe='')}", caller=caller)
        return answer.body, answer.headers.get("content-type", "application/octet-stream")
