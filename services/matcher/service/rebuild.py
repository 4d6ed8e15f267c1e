"""Building the index again from directory and ledger while it is in use, and comparing the two."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import structlog

from libs.common.contracts.matcher import AuditRecordedV1
from libs.common.errors import Refusal
from services.matcher.domain.documents import Band, Dismissed, Document, Fact, apply
from services.matcher.index.port import Change, Documents, IndexAway, Target
from services.matcher.service.deps import Deps
from services.matcher.source import is_away

RETRY_FIRST_S, RETRY_MAX_S = 0.05, 5.0
DIFFERENCES_NAMED_MAX = 100
ALL = 2**62
INDEX = "index"
SETTLE_S = 1.0
"""How long a difference may be news under way before it counts."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """How the rebuild under way, or the last one, stands."""

    state: Literal["idle", "running", "done", "failed"] = "idle"
    read: int = 0
    total: int = 0
    """About how many there are to read: as many as the index in use holds."""
    checked_pages: int = 0
    differing_pages: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One entity on which index and source disagree."""

    entity_id: str
    kind: Literal["missing", "surplus", "different"]
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Comparison:
    """Numbers on both sides and what differs."""

    source: int = 0
    index: int = 0
    differences: list[Difference] = field(default_factory=list)


class Mismatch(Exception):  # noqa: N818
    """What was built differs from its source; the message says how."""


class Rebuilder:
    """One rebuild at a time; `status` tells how it stands."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._task: asyncio.Task[None] | None = None
        self.status = Status()

    def begin(self, *, verify: bool = True) -> Status:
        """Begins, or joins the one under way. To verify, everything is read a second time."""
        if self._task is None or self._task.done():
            self.status = Status("running", started_at=self._deps.clock())
            self._task = asyncio.create_task(self._run(verify))
        return self.status

    async def fill_until_done(self) -> None:
        """At start, when there is nothing to lose: again and again until the source answers."""
        wait_s = RETRY_FIRST_S
        while True:
            self.begin(verify=False)
            assert self._task is not None
            await self._task
            if self.status.state == "done":
                return
            await asyncio.sleep(wait_s)
            wait_s = min(RETRY_MAX_S, wait_s * 2)

    async def stop(self) -> None:
        """Gives up a rebuild under way; the index in use stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, verify: bool) -> None:
        try:
            self.status = replace(self.status, total=await self._deps.index.size())
            target = await self._deps.index.rebuilding()
            try:
                await self._fill(target)
                if verify:
                    await self._verify(target)
                await target.commit()
            except BaseException:
                with contextlib.suppress(IndexAway):
                    await target.abandon()
                raise
        except (Refusal, IndexAway, Mismatch) as fault:
            quiet = isinstance(fault, Refusal) and is_away(fault)
            (_log.info if quiet else _log.warning)("rebuild_failed", problem=str(fault))
            self._end("failed", str(fault))
        except Exception as fault:  # noqa: BLE001  whatever it was, the index in use stays and the operator is told
            _log.exception("rebuild_failed")
            self._end("failed", f"{type(fault).__name__}: {fault}")
        else:
            self._end("done")
            _log.info("rebuild_done", read=self.status.read)

    def _end(self, state: Literal["done", "failed"], problem: str | None = None) -> None:
        self.status = replace(self.status, state=state, finished_at=self._deps.clock(), problem=problem)

    async def _fill(self, target: Target) -> None:
        async for changes in self._deps.source.bands():
            await target.update(changes)
        async for changes in kept_parts(self._deps.index.documents("", ALL)):
            await target.update(changes)
        async for changes in self._deps.source.entities():
            await target.update(changes)
            self.status = replace(self.status, read=self.status.read + len(changes))

    async def _verify(self, target: Target) -> None:
        """Page by page by checksum; where one differs, entity by entity, for the entity may have changed meanwhile."""
        after, number = "", 0
        async for changes in self._deps.source.entities():
            last = changes[-1].entity_id
            built = await _between(target.documents(after, ALL), last)
            differs = checksum(expected(changes)) != checksum(built)
            number += len(changes)
            self.status = replace(
                self.status,
                checked_pages=self.status.checked_pages + 1,
                differing_pages=self.status.differing_pages + differs,
            )
            if differs:
                lost = [each for each in differences(expected(changes), built) if each.kind == "missing"]
                stale = _older(changes, built)
                if lost or stale:
                    raise Mismatch(
                        f"{len(lost)} entities are missing and {len(stale)} older than in the directory, such as {[*lost, *stale][:3]}"
                    )
            after = last
        if number < self.status.read:
            raise Mismatch(f"the directory had {self.status.read} entities and has {number}")


