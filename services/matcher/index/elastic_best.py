"""The best of many lists in one request, for those who tell matches: the engine says who, and in which state; documents that
are known in that state are not sent again."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from elasticsearch import AsyncElasticsearch

from services.matcher.domain.documents import Document
from services.matcher.index.elastic_away import answers_of, away
from services.matcher.index.elastic_shapes import document_of, query_of
from services.matcher.index.port import Query

KNOWN_MAX = 2_000
APART_MIN = 20
"""Who leaves out so many others has a list of their own."""

State = tuple[str, int, int]
"""Of a document: its index, and the number and term of its last write there."""
Best = list[tuple[str, State]]
_BY_SCORE = {
    "sort": ["_score"],
    "track_total_hits": False,
    "_source": False,
    "stored_fields": "_none_",
    "docvalue_fields": ["entity_id"],
    "seq_no_primary_term": True,
}
_ANSWERED = ("_index", "_seq_no", "_primary_term", "fields")


class Bests:
    """Of the index behind a name."""

    def __init__(self, client: AsyncElasticsearch, name: str) -> None:
        self._client = client
        self._name = name
        self._known: OrderedDict[str, tuple[State, Document]] = OrderedDict()

    async def of(self, queries: Sequence[Query]) -> list[list[Document]]:
        """By score, among equals in no order. Lists that differ only in who is left out are asked for once."""
        shapes = [_shape_of(query) for query in queries]
        once = list(dict.fromkeys(shapes))
        found = dict(zip(once, await self._found(once), strict=True))
        best = [
            [held for held in found[shape] if held[0] not in query.without][: query.size]
            for query, shape in zip(queries, shapes, strict=True)
        ]
        documents = await self._documents({held for of_one in best for held in of_one})
        return [[documents[entity_id] for entity_id, _ in of_one if entity_id in documents] for of_one in best]

    async def _found(self, shapes: Sequence[bytes]) -> list[Best]:
        searches: list[Any] = [part for shape in shapes for part in (b"{}", shape)]
        shown = ",".join(f"responses.hits.hits.{field}" for field in _ANSWERED)
        with away():
            answer = await self._client.msearch(
                index=self._name, searches=searches, filter_path=f"{shown},responses.error,responses.status"
            )
        return [[_held(hit) for hit in each.get("hits", {}).get("hits", ())] for each in answers_of(answer)]

    async def _documents(self, wanted: set[tuple[str, State]]) -> dict[str, Document]:
        """Who left meanwhile is missing."""
        documents: dict[str, Document] = {}
        unknown: list[str] = []
        for entity_id, state in wanted:
            known_state, known = self._known.get(entity_id, (None, None))
            if known is not None and known_state == state:
                documents[entity_id] = known
                self._known.move_to_end(entity_id)
            else:
                unknown.append(entity_id)
        if unknown:
            documents |= await self._read(unknown)
        return documents

    async def _read(self, ids: Sequence[str]) -> dict[str, Document]:
        with away():
            answer = await self._client.mget(index=self._name, ids=list(ids), realtime=False)
        read: dict[str, Document] = {}
        for each in answer["docs"]:
            if each.get("found"):
                document = document_of(each["_source"])
                self._known[document.entity_id] = (_state(each), document)
                if document.listed:
                    read[document.entity_id] = document
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return read


def _shape_of(query: Query) -> bytes:
    """The list without leaving anybody out, so much longer: it is the same for many."""
    if len(query.without) < APART_MIN:
        query = replace(query, without=frozenset(), size=query.size + len(query.without))
    return orjson.dumps({"query": query_of(query), "size": query.size, **_BY_SCORE})


def _held(hit: dict[str, Any]) -> tuple[str, State]:
    return hit["fields"]["entity_id"][0], _state(hit)


def _state(hit: dict[str, Any]) -> State:
    return hit["_index"], hit["_seq_no"], hit["_primary_term"]
