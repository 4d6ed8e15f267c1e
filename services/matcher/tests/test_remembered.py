"""What a process remembers of entities: facts that come while one is being read are not lost."""

from services.matcher.domain.documents import Band, Document, Tag, Tags
from services.matcher.index import remembered
from services.matcher.index.port import Change
from services.matcher.index.remembered import Remembered

OLD = Document("a", tags_sequence=1)
NEWS = Change("a", (Tags(2, (Tag("bread", 1),), ()),))


def read(memory: Remembered, document: Document | None, *meanwhile: Change) -> Document | None:
    with memory.loading("a") as loading:
        for change in meanwhile:
            memory.heard(change)
        loading.document = document
    return loading.document


def test_an_entity_is_remembered_and_follows_the_facts():
    memory = Remembered()
    assert memory.get("a") is None
    assert read(memory, OLD) == OLD
    memory.heard(NEWS)
    memory.heard(Change("a", (Band(1, 2), Tags(1, (), ()))))
    known = memory.get("a")
    assert known is not None
    assert (known.tags_sequence, known.band, len(known.offers)) == (2, 2, 1)


def test_a_fact_that_comes_while_an_older_state_is_being_read_is_kept():
    memory = Remembered()
    answer = read(memory, OLD, NEWS)
    assert answer is not None
    assert answer.tags_sequence == 2
    assert memory.get("a") == answer


def test_nobody_is_not_remembered():
    memory = Remembered()
    assert read(memory, None, NEWS) is None
    assert memory.get("a") is None


def test_it_forgets_after_a_while_and_when_facts_may_have_been_missed(monkeypatch):
    memory = Remembered()
    read(memory, OLD)
    memory.clear()
    assert memory.get("a") is None
    monkeypatch.setattr(remembered, "REMEMBERED_S", -1.0)
    read(memory, OLD)
    assert memory.get("a") is None


def test_it_remembers_so_many_and_no_more(monkeypatch):
    monkeypatch.setattr(remembered, "REMEMBERED_MAX", 1)
    memory = Remembered()
    read(memory, OLD)
    with memory.loading("b") as loading:
        loading.document = Document("b")
    assert memory.get("a") is None
    assert memory.get("b") == Document("b")
