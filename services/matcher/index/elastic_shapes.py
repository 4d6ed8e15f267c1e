"""How documents and queries look to Elasticsearch. No scripts; everything that only narrows stands in filter context."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from services.matcher.domain import rules
from services.matcher.domain.documents import Document, Side, Tag
from services.matcher.index.port import NAME_KEY_BYTES, Asked, Query, categories_of, key_of_name, words_of_name
from services.matcher.vocabulary import Met

REFRESH_INTERVAL = "250ms"
WINDOW = 10_000
"""How far `from` and `size` reach; deeper rows are reached by `search_after`."""
LATEST_MS = 10**15 - 1
_KEYWORD = {"type": "keyword"}
_NUMBER = {"type": "long"}
_FOUND_ONLY = {"type": "keyword", "doc_values": False, "norms": False}
MAPPINGS: Mapping[str, Any] = {
    "dynamic": "strict",
    "_source": {"includes": ["state"]},
    "properties": {
        "entity_id": _KEYWORD,
        "listed": {"type": "boolean"},
        "trading": {"type": "boolean"},
        "has_place": {"type": "boolean"},
        "rank": _NUMBER,
        "name_1": _NUMBER,
        "name_2": _NUMBER,
        "name_3": _NUMBER,
        "id_1": _NUMBER,
        "id_2": _NUMBER,
        "name_words": _KEYWORD,
        "category_keys": _FOUND_ONLY,
        "offers": _KEYWORD,
        "wants": _KEYWORD,
        "offers_at": _FOUND_ONLY,
        "wants_at": _FOUND_ONLY,
        "newest_tag": {"type": "long"},
        "newest": {"type": "long"},
        "band": {"type": "byte"},
        "place": {"type": "geo_point"},
        "state": {"type": "object", "enabled": False},
    },
}


SIGN = 1 << 63
_BY_ID: list[dict[str, Any]] = [{"id_1": "asc"}, {"id_2": "asc"}]
_BY_NAME: list[dict[str, Any]] = [{"name_2": "asc"}, {"name_3": "asc"}, *_BY_ID]
ALIKE: list[dict[str, Any]] = [{"name_1": "asc"}, *_BY_NAME]
"""The order of those who are alike in all else."""


def settings_of(shards: int, replicas: int) -> dict[str, Any]:
    """Of a new index."""
    return {
        "number_of_shards": shards,
        "number_of_replicas": replicas,
        "refresh_interval": REFRESH_INTERVAL,
        "max_result_window": WINDOW,
    }


def body_of(document: Document) -> dict[str, Any]:
    """A document as it is indexed; one that nobody may find has only its state."""
    body: dict[str, Any] = {"entity_id": document.entity_id, "listed": document.listed, "state": _state_of(document)}
    if not document.listed:
        return body
    body |= {
        "trading": document.trading,
        "has_place": document.latitude is not None and document.longitude is not None,
        **_numbers_of(document),
        "name_words": list(words_of_name(document)),
        "category_keys": list(categories_of(document)),
        "offers": [tag.tag for tag in document.offers],
        "wants": [tag.tag for tag in document.wants],
        "offers_at": [_dated(tag.tag, tag.at) for tag in document.offers],
        "wants_at": [_dated(tag.tag, tag.at) for tag in document.wants],
        "newest_tag": document.newest_tag,
        "newest": document.newest,
        "band": document.band,
    }
    if body["has_place"]:
        body["place"] = {"lat": document.latitude, "lon": document.longitude}
    return body


def _numbers_of(document: Document) -> dict[str, int]:
    """What is sorted by, as numbers: the engine compares texts by looking each of ten thousand up. The name's first 7, 8 and 8
    bytes; the rank is those 7 behind whether it may trade; the id's halves."""
    key = key_of_name(document.name).ljust(NAME_KEY_BYTES, b"\0")
    first = int.from_bytes(key[:7], "big")
    whole = UUID(document.entity_id).int
    return {
        "rank": first + (0 if document.trading else 1 << 56),
        "name_1": first,
        "name_2": int.from_bytes(key[7:15], "big") - SIGN,
        "name_3": int.from_bytes(key[15:], "big") - SIGN,
        "id_1": (whole >> 64) - SIGN,
        "id_2": (whole & (2**64 - 1)) - SIGN,
    }


def _state_of(document: Document) -> dict[str, Any]:
    return {
        "id": document.entity_id,
        "name": document.name,
        "categories": document.categories,
        "latitude": document.latitude,
        "longitude": document.longitude,
        "newest": document.newest,
        "is_listed": document.is_listed,
        "may_trade": document.may_trade,
        "profile_sequence": document.profile_sequence,
        "offers": [(tag, at) for tag, at in document.offers],
        "wants": [(tag, at) for tag, at in document.wants],
        "tags_sequence": document.tags_sequence,
        "band": document.band,
        "band_sequence": document.band_sequence,
        "dismissed": sorted(document.dismissed),
        "gone": document.gone,
    }


_tag: Callable[[Any], Tag] = partial(tuple.__new__, Tag)
"""Of a pair as it is stored: a document of twenty is read in two thirds of the time that the class itself takes."""


def document_of(source: Mapping[str, Any]) -> Document:
    """The document in a hit's source."""
    state = dict(source["state"])
    return Document(
        entity_id=state.pop("id"),
        categories=tuple(state.pop("categories")),
        offers=tuple(map(_tag, state.pop("offers"))),
        wants=tuple(map(_tag, state.pop("wants"))),
        dismissed=frozenset(state.pop("dismissed")),
        **state,
    )


