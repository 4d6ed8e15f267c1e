"""Renames and deletes on their way through all entities: in batches, resumable, one after the other, by one process."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from libs.common.ids import new_id
from services.directory.domain.entity import Entity, with_category_renamed, with_tag_renamed
from services.directory.service.deps import TRIES_MAX, Deps
from services.directory.service.telling import Act, write
from services.directory.service.terms import term_events
from services.directory.store.documents import moment
from services.directory.store.port import Job, Note, Term, Write

_log = structlog.get_logger(__name__)
LEASE = "jobs"
LEASE_S = 30
BATCH = 50
"""Small, because the loop of a whole node may wait for one batch to be put together."""
AT_A_STRETCH = 2
RESTED_SHARE = 0.5
"""A job rests so long after each batch, as a share of the time that the batch took: it may take a minute, a search may not."""
ROUNDS_MAX = 3
FAULTS_MAX = 20
_LOOK_S = 0.05


class Lost(Exception):  # noqa: N818
    """Another process has taken over."""


class _Lease:
    """The right to carry jobs on, kept in a note; given to one process at a time, for a while."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._holder = new_id()
        self._note = Note()

    async def take(self) -> bool:
        seen = await self._deps.store.note(LEASE)
        if seen.value is not None and moment(seen.value["until"]) > self._deps.now():
            return False
        return await self._swap(seen, self._deps.now() + timedelta(seconds=LEASE_S))

    async def keep(self) -> None:
        """Raises Lost."""
        if not await self._swap(self._note, self._deps.now() + timedelta(seconds=LEASE_S)):
            raise Lost

    async def give_back(self) -> None:
        await self._swap(self._note, self._deps.now())

    async def _swap(self, seen: Note, until: datetime) -> bool:
        value = {"holder": self._holder, "until": until.isoformat()}
        if not await self._deps.store.swap_note(LEASE, seen, value):
            return False
        self._note = Note(seen.version + 1, value)
        return True


async def finish_within(deps: Deps, job: Job, seconds: float) -> Job:
    """Works on jobs here, or watches another process do it, until this one is finished or the time is up."""
    deadline = time.monotonic() + seconds
    while job.status in ("waiting", "running") and time.monotonic() < deadline:
        if not await carry_on(deps, deadline):
            await asyncio.sleep(_LOOK_S)
        job = await deps.store.job(job.id) or job
    return job


async def carry_on(deps: Deps, deadline: float) -> bool:
    """Carries open jobs on, oldest first, until none is left or `deadline` (monotonic). False: another process does."""
    jobs = await deps.store.open_jobs()
    lease = _Lease(deps)
    if not jobs or not await lease.take():
        return not jobs
    try:
        for job in jobs:
            if not await _carried_on(deps, lease, job, deadline):
                break
        await lease.give_back()
    except Lost:
        _log.info("jobs_taken_over")
    return True


async def _carried_on(deps: Deps, lease: _Lease, job: Job, deadline: float) -> bool:
    """Whether the job is finished."""
    try:
        if job.status == "waiting":
            job = await _begun(deps, job)
        if job.status == "running":
            await _apply_to_term(deps, job)
            job = await _through_entities(deps, lease, job, deadline)
    except Lost:
        raise
    except Exception:  # noqa: BLE001  counted; after too many the job is given up
        _log.exception("job_faulted", job=job.id)
        latest = await deps.store.job(job.id) or job
        status = "failed" if latest.faults + 1 >= FAULTS_MAX else latest.status
        await deps.store.put_job(replace(latest, faults=latest.faults + 1, status=status, version=latest.version + 1))
        return status == "failed"
    return job.status in ("done", "failed")


async def _put(deps: Deps, job: Job) -> Job:
    following = replace(job, version=job.version + 1)
    if not await deps.store.put_job(following):
        raise Lost
    return following


async def _begun(deps: Deps, job: Job) -> Job:
    """Decides what there is to do, from the term as it is now, and tells it."""
    term = await deps.store.term(job.term_id)
    if term is None or term.name == job.new:
        return await _put(deps, replace(job, status="done", finished_at=deps.now()))
    there = await deps.store.term_named(job.kind, job.new) if job.new else None
    total = await deps.store.count_holding(job.kind, term.name)
    running = replace(
        job,
        status="running",
        old=term.name,
        merged_into=there.id if there else None,
        entities_total=total,
        version=job.version + 1,
    )
    told = term_events(deps, job.by, replace(term, sequence=term.sequence + 1), term.name, job.new)
    if not await deps.store.put_job(running, told):
        raise Lost
    return running


async def _apply_to_term(deps: Deps, job: Job) -> None:
    """Renames, merges or removes the term itself; done again after a restart, it changes nothing more."""
    term = await deps.store.term(job.term_id)
    if term is None or term.name != job.old:
        return
    if job.new is None:
        await deps.store.remove_term(term.id)
        return
    renamed = replace(term, name=job.new, made_by_admin=True, sequence=term.sequence + 1)
    if job.merged_into is None and await deps.store.put_term(renamed):
        return
    # merged: the name stood there, or a member has come by it since
    await deps.store.remove_term(term.id)
    target: Term | None = await deps.store.term_named(job.kind, job.new)
    if target is not None and not target.made_by_admin:
        await deps.store.put_term(replace(target, made_by_admin=True))


async def _through_entities(deps: Deps, lease: _Lease, job: Job, deadline: float) -> Job:
    for _ in range(ROUNDS_MAX):
        while batch := await deps.store.holding(job.kind, job.old, job.cursor, BATCH):
            began = time.monotonic()
            await _change_all(deps, job, batch)
            done = job.entities_done + len(batch)
            job = await _put(
                deps,
                replace(job, cursor=batch[-1].id, entities_done=done, entities_total=max(done, job.entities_total)),
            )
            await lease.keep()
            if time.monotonic() >= deadline:
                return job
            await asyncio.sleep(RESTED_SHARE * (time.monotonic() - began))
        # who took the old name up meanwhile, behind the cursor
        job = replace(job, cursor="")
        if not await deps.store.holding(job.kind, job.old, "", 1):
            break
    await deps.store.recount(job.kind, [job.old, *([job.new] if job.new else [])])
    return await _put(deps, replace(job, status="done", finished_at=deps.now()))


def _how(job: Job) -> Callable[[Entity], Entity]:
    rename = with_tag_renamed if job.kind == "tag" else with_category_renamed
    return lambda entity: rename(entity, job.old, job.new)


async def _change_all(deps: Deps, job: Job, batch: list[Entity]) -> None:
    """Everyone of the batch; who was changed by somebody else meanwhile is read again."""
    how = _how(job)
    act = Act(f"{job.kind}.renamed", f"{job.old} became {job.new or 'nothing'} everywhere.", job.by, "admin", "admin")
    for _ in range(TRIES_MAX):
        now = deps.now()
        writes: list[Write] = []
        for number, entity in enumerate(batch):
            if number % AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # members' requests come in between
            after = how(entity)
            if after != entity:
                writes.append(write(entity, after, act, now, audited=False))
        done = await deps.store.save(writes) if writes else []
        behind = [each.entity.id for each, is_done in zip(writes, done, strict=True) if not is_done]
        if not behind:
            return
        batch = await deps.store.entities(behind)
    raise RuntimeError(f"{len(batch)} entities were changed by others again and again")
