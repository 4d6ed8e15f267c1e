"""Where the matcher reads everything again: the exports of directory and ledger, page by page."""

import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from libs.common.contracts.directory import EntityChangedV1, TagsChangedV1
from libs.common.errors import Refusal
from libs.common.peers import Caller, Peers, Query
from services.matcher.domain.documents import Band, Dismissed, Fact, Gone, Profile, Tag, Tags
from services.matcher.index.port import Change

PAGE = 500
PAGE_TIMEOUT_S = 30.0


class Source(Protocol):
    """The truth that an index is built from."""

    def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
        """Every entity, tombstones too, in id order, in pages."""

    def bands(self) -> AsyncIterator[list[Change]]:
        """Every account's band, in pages."""

    async def admin_tags(self) -> list[str]:
        """The tags that admins made."""


class PeerSource:
    """Asks the owners through their APIs. Raises Refusal when one is away."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
        """Pages of `GET /export/entities`."""
        async for items in self._pages("directory", "/export/entities", after):
            yield [change_of(item) for item in items]

    async def bands(self) -> AsyncIterator[list[Change]]:
        """Pages of `GET /export/bands`."""
        async for items in self._pages("ledger", "/export/bands", ""):
            yield [Change(item["entity_id"], (Band(item["sequence"], item["band"]),)) for item in items]

    async def admin_tags(self) -> list[str]:
        """All pages of `GET /tags` that say who made the tag."""
        made: list[str] = []
        page = 1
        while True:
            query: Query = {"page": page, "page_size": 100, "made_by_admin": True}
            answer = await self._peers.call("directory", "GET", "/tags", caller=Caller(), query=query)
            items = answer.json()["items"]
            made += [item["name"] for item in items if item.get("made_by_admin")]
            if len(items) < 100:
                return made
            page += 1

    async def _pages(self, service: str, path: str, after: str) -> AsyncIterator[list[dict[str, Any]]]:
        while True:
            query: Query = {"limit": PAGE, "after": after} if after else {"limit": PAGE}
            answer = await self._peers.call(
                service, "GET", path, caller=Caller(), query=query, timeout_s=PAGE_TIMEOUT_S
            )
            shape = answer.json()
            if shape["items"]:
                yield shape["items"]
            if shape.get("next") is None:
                return
            after = shape["next"]


def change_of(item: Mapping[str, Any]) -> Change:
    """One entity of the directory's export, which tells it as its two events do; read plainly, for there are many."""
    entity_id = item["entity_id"]
    if item.get("deleted"):
        return Change(entity_id, (Gone(),))
    entity, tags = item["entity"], item["tags"]
    since = entity.get("listed_since")
    profile = Profile(
        sequence=item["entity_sequence"],
        name=entity["name"],
        listed=entity["listed"],
        may_trade=entity["may_trade"],
        categories=tuple(entity.get("categories") or ()),
        latitude=entity.get("latitude"),
        longitude=entity.get("longitude"),
        newest=0 if since is None else milliseconds(datetime.fromisoformat(since)),
    )
    facts: list[Fact] = [profile, Tags(item["tags_sequence"], _tags(tags["offers"]), _tags(tags["wants"]))]
    if item.get("dismissed"):
        facts.append(Dismissed(frozenset(item["dismissed"])))
    return Change(entity_id, tuple(facts))


def _tags(items: Iterable[Mapping[str, str]]) -> tuple[Tag, ...]:
    """One string per distinct tag in the process: thousands have the same."""
    return tuple(Tag(sys.intern(item["tag"]), milliseconds(datetime.fromisoformat(item["added_at"]))) for item in items)


def profile_of(event: EntityChangedV1, sequence: int) -> Profile:
    """The event as a fact."""
    return Profile(
        sequence=sequence,
        name=event.name,
        listed=event.listed,
        may_trade=event.may_trade,
        categories=tuple(event.categories),
        latitude=event.latitude,
        longitude=event.longitude,
        newest=0 if event.listed_since is None else milliseconds(event.listed_since),
    )


def tags_of(event: TagsChangedV1, sequence: int) -> Tags:
    """The event as a fact."""
    offers, wants = (
        tuple(Tag(sys.intern(tag.tag), milliseconds(tag.added_at)) for tag in tags)
        for tags in (event.offers, event.wants)
    )
    return Tags(sequence, offers, wants)


def milliseconds(moment: datetime) -> int:
    """Unix milliseconds."""
    return round(moment.timestamp() * 1000)


def is_away(refusal: Refusal) -> bool:
    """Whether the owner will answer another time."""
    return refusal.status in {429, 502, 503, 504}
