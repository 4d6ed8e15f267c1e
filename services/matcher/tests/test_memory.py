"""The index in process, as its process sees it."""

import gc
from collections.abc import Iterator

import pytest

from services.matcher.index import memory
from services.matcher.index.memory import MemoryIndex
from services.matcher.lexicon import NodeLexicon
from services.matcher.tests.builders import an_entity, an_id


@pytest.fixture
def collector() -> Iterator[None]:
    """As it was, afterwards."""
    yield
    gc.unfreeze()


async def test_documents_that_last_are_not_looked_through_by_the_collector(
    lexicon: NodeLexicon, monkeypatch: pytest.MonkeyPatch, collector: None
):
    monkeypatch.setattr(memory, "SETTLED_EVERY", 3)
    index = MemoryIndex(lexicon)
    for number in range(1, 5):
        index.apply(an_entity(number, offers=["bread"]))
    seen = {id(each) for each in gc.get_objects()}
    documents = [await index.get(an_id(number)) for number in range(1, 5)]
    assert [id(document) in seen for document in documents] == [False, False, False, True]