async def begin_for(deps: Deps, rebuilder: Rebuilder, admin_id: str | None) -> Status:
    """Begins, or joins the one under way. The activity log hears first of what an admin begins (AD-07), for nothing here could
    keep that to be told later. Refusal 503 `bus_away`: it was not told and is not begun."""
    before = rebuilder.status.state
    if admin_id is not None and before != "running":
        line = AuditRecordedV1(
            actor_id=admin_id,
            actor_role="admin",
            category="admin",
            action="index.rebuilt",
            detail="Began to rebuild the search index.",
            subject_kind="index",
            subject_id=INDEX,
            before={"state": before},
            after={"state": "running"},
            at=deps.clock(),
        )
        told = await deps.bus.publish([line.envelope(subject=INDEX, sequence=0, time=line.at)])
        if not told:
            raise Refusal.of(503, "bus_away", "The activity log cannot be told now; try again.", retry_after_s=2)
    return rebuilder.begin()


async def kept_parts(documents: Documents, page: int = 500) -> AsyncIterator[list[Change]]:
    """What no export tells but the index in use knows: bands as they were heard, and dismissed matches."""
    changes: list[Change] = []
    async for document in documents:
        facts: list[Fact] = []
        if document.band_sequence >= 0:
            facts.append(Band(document.band_sequence, document.band))
        if document.dismissed:
            facts.append(Dismissed(document.dismissed))
        if facts:
            changes.append(Change(document.entity_id, tuple(facts)))
        if len(changes) == page:
            yield changes
            changes = []
    if changes:
        yield changes


async def compare(deps: Deps) -> Comparison:
    """Index against directory, by every field that both know. What differs is looked at again a moment later: it may have
    been news under way."""
    comparison = await _compare_once(deps)
    if not comparison.differences:
        return comparison
    await asyncio.sleep(SETTLE_S)
    again = await _compare_once(deps)
    first = {each.entity_id for each in comparison.differences}
    again.differences = [each for each in again.differences if each.entity_id in first]
    return again


async def _compare_once(deps: Deps) -> Comparison:
    comparison = Comparison()
    after = ""
    async for changes in deps.source.entities():
        last = changes[-1].entity_id
        held = await _between(deps.index.documents(after, ALL), last)
        comparison.source += len(changes)
        comparison.index += len(held)
        comparison.differences += differences(expected(changes), held)
        after = last
    async for document in deps.index.documents(after, ALL):
        comparison.index += 1
        comparison.differences += differences([], [document])
    return comparison


async def _between(documents: Documents, last: str) -> list[Document]:
    """Those up to this id."""
    held: list[Document] = []
    async for document in documents:
        if document.entity_id > last:
            break
        held.append(document)
    return held


def expected(changes: Sequence[Change]) -> list[Document]:
    """What the source says, as documents."""
    return [apply(Document(change.entity_id), change.facts) for change in changes]


def differences(source: Sequence[Document], held: Sequence[Document]) -> list[Difference]:
    """By entity. An entity that only the index knows counts where it could be found."""
    by_id = {document.entity_id: document for document in held}
    found: list[Difference] = []
    for document in source:
        other = by_id.pop(document.entity_id, None)
        if other is None:
            if not document.gone:
                found.append(Difference(document.entity_id, "missing"))
        elif fields := tuple(name for name in _COMPARED if getattr(document, name) != getattr(other, name)):
            found.append(Difference(document.entity_id, "different", fields))
    found += [Difference(entity_id, "surplus") for entity_id, document in by_id.items() if document.listed]
    return found


def sentence(difference: Difference) -> str:
    """For the operator."""
    match difference.kind:
        case "missing":
            return f"entity {difference.entity_id} is missing from the index"
        case "surplus":
            return f"entity {difference.entity_id} is found though the directory does not have it"
        case _:
            return f"entity {difference.entity_id} differs in {', '.join(difference.fields)}"


_COMPARED = (
    "gone", "name", "is_listed", "may_trade", "categories", "latitude", "longitude", "newest", "offers", "wants",
)  # fmt: skip


def _older(changes: Sequence[Change], built: Sequence[Document]) -> list[Difference]:
    """Entities of which the index knows less than the source told."""
    by_id = {document.entity_id: document for document in built}
    return [
        Difference(change.entity_id, "different")
        for change in changes
        if change.entity_id in by_id and apply(by_id[change.entity_id], change.facts) != by_id[change.entity_id]
    ]


def checksum(documents: Sequence[Document]) -> str:
    """Of the fields that both sides know."""
    digest = hashlib.blake2b(digest_size=16)
    for document in documents:
        digest.update(repr((document.entity_id, *(getattr(document, name) for name in _COMPARED))).encode())
    return digest.hexdigest()
