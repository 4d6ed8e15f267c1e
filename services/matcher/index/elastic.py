"""The index in Elasticsearch: one document per entity, in a versioned index behind an alias.

A document is fed by several streams, each with its own sequence, so one external version cannot speak for it: the sequences
lie in the document, and a write holds only for the state it was made from (`if_seq_no`); the loser reads and tries again.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from elasticsearch import ApiError, AsyncElasticsearch, NotFoundError
from elasticsearch.serializer import OrjsonSerializer

from libs.common.gathered import Gathered
from libs.common.ids import new_id
from services.matcher.domain.documents import Document, Side
from services.matcher.index.elastic_away import away
from services.matcher.index.elastic_best import Bests
from services.matcher.index.elastic_pages import Pages
from services.matcher.index.elastic_shapes import (
    MAPPINGS,
    REFRESH_INTERVAL,
    document_of,
    settings_of,
)
from services.matcher.index.elastic_writer import Writer
from services.matcher.index.port import Change, Documents, Found, Query
from services.matcher.index.remembered import Remembered
from services.matcher.lexicon import NodeLexicon
from services.matcher.vocabulary import NameVocabulary, TagVocabulary

PAGE = 1_000
GATHERED_MAX = 25
TERMS_PAGE = 5_000
FORM = "v1"
"""Rises with every change of the mappings: an index of another form is not used, and a new one is filled."""


def connect(url: str, *, timeout_s: float) -> AsyncElasticsearch:
    """A client that reads and writes JSON quickly and tries nothing twice by itself."""
    return AsyncElasticsearch(url, request_timeout=timeout_s, max_retries=0, serializer=OrjsonSerializer())


class ElasticIndex:
    """Talks to Elasticsearch; several processes may use one index."""

    def __init__(
        self, client: AsyncElasticsearch, name: str, lexicon: NodeLexicon, *, shards: int, replicas: int
    ) -> None:
        self._client = client
        self._lexicon = lexicon
        self._shards, self._replicas = shards, replicas
        self.name = f"{name}-{FORM}"
        self.writing = f"{self.name}-writing"
        """The alias of every index that hears changes: the one in use and one that is being built."""
        self._writer = Writer(client, self.writing)
        self._remembered = Remembered()
        self._pages = Pages(client, self.name)
        self._gathered = Gathered(Bests(client, self.name).of, size_max=GATHERED_MAX, at_once=2)
        self.tags = TagVocabulary(lexicon)
        self.names = NameVocabulary(lexicon)

    async def is_there(self) -> bool:
        """By its alias."""
        with away():
            return bool(await self._client.indices.exists_alias(name=self.name))

    async def start(self) -> None:
        """Makes an empty index where there is none."""
        with away():
            if not await self.is_there():
                index = await self.make_index()
                with contextlib.suppress(ApiError):  # another process may be quicker; then its index is used
                    if not await self.is_there():
                        await self._client.indices.update_aliases(
                            actions=[{"add": {"index": index, "alias": self.name}}]
                        )
        self._writer.start()

    async def close(self) -> None:
        """Finishes what is being written."""
        await self._writer.stop()
        await self._client.close()

    async def healthy(self) -> bool:
        """Whether a search would be answered."""
        with away():
            await self._client.search(index=self.name, size=0, terminate_after=1)
        return True

    async def size(self) -> int:
        """All documents."""
        await self.refresh()
        with away():
            answer = await self._client.count(index=self.name)
        return int(answer["count"])

    async def refresh(self) -> None:
        """Makes everything written findable."""
        with away():
            await self._client.indices.refresh(index=self.name)

    async def findable(self) -> None:
        """Waits for a refresh that begins after now; several wait for one."""
        await self._writer.refreshed()

    async def update(self, change: Change) -> Document:
        """Together with others that come at the same time."""
        document = await self._writer.write(change)
        self._remembered.heard(change)
        return document

    async def get(self, entity_id: str) -> Document | None:
        """As it stands, whether findable yet or not; remembered, so that a dashboard needs one request."""
        known = self._remembered.get(entity_id)
        if known is not None:
            return known
        with self._remembered.loading(entity_id) as loading:
            loading.document = await self._read(entity_id)
        return loading.document

    async def _read(self, entity_id: str) -> Document | None:
        with away():
            try:
                answer = await self._client.get(index=self.name, id=entity_id)
            except NotFoundError as fault:
                if "found" not in fault.body:
                    raise
                return None
        return document_of(answer["_source"])

    async def search(self, query: Query) -> Found:
        """One page, in one request; far down in a few."""
        rows, total = await self._pages.page(query)
        return Found([document_of(row["_source"]) for row in rows], total)

    async def found_ids(self, query: Query) -> tuple[list[str], int]:
        """Likewise; near the top the engine leaves the documents where they are."""
        rows, total = await self._pages.page(query, documents=False)
        return [row["_id"] for row in rows], total

    async def best(self, query: Query) -> list[Document]:
        """Together with others."""
        return await self._gathered.one(query)

    async def count(self, query: Query) -> int:
        """Exactly."""
        return await self._pages.count(query)

    async def tag_counts(self, tags: Sequence[str], side: Side | None) -> dict[str, int]:
        """In one request, by one filter a tag."""
        if not tags:
            return {}
        sides = (side,) if side else ("offers", "wants")
        filters = {
            str(number): {"bool": {"should": [{"term": {each: tag}} for each in sides]}}
            for number, tag in enumerate(tags)
        }
        with away():
            answer = await self._client.search(
                index=self.name, size=0, track_total_hits=False, aggs={"tags": {"filters": {"filters": filters}}}
            )
        buckets = answer["aggregations"]["tags"]["buckets"]
        return {tag: int(buckets[str(number)]["doc_count"]) for number, tag in enumerate(tags)}

    def documents(self, after: str, limit: int) -> Documents:
        """Page by page."""
        return self.documents_of(self.name, after, limit)

    async def documents_of(self, index: str, after: str, limit: int) -> AsyncIterator[Document]:
        """Of this index, in id order."""
        with away():
            await self._client.indices.refresh(index=index)
        while limit > 0:
            with away():
                answer = await self._client.search(
                    index=index,
                    sort=[{"entity_id": "asc"}],
                    size=min(PAGE, limit),
                    search_after=[after],
                    track_total_hits=False,
                )
            hits = answer["hits"]["hits"]
            for hit in hits:
                yield document_of(hit["_source"])
            if len(hits) < PAGE:
                return
            after, limit = hits[-1]["sort"][0], limit - len(hits)

    async def refresh_vocabulary(self) -> None:
        """All tags and words of names of the listed; and where among them rows far down stand."""
        await self._pages.learn()
        for field, learn in (("offers", self.tags.add), ("wants", self.tags.add), ("name_words", self.names.add)):
            async for terms in self._terms(field):
                learn(terms)

    async def _terms(self, field: str) -> AsyncIterator[list[str]]:
        after: dict[str, Any] = {}
        while True:
            composite = {"size": TERMS_PAGE, "sources": [{"term": {"terms": {"field": field}}}], **after}
            with away():
                answer = await self._client.search(
                    index=self.name, size=0, track_total_hits=False, aggs={"terms": {"composite": composite}}
                )
            found = answer["aggregations"]["terms"]
            yield [bucket["key"]["term"] for bucket in found["buckets"]]
            if "after_key" not in found:
                return
            after = {"after": found["after_key"]}

    def heard(self, change: Change) -> None:
        """Entities that are remembered follow."""
        self._remembered.heard(change)

    def forget(self) -> None:
        """Reads them again when they are asked for."""
        self._remembered.clear()

    def admin_tag(self, tag: str, *, stands: bool) -> None:
        """Tells the lexicon, and forgets what was found without it."""
        self._lexicon.admin_tag(tag, stands=stands)
        self.tags.forget_answers()
        self.names.forget_answers()

    def admin_tags(self, tags: Iterable[str]) -> None:
        """Tells the lexicon, and forgets what was found without it."""
        self._lexicon.admin_tags(tags)
        self.tags.forget_answers()
        self.names.forget_answers()

    async def rebuilding(self) -> "ElasticTarget":
        """A new index beside the one in use; what another rebuild left is dropped, and one under way ends."""
        with away():
            used = set(await self._client.indices.get_alias(name=self.name))
            left = set(await self._client.indices.get_alias(name=self.writing)) - used
            for index in left:
                await self._client.indices.delete(index=index, ignore_unavailable=True)
            index = await self.make_index()
            await self._client.indices.put_settings(index=index, settings={"refresh_interval": "-1"})
            return ElasticTarget(self, index, sorted(used))

    async def make_index(self) -> str:
        """A new, empty index that hears every change from now on. It is written to by an alias of its own, so that a write
        that comes too late finds nothing, rather than making an index."""
        index = f"{self.name}-{new_id()}"
        await self._client.indices.create(
            index=index,
            mappings=MAPPINGS,
            settings=settings_of(self._shards, self._replicas),
            aliases={self.writing: {}, f"{index}-door": {}},
        )
        return index

    async def indices(self) -> list[str]:
        """Every index that hears changes."""
        with away():
            return sorted(await self._client.indices.get_alias(name=self.writing))

    async def switch(self, old: Sequence[str], new: str) -> None:
        """The alias from the old indices to the new, in one step."""
        actions: list[dict[str, Any]] = [{"remove_index": {"index": index}} for index in old]
        with away():
            await self._client.indices.put_settings(index=new, settings={"refresh_interval": REFRESH_INTERVAL})
            await self._client.indices.refresh(index=new)
            await self._client.indices.update_aliases(actions=[{"add": {"index": new, "alias": self.name}}, *actions])
        await self.refresh_vocabulary()

    async def drop(self, index: str) -> None:
        """An index that was not finished."""
        with away():
            await self._client.indices.delete(index=index, ignore_unavailable=True)

    async def write_into(self, index: str, changes: Sequence[Change]) -> None:
        """Into this index alone."""
        await self._writer.write_all(index, changes, mostly_new=True)


class ElasticTarget:
    """A new index on its way into use."""

    def __init__(self, used: ElasticIndex, index: str, old: Sequence[str]) -> None:
        self._used, self._index, self._old = used, index, old

    async def update(self, changes: Sequence[Change]) -> None:
        """In bulk."""
        await self._used.write_into(self._index, changes)

    async def commit(self) -> None:
        """By the alias."""
        await self._used.switch(self._old, self._index)

    async def abandon(self) -> None:
        """The old index stays."""
        await self._used.drop(self._index)

    def documents(self, after: str, limit: int) -> Documents:
        """What was built."""
        return self._used.documents_of(self._index, after, limit)
