"""The matcher as the gateway calls it: search, matches, counts, suggestions, and the rebuild of its index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, cast

from libs.common.clock import rfc3339
from libs.common.peers import Caller, Peers

Order = Literal["relevance", "name", "newest", "distance"]
TagSide = Literal["offers", "wants"]
MatchKind = Literal["exact", "part", "fuzzy"]


class Reason(TypedDict):
    """Why something was found: a stable code and what its sentence needs; the sentence is made in the reader's language.

    In `SearchResult.how`: `tag` {side: offers|wants, asked, found, kind}, `name` {kind}, `trading` {}.
    In `Match.reasons`: `offers_wanted` {count} (how many of my offers they want), `wants_offered` {count} (how many of my
    wants they offer), `best_kind` {kind}, `mutual` {}, `distance` {km}, `new` {days}, `trading` {}, `balance` {}.
    """

    code: str
    params: dict[str, str | int | float]


class SearchResult(TypedDict):
    """One page: the ids in their order, the exact number of all, and per id why it was found, where that was wanted."""

    ids: list[str]
    total: int
    how: dict[str, list[Reason]]


class MatchedTags(TypedDict):
    """A tag of mine and the tag of theirs that it met; `side` says which list mine is in."""

    side: TagSide
    mine: str
    theirs: str
    kind: MatchKind
    appeared_at: str


class Match(TypedDict):
    """A counterpart, best first. `score` is 0..1; `appeared_at` is the newest of its `tags`."""

    entity_id: str
    score: float
    mutual: bool
    trading: bool
    appeared_at: str
    tags: list[MatchedTags]
    reasons: list[Reason]
    distance_km: NotRequired[float]


class Matches(TypedDict):
    """The best `limit` counterparts and how many there are."""

    items: list[Match]
    total: int


class Count(TypedDict):
    """How many members a tag would match: on `offers`, those who want it; on `wants`, those who offer it."""

    kind: TagSide
    tag: str
    count: int


class Suggestion(TypedDict):
    """A tag in use and how many listed entities have it."""

    tag: str
    count: int


class RebuildStatus(TypedDict):
    """How the rebuild stands. `state`: `idle` (never asked), `running`, `done` or `failed` (`problem` says why)."""

    state: Literal["idle", "running", "done", "failed"]
    done: int
    total: int
    started_at: NotRequired[str]
    finished_at: NotRequired[str]
    problem: NotRequired[str]
    checked_pages: NotRequired[int]
    differing_pages: NotRequired[int]


class Difference(TypedDict):
    """One entity on which index and directory disagree: `missing`, `surplus` or `different` (with the fields)."""

    entity_id: str
    kind: Literal["missing", "surplus", "different"]
    fields: list[str]


class CheckResult(TypedDict):
    """Index against directory: numbers on both sides and the first hundred differences by name."""

    ok: bool
    directory: int
    index: int
    difference_count: int
    differences: list[Difference]
    faults: list[str]
    """The differences as sentences for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched. Several offers (or wants) are OR-ed, earlier ones weigh more; offers and wants are AND-ed.

    Texts are taken as they were typed. `ids` narrows to these entities (favourites). `order` distance needs a place.
    """

    offers: Sequence[str] = ()
    wants: Sequence[str] = ()
    name: str | None = None
    category: str | None = None
    tagged_since: datetime | None = None
    ids: Sequence[str] | None = None
    latitude: float | None = None
    longitude: float | None = None
    distance_km: float | None = None
    order: Order = "relevance"
    page: int = 1
    page_size: int = 10
    reasons: bool = True
    """Whether `how` is wanted; without it the answer costs less."""

    def to_json(self) -> dict[str, object]:
        """The body of `POST /search`; what was not asked is left out."""
        asked: dict[str, object] = {
            "name": self.name,
            "category": self.category,
            "tagged_since": rfc3339(self.tagged_since) if self.tagged_since else None,
            "ids": None if self.ids is None else list(self.ids),
            "latitude": self.latitude,
            "longitude": self.longitude,
            "distance_km": self.distance_km,
            "reasons": None if self.reasons else False,
        }
        shape = {name: value for name, value in asked.items() if value is not None}
        lists = {"offers": list(self.offers), "wants": list(self.wants)}
        return shape | lists | {"order": self.order, "page": self.page, "page_size": self.page_size}


class MatcherClient:
    """Calls of the matcher, which the gateway makes for itself (a Caller without token): what is whose, it asked the
    directory. Every method raises Refusal as the matcher told it, or 503 `service_away`."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def search(self, caller: Caller, search: Search) -> SearchResult:
        """Ids and exact total of one page (DI-01 to DI-05). Refusal 400 `search_malformed` names the field."""
        answer = await self._peers.call("matcher", "POST", "/search", caller=caller, body=search.to_json())
        return cast(SearchResult, answer.json())

    async def matches(
        self, caller: Caller, entity_id: str, *, since: datetime | None = None, limit: int = 20
    ) -> Matches:
        """The best counterparts of an entity (MA-01); with `since` only what appeared after it (MA-03). limit 1 to 100."""
        query: dict[str, str | int | bool | list[str]] = {"entity_id": entity_id, "limit": limit}
        if since is not None:
            query["since"] = rfc3339(since)
        answer = await self._peers.call("matcher", "GET", "/matches", caller=caller, query=query)
        return cast(Matches, answer.json())

    async def counts(self, caller: Caller, *, kind: TagSide, tag: str) -> Count:
        """How many listed members a tag of mine would match, while it is being typed."""
        answer = await self._peers.call("matcher", "GET", "/counts", caller=caller, query={"kind": kind, "tag": tag})
        return cast(Count, answer.json())

    async def suggest(
        self, caller: Caller, text: str, *, kind: TagSide | None = None, limit: int = 10
    ) -> list[Suggestion]:
        """Tags in use that begin with the text, then those that contain it, most used first (DI-07). limit 1 to 50."""
        query: dict[str, str | int | bool | list[str]] = {"text": text, "limit": limit}
        if kind is not None:
            query["kind"] = kind
        answer = await self._peers.call("matcher", "GET", "/suggest", caller=caller, query=query)
        return cast(list[Suggestion], answer.json()["items"])

    async def rebuild(self, caller: Caller, *, by: str) -> RebuildStatus:
        """Begins a rebuild from the directory while the index is in use (MA-06), for the activity log in the name of the admin
        `by`; one at a time, a second call joins it. Refusal 503 `bus_away`."""
        answer = await self._peers.call("matcher", "POST", "/rebuild", caller=caller, query={"by": by})
        return cast(RebuildStatus, answer.json())

    async def rebuild_status(self, caller: Caller) -> RebuildStatus:
        """How the rebuild under way, or the last one, stands."""
        answer = await self._peers.call("matcher", "GET", "/rebuild", caller=caller)
        return cast(RebuildStatus, answer.json())

    async def check(self, caller: Caller) -> CheckResult:
        """Compares the index with the directory, entity by entity; may take minutes in a large community."""
        answer = await self._peers.call("matcher", "GET", "/check", caller=caller, timeout_s=600.0)
        return cast(CheckResult, answer.json())
