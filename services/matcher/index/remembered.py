"""Entities that were asked for a moment ago, kept true by the facts that every process hears."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.matcher.domain.documents import Document, Fact, apply
from services.matcher.index.port import Change

REMEMBERED_MAX = 2_000
REMEMBERED_S = 60.0


@dataclass(slots=True)
class Loading:
    """An entity that is being read; facts that come meanwhile are added to what was read."""

    document: Document | None = None
    heard: list[Fact] = field(default_factory=list)


class Remembered:
    """At most so many entities, each for at most so long."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, tuple[float, Document]] = OrderedDict()
        self._loading: dict[str, list[Loading]] = {}

    def get(self, entity_id: str) -> Document | None:
        """The entity, if it is known well enough."""
        until, document = self._documents.get(entity_id, (0.0, None))
        if document is None or until < time.monotonic():
            return None
        self._documents.move_to_end(entity_id)
        return document

    @contextlib.contextmanager
    def loading(self, entity_id: str) -> Iterator[Loading]:
        """Around reading an entity, which sets `document`."""
        loading = Loading()
        self._loading.setdefault(entity_id, []).append(loading)
        try:
            yield loading
        finally:
            waiting = self._loading[entity_id]
            waiting.remove(loading)
            if not waiting:
                del self._loading[entity_id]
        if loading.document is not None:
            loading.document = apply(loading.document, loading.heard)
            self._documents[entity_id] = (time.monotonic() + REMEMBERED_S, loading.document)
            if len(self._documents) > REMEMBERED_MAX:
                self._documents.popitem(last=False)

    def heard(self, change: Change) -> None:
        """Facts about an entity, in any order."""
        for loading in self._loading.get(change.entity_id, ()):
            loading.heard.extend(change.facts)
        known = self._documents.get(change.entity_id)
        if known is not None:
            self._documents[change.entity_id] = (known[0], apply(known[1], change.facts))

    def clear(self) -> None:
        """Everything is read again; what is being read now counts for nothing later."""
        self._documents.clear()
