"""The matcher put together: who may ask, what it answers while it is filled and after, and bad input."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from libs.common.auth import Principal, ServiceTokens
from libs.common.bus.port import Handler
from libs.common.clock import utc_now
from libs.common.contracts.directory import EntityChangedV1, TagsChangedV1
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from libs.common.peers import Caller
from libs.common.peers_local import LocalPeers
from libs.common.service import StartRefused, Wiring
from libs.common.testing import eventually
from services.matcher.app import MatcherService, build
from services.matcher.index.port import IndexAway
from services.matcher.settings import Settings
from services.matcher.tests.builders import an_id

SECRET = "a-secret-of-the-tests-that-is-long-enough"
NOW = "2026-05-01T12:00:00.000Z"


@dataclass
class Directory:
    """A directory and a ledger that export what they are given."""

    name: str = "directory"
    items: list[dict[str, Any]] = field(default_factory=list)
    is_away: bool = False
    api: FastAPI = field(default_factory=FastAPI)

    def __post_init__(self) -> None:
        @self.api.get("/export/entities")
        async def export(after: str = "", limit: int = 500) -> dict[str, Any]:
            page = [item for item in self.items if item["entity_id"] > after][:2]
            return {"items": page, "next": page[-1]["entity_id"] if len(page) == 2 else None}

        @self.api.get("/export/bands")
        async def bands(after: str = "") -> dict[str, Any]:
            return {"items": [{"entity_id": an_id(1), "band": -2, "sequence": 1}], "next": None}

        @self.api.get("/tags")
        async def tags(page: int = 1) -> dict[str, Any]:
            return {"items": [{"name": "grobble", "made_by_admin": True}], "total": 1}

    async def start(self, role: object) -> None: ...

    async def stop(self) -> None: ...


class Anybody:
    """Takes the word `person` for a person, everything else for a service."""

    async def verify(self, token: str) -> Principal:
        return Principal("user", "u") if token == "person" else Principal("service", "gateway", role="service")

    def forget_session(self, session_id: str, until: datetime) -> None: ...


@dataclass
class QuietBus:
    handlers: dict[str, Handler] = field(default_factory=dict)
    heard: dict[str, Handler] = field(default_factory=dict)

    async def subscribe(self, service: str, handlers: dict[str, Handler]) -> None:
        self.handlers = handlers

    async def listen(self, handlers: dict[str, Handler], *, on_connected: Callable[[], Awaitable[None]]) -> None:
        self.heard = handlers
        await on_connected()

    async def publish(self, envelopes: list[Envelope]) -> set[str]:
        return {envelope.id for envelope in envelopes}


def exported(
    number: int, *, offers: list[str] | None = None, wants: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    entity = {
        "entity_id": an_id(number),
        "name": f"Entity {number}",
        "email": "a@example.org",
        "status": "tradingAccepted",
    }
    lists = {
        side: [{"tag": tag, "added_at": NOW} for tag in tags or ()]
        for side, tags in (("offers", offers), ("wants", wants))
    }
    return {
        "entity_id": an_id(number),
        "deleted": False,
        "entity": entity | {"listed": True, "may_trade": True} | more,
        "entity_sequence": 1,
        "tags": {"entity_id": an_id(number), "listed": True, **lists},
        "tags_sequence": 1,
        "dismissed": [],
    }


@dataclass
class Put:
    """A matcher with everything around it."""

    service: MatcherService
    directory: Directory
    bus: QuietBus
    peers: LocalPeers
    services: dict[str, Any]

    async def call(self, method: str, path: str, **more: Any) -> Any:
        return (await self.peers.call("matcher", method, path, caller=Caller(), **more)).json()

    async def is_ready(self) -> bool:
        try:
            return bool((await self.call("GET", "/health/ready"))["status"] == "ready")
        except Refusal:
            return False

    async def deliver(self, event: EntityChangedV1 | TagsChangedV1, sequence: int) -> None:
        envelope = event.envelope(subject=event.entity_id, sequence=sequence, time=datetime.now(UTC))
        await self.bus.heard[event.TYPE](envelope)
        await self.bus.handlers[event.TYPE](envelope)


def put_together(data: Path, **settings: Any) -> Put:
    services: dict[str, Any] = {}
    peers = LocalPeers(services, ServiceTokens(SECRET, "gateway"))
    bus = QuietBus()
    made = Settings(data=data, **settings)
    service = build(made, Wiring(bus=bus, peers=peers, verifier=Anybody(), clock=utc_now))  # type: ignore[arg-type]
    directory = Directory(items=[exported(1, offers=["bread"]), exported(2, wants=["bread"]), exported(3)])
    services |= {"matcher": service, "directory": directory, "ledger": directory}
    return Put(service, directory, bus, peers, services)


@pytest_asyncio.fixture
async def matcher(word_folder: Path) -> AsyncIterator[Put]:
    put = put_together(word_folder)
    await put.service.start("both")
    await eventually(put.is_ready, within_s=20)
    yield put
    await put.service.stop()


async def test_after_a_start_it_finds_what_the_directory_exported(matcher: Put):
    answer = await matcher.call("POST", "/search", body={"offers": ["Bread"]})
    assert answer == {
        "ids": [an_id(1)],
        "total": 1,
        "how": {
            an_id(1): [
                {"code": "tag", "params": {"side": "offers", "asked": "Bread", "found": "bread", "kind": "exact"}},
                {"code": "trading", "params": {}},
            ]
        },
    }
    matches = await matcher.call("GET", "/matches", query={"entity_id": an_id(1)})
    assert [item["entity_id"] for item in matches["items"]] == [an_id(2)]
    assert matches["items"][0]["tags"] == [
        {"side": "offers", "mine": "bread", "theirs": "bread", "kind": "exact", "appeared_at": NOW}
    ]
    assert await matcher.call("GET", "/counts", query={"kind": "wants", "tag": "bread"}) == {
        "kind": "wants", "tag": "bread", "count": 1,
    }  # fmt: skip
    assert await matcher.call("GET", "/suggest", query={"text": "br"}) == {"items": [{"tag": "bread", "count": 2}]}


async def test_an_event_changes_what_is_found_and_check_and_rebuild_put_it_right(matcher: Put):
    await matcher.deliver(TagsChangedV1(entity_id=an_id(3), listed=True, offers=[], wants=[]), 2)
    event = EntityChangedV1.model_validate(exported(1)["entity"] | {"name": "Other"})
    await matcher.deliver(event, 2)
    found = await matcher.call("POST", "/search", body={"name": "other"})
    assert found["ids"] == [an_id(1)]
    checked = await matcher.call("GET", "/check")
    assert (checked["ok"], checked["directory"], checked["index"]) == (False, 3, 3)
    assert checked["differences"] == [{"entity_id": an_id(1), "kind": "different", "fields": ["name"]}]
    begun = await matcher.call("POST", "/rebuild")
    assert begun["state"] == "running"

    async def is_done() -> bool:
        return bool((await matcher.call("GET", "/rebuild"))["state"] == "done")

    await eventually(is_done, within_s=5)
    status = await matcher.call("GET", "/rebuild")
    assert (status["done"], status["checked_pages"], status["differing_pages"]) == (3, 2, 0)
    assert (await matcher.call("GET", "/check"))["ok"] is True


async def test_only_services_may_ask(matcher: Put):
    for method, path in (("POST", "/search"), ("GET", "/matches"), ("GET", "/check"), ("POST", "/rebuild")):
        with pytest.raises(Refusal) as refused:
            await matcher.peers.call(
                "matcher", method, path, caller=Caller(token="person"), body={} if path == "/search" else None
            )
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"page": 0}, "page"),
        ({"page_size": 101}, "page_size"),
        ({"order": "best"}, "order"),
        ({"name": "x" * 201}, "name"),
        ({"offers": ["a"] * 21}, "offers"),
        ({"latitude": 91}, "latitude"),
        ({"distance_km": 5}, "distance_km"),
        ({"tagged_since": "yesterday"}, "tagged_since"),
        ({"tagged_since": "2026-01-01T00:00:00"}, "tagged_since"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_malformed_search_is_refused_with_its_field(matcher: Put, body: dict[str, Any], field: str):
    with pytest.raises(Refusal) as refused:
        await matcher.call("POST", "/search", body=body)
    assert refused.value.status == 400
    assert [problem.field for problem in refused.value.problems] == [field]


async def test_while_the_directory_is_away_it_is_not_ready_and_says_so(word_folder: Path):
    put = put_together(word_folder)
    directory = put.services.pop("directory")
    await put.service.start("both")
    with pytest.raises(Refusal) as refused:
        await put.call("POST", "/search", body={})
    assert (refused.value.status, refused.value.retry_after_s) == (503, 2)
    assert not put.bus.handlers
    put.services["directory"] = directory
    await eventually(put.is_ready, within_s=20)
    assert (await put.call("POST", "/search", body={}))["total"] == 3
    assert put.bus.handlers
    await put.service.stop()
    await put.service.stop()


@pytest.mark.parametrize(
    ("role", "copies", "said"), [("api", 1, "--role both"), ("worker", 1, "--role both"), ("both", 2, "COPIES")]
)
async def test_the_index_in_memory_is_refused_where_it_cannot_be_right(
    word_folder: Path, role: Any, copies: int, said: str
):
    put = put_together(word_folder, matcher_copies=copies)
    with pytest.raises(StartRefused, match=said) as refused:
        await put.service.start(role)
    assert refused.value.status == 2
    await put.service.stop()


async def test_with_elasticsearch_a_second_process_finds_what_the_first_indexed(
    word_folder: Path, elasticsearch_url: str
):
    name = f"test-{datetime.now(UTC):%H%M%S%f}"
    first = put_together(word_folder, matcher_url=elasticsearch_url, matcher_index=name)
    second = put_together(word_folder, matcher_url=elasticsearch_url, matcher_index=name)
    await first.service.start("both")
    await eventually(first.is_ready, within_s=20)
    await second.service.start("api")
    await eventually(second.is_ready, within_s=20)
    assert (await second.call("POST", "/search", body={"offers": ["bread"]}))["ids"] == [an_id(1)]
    await first.service.stop()
    index: Any = second.service.index
    for made in await index._client.indices.get_alias(name=index.writing):
        await index._client.indices.delete(index=made)
    with pytest.raises(Refusal) as refused:
        await second.call("POST", "/search", body={"offers": ["bread"]})
    assert refused.value.status == 503
    await second.service.stop()


async def test_an_index_that_goes_away_right_after_it_answered_is_asked_again(word_folder: Path, monkeypatch):
    put = put_together(word_folder)
    index, asked = put.service.index, []

    async def size() -> int:
        asked.append(1)
        if len(asked) == 1:
            raise IndexAway("away")
        return await type(index).size(index)

    monkeypatch.setattr(index, "size", size)
    await put.service.start("both")
    await eventually(put.is_ready, within_s=20)
    assert len(asked) > 1
    assert (await put.call("POST", "/search", body={"offers": ["bread"]}))["ids"] == [an_id(1)]
    await put.service.stop()