def _dated(tag: str, at: int) -> str:
    """A tag with its date behind it, so that a range of terms means: this tag, since then."""
    return f"{tag}\x1f{at:015d}"


def query_of(query: Query) -> dict[str, Any]:
    """The query part of a search."""
    must: list[dict[str, Any]] = []
    if query.asked is not None:
        must += _tags_clauses(query)
    must += [_best_of("name_words", met, 1) for met in query.name]
    shape: dict[str, Any] = {"filter": _filters(query), "must": must}
    if query.without:
        shape["must_not"] = [{"ids": {"values": sorted(query.without)}}]
    points = _points(query)
    if points:
        shape["should"] = points
    return {"bool": shape}


def _tags_clauses(query: Query) -> list[dict[str, Any]]:
    by_side: dict[Side, list[dict[str, Any]]] = {}
    for asked in query.asked or ():
        clauses = by_side.setdefault(asked.side, [])
        if asked.met.kinds:
            clauses.append(_best_of_asked(asked))
    if query.either_side or not by_side:
        by_side = {"offers": [clause for clauses in by_side.values() for clause in clauses]}
    return [
        {"bool": {"should": clauses, "minimum_should_match": 1}} if clauses else {"match_none": {}}
        for clauses in by_side.values()
    ]


def _best_of_asked(asked: Asked) -> dict[str, Any]:
    if not asked.since:
        return _best_of(asked.side, asked.met, asked.weight)
    ranges = {
        kind: [_range(f"{asked.side}_at", tag, asked.since) for tag in asked.met.of(kind)] for kind in rules.KINDS
    }
    clauses = [
        _constant({"bool": {"should": each}}, asked.weight * rules.WORTH[kind]) for kind, each in ranges.items() if each
    ]
    return _max_of(clauses)


def _best_of(field: str, met: Met, weight: int) -> dict[str, Any]:
    clauses = [
        _constant({"terms": {field: met.of(kind)}}, weight * rules.WORTH[kind]) for kind in rules.KINDS if met.of(kind)
    ]
    return _max_of(clauses)


def _max_of(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    if not clauses:
        return {"match_none": {}}
    return clauses[0] if len(clauses) == 1 else {"dis_max": {"queries": clauses}}


def _constant(query: dict[str, Any], boost: int) -> dict[str, Any]:
    return {"constant_score": {"filter": query, "boost": boost}}


def _range(field: str, tag: str, since: int) -> dict[str, Any]:
    return {"range": {field: {"gte": _dated(tag, since), "lte": _dated(tag, LATEST_MS)}}}


def _filters(query: Query) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = [{"term": {"listed": True}}]
    if query.category is not None:
        filters.append({"term": {"category_keys": query.category}})
    if query.tagged_since:
        filters.append({"range": {"newest_tag": {"gte": query.tagged_since}}})
    if query.ids is not None:
        filters.append({"ids": {"values": sorted(query.ids)}})
    if query.place is not None and query.place.within_km is not None:
        here = {"lat": query.place.latitude, "lon": query.place.longitude}
        filters.append({"geo_distance": {"distance": f"{query.place.within_km}km", "place": here}})
    return filters


def _points(query: Query) -> list[dict[str, Any]]:
    points = [_constant({"term": {"trading": True}}, query.trading_points)] if query.trading_points else []
    by_points: dict[int, list[int]] = {}
    for band, number in (query.band_points or {}).items():
        by_points.setdefault(number, []).append(band)
    return points + [_constant({"terms": {"band": bands}}, number) for number, bands in by_points.items()]


def sort_of(query: Query) -> list[dict[str, Any]]:
    """In which order; the id makes it one order."""
    match query.order:
        case "name":
            return ALIKE
        case "newest":
            return [{"newest": "desc"}, *_BY_ID]
        case "distance" if query.place is not None:
            here = {"lat": query.place.latitude, "lon": query.place.longitude}
            nearest = {"_geo_distance": {"place": here, "order": "asc", "unit": "km"}}
            return [{"has_place": "desc"}, nearest, *_BY_ID]
        case _ if not _has_scores(query):
            return [{"rank" if query.trading_first else "name_1": "asc"}, *_BY_NAME]
        case _:
            relevance: list[dict[str, Any]] = [{"_score": "desc"}, {"name_1": "asc"}, *_BY_NAME]
            return [{"trading": "desc"}, *relevance] if query.trading_first else relevance


def tiers_of(query: Query) -> list[dict[str, Any]]:
    """A list by relevance for one tag, best first, in parts within which only names decide; empty for any other list."""
    if query.order != "relevance" or query.asked is None or len(query.asked) != 1 or query.name or _points(query):
        return []
    [asked] = query.asked
    if asked.since:
        return []
    kinds = [kind for kind in rules.KINDS if asked.met.of(kind)]
    holders = {kind: {"terms": {asked.side: asked.met.of(kind)}} for kind in kinds}
    without = [{"ids": {"values": sorted(query.without)}}] if query.without else []
    return [
        {
            "bool": {
                "filter": [*_filters(query), *trading, holders[kind]],
                "must_not": [*without, *(holders[better] for better in kinds[:place])],
            }
        }
        for trading in ([[{"term": {"trading": each}}] for each in (True, False)] if query.trading_first else [[]])
        for place, kind in enumerate(kinds)
    ]


def _has_scores(query: Query) -> bool:
    return query.asked is not None or bool(query.name) or bool(_points(query))


def opposite(sort: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same order from its other end."""
    return [
        {
            field: how | {"order": _other(how["order"])} if isinstance(how, dict) else _other(how)
            for field, how in each.items()
        }
        for each in sort
    ]


def _other(order: str) -> str:
    return "desc" if order == "asc" else "asc"
