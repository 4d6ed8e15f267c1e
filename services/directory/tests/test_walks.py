"""Long random walks of members, admins and renames: afterwards counts, sequences and events agree with the entities."""

import asyncio
import random
from collections import Counter, defaultdict

import pytest

from libs.common.errors import Refusal
from services.directory.domain.entity import STATUSES
from services.directory.service import entities
from services.directory.service.jobs import carry_on
from services.directory.service.terms import start_job
from services.directory.store.port import Slice, TermFilter
from services.directory.tests.builders import a_user, an_admin, signed_up, told

TAGS = ["bread", "beer", "cheese", "milk", "eggs"]
STEPS = 40


async def step(deps, chance, users, admin):
    user, entity_id = chance.choice(users)
    what = chance.randrange(10)
    try:
        if what < 5:
            change = {chance.choice(["offers", "wants"]): chance.sample(TAGS, chance.randrange(4))}
            await entities.change(deps, user, entity_id, change)
        elif what < 8:
            change = {"status": chance.choice(STATUSES), "categories": chance.sample(["food", "drink"], 1)}
            await entities.change(deps, admin, entity_id, change)
        elif what < 9:
            found, _ = await deps.store.terms(TermFilter("tag"), Slice(0, 100))
            if found:
                term, new = chance.choice(found), chance.choice([*TAGS, None])
                await start_job(deps, admin, "tag", term.id, new, delete=new is None)
                await carry_on(deps, float("inf"))
        elif chance.random() < 0.3:
            await entities.delete(deps, admin, entity_id)
    except Refusal as refusal:
        if refusal.status not in (403, 404, 503):
            raise


async def counts(deps):
    found, _ = await deps.store.terms(TermFilter("tag"), Slice(0, 1000))
    categories, _ = await deps.store.terms(TermFilter("category"), Slice(0, 1000))
    return {
        (term.kind, term.name): (term.offers, term.wants, term.entities)
        for term in found + categories
        if term.offers or term.wants or term.entities
    }


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_counts_sequences_and_events_agree(deps, seed):
    chance, admin = random.Random(seed), an_admin()
    users = []
    for _ in range(5):
        user = a_user()
        users.append((user, (await signed_up(deps, user, "accepted")).id))
    for _ in range(STEPS // 4):
        deps.clock.move(seconds=1)
        await asyncio.gather(*(step(deps, chance, users, admin) for _ in range(4)))
    assert await carry_on(deps, float("inf"))
    held: Counter[tuple[str, str, str]] = Counter()
    latest = {}
    for entity in await deps.store.after("", 100):
        latest[entity.id] = entity
        if entity.listed:
            held.update([("tag", dated.tag, "offers") for dated in entity.offers])
            held.update([("tag", dated.tag, "wants") for dated in entity.wants])
            held.update([("category", name, "entities") for name in entity.categories])
    counted = {
        (*key, field): count
        for key, fields in (await counts(deps)).items()
        for field, count in zip(("offers", "wants", "entities"), fields, strict=True)
        if count
    }
    assert counted == dict(held)
    sequences = defaultdict(list)
    for event in await told(deps):
        if event.subject in latest:
            sequences[event.subject, event.type].append((event.sequence, event.data))
    for (entity_id, kind), facts in sequences.items():
        assert sorted(sequence for sequence, _ in facts) == list(range(1, len(facts) + 1)), (entity_id, kind)
        newest = max(facts, key=lambda fact: fact[0])[1]
        if kind == "directory.tags.changed.v1":
            assert newest["listed"] == latest[entity_id].listed
            assert [dated["tag"] for dated in newest["offers"]] == [dated.tag for dated in latest[entity_id].offers]
