"""Writes to Elasticsearch: what comes at the same time goes together, and a write that lost a race is made again."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch, NotFoundError

from services.matcher.domain.documents import Document, apply
from services.matcher.index.elastic_shapes import body_of, document_of
from services.matcher.index.port import Change, IndexAway

BATCH_MAX = 200
TRIES_MAX = 20
CONFLICT, MISSING = 409, 404

Held = tuple[Document, dict[str, int]]
"""A document, and what a write in its place must say."""
_Waiting = tuple[Change, asyncio.Future[Document]]


class Writer:
    """One loop that writes batches into every index that hears changes."""

    def __init__(self, client: AsyncElasticsearch, writing: str) -> None:
        self._client = client
        self._writing = writing
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._next_refresh: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to write."""
        self._task = self._task or asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Writes what waits, then ends."""
        task, self._task = self._task, None
        if task is not None:
            self._wake.set()
            await task

    async def write(self, change: Change) -> Document:
        """The document as it then stands in the index in use. Raises IndexAway."""
        done: asyncio.Future[Document] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        self._wake.set()
        return await done

    async def refreshed(self) -> None:
        """Returns after a refresh that began after the call; those who wait together share one."""
        if self._next_refresh is None or self._next_refresh.done():
            self._next_refresh = asyncio.create_task(self._refresh_after(self._refresh))
        await asyncio.shield(self._next_refresh)

    async def _refresh_after(self, under_way: asyncio.Task[None] | None) -> None:
        if under_way is not None and not under_way.done():
            await asyncio.gather(under_way, return_exceptions=True)
        self._refresh, self._next_refresh = self._next_refresh, None
        try:
            await self._client.indices.refresh(index=self._writing)
        except (ApiError, TransportError) as fault:
            raise IndexAway(str(fault)) from fault

    async def _run(self) -> None:
        while self._task is not None or self._waiting:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            try:
                await self._write_batch(batch)
            except Exception as fault:  # noqa: BLE001  told to everyone who waits
                for _, done in batch:
                    if not done.done():
                        done.set_exception(_named(fault))

    async def _write_batch(self, batch: Sequence[_Waiting]) -> None:
        changes = [change for change, _ in batch]
        for tries in range(TRIES_MAX):
            indices = await self._indices()
            try:
                results = [await self.write_all(index, changes) for index in indices]
            except IndexGone:
                await asyncio.sleep(0.02 * tries)
                continue
            for change, done in batch:
                if not done.done():
                    done.set_result(results[0][change.entity_id])
            return
        raise IndexAway("the index is being replaced again and again")

    async def _indices(self) -> list[str]:
        """Asked for every batch: an index that a rebuild made a moment ago must not miss anything."""
        return sorted(await self._client.indices.get_alias(name=self._writing))

    async def write_all(
        self, index: str, changes: Sequence[Change], *, mostly_new: bool = False
    ) -> dict[str, Document]:
        """Applies all, each entity's in one write; the documents as they then stand. Where they are mostly new nothing is
        read before the first try."""
        facts: dict[str, list[Any]] = {}
        for change in changes:
            facts.setdefault(change.entity_id, []).extend(change.facts)
        done: dict[str, Document] = {}
        for tries in range(TRIES_MAX):
            left = [entity_id for entity_id in facts if entity_id not in done]
            if not left:
                return done
            if tries:
                await asyncio.sleep(0.01 * tries)
            held = {} if mostly_new and not tries else await self._held(index, left)
            done |= await self._write_once(index, left, facts, held)
        raise IndexAway("others keep changing the same entities")

    async def _write_once(
        self, index: str, ids: Sequence[str], facts: dict[str, list[Any]], held: Mapping[str, Held]
    ) -> dict[str, Document]:
        """Those that could be written, or needed no writing."""
        done: dict[str, Document] = {}
        operations: list[Any] = []
        new: list[Document] = []
        for entity_id in ids:
            old, place = held.get(entity_id, (None, None))
            document = apply(old or Document(entity_id), facts[entity_id])
            if document is old:
                done[entity_id] = document
                continue
            action = {"index": {"_id": entity_id, **place}} if place else {"create": {"_id": entity_id}}
            operations += [orjson.dumps(action), orjson.dumps(body_of(document))]  # the client's own way is slower
            new.append(document)
        if operations:
            answer = await self._client.bulk(index=f"{index}-door", operations=operations, require_alias=True)
            for document, item in zip(new, answer["items"], strict=True):
                if _is_written(next(iter(item.values()))):
                    done[document.entity_id] = document
        return done

    async def _held(self, index: str, ids: Sequence[str]) -> dict[str, Held]:
        try:
            answer = await self._client.mget(index=index, ids=list(ids))
        except NotFoundError as fault:
            raise IndexGone(index) from fault
        held: dict[str, Held] = {}
        for each in answer["docs"]:
            if "error" in each:
                raise IndexGone(index)
            if each["found"]:
                place = {"if_seq_no": each["_seq_no"], "if_primary_term": each["_primary_term"]}
                held[each["_id"]] = (document_of(each["_source"]), place)
        return held


class IndexGone(Exception):  # noqa: N818
    """The index was replaced meanwhile."""


def _is_written(result: dict[str, Any]) -> bool:
    """Whether an operation of a bulk took effect; a conflict is tried again, anything else is a fault."""
    if result["status"] < 300:
        return True
    if result["status"] == CONFLICT:
        return False
    if result["status"] == MISSING:
        raise IndexGone(result.get("_index", ""))
    if result["status"] in {429, 503}:
        raise IndexAway(str(result.get("error")))
    raise RuntimeError(f"Elasticsearch refused a document: {result.get('error')}")


def _named(fault: Exception) -> Exception:
    if isinstance(fault, TransportError):
        return IndexAway(f"Elasticsearch does not answer: {fault}")
    if isinstance(fault, ApiError) and fault.status_code in {404, 429, 502, 503, 504}:
        return IndexAway(f"Elasticsearch is not ready: {fault.status_code}")
    return fault
