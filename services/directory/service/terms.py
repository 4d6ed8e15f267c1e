"""Tags and categories: lists for everybody, and what admins do with them (AD-05, DI-06, DI-07)."""

from collections.abc import Sequence
from dataclasses import replace

from libs.common.auth import Principal
from libs.common.contracts import Event
from libs.common.contracts import directory as told
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from libs.common.ids import new_id
from services.directory.domain.profile import Invalid, read_name
from services.directory.domain.tags import tag_form
from services.directory.service.deps import Deps, refuse_invalid
from services.directory.store.port import Job, Slice, Term, TermFilter, TermKind

_NOTHING = (list[Term](), 0)


async def listing(deps: Deps, wanted: TermFilter, part: Slice) -> tuple[list[Term], int]:
    """Terms by prefix or fragment, which are text: brought into the form of names, nothing in them is a pattern."""
    for text in (wanted.prefix, wanted.fragment):
        if text and not tag_form(text):
            return _NOTHING
    in_form = replace(wanted, prefix=tag_form(wanted.prefix or ""), fragment=tag_form(wanted.fragment or ""))
    return await deps.store.terms(in_form, part)


def term_event(kind: TermKind, term_id: str, old: str | None, new: str | None) -> Event:
    """That a term was created, renamed, merged or deleted."""
    if kind == "tag":
        return told.TagRenamedV1(old=old, new=new)
    return told.CategoryChangedV1(category_id=term_id, old=old, new=new)


def term_events(deps: Deps, caller_id: str | None, term: Term, old: str | None, new: str | None) -> list[Envelope]:
    """The news about a term and the line for the activity log; `term.sequence` is the number that they carry."""
    now = deps.now()
    words = {"tag": "the tag", "category": "the category"}[term.kind]
    if old is None:
        action, sentence = "created", f"Created {words} {new}."
    elif new is None:
        action, sentence = "deleted", f"Deleted {words} {old} everywhere."
    else:
        action, sentence = "renamed", f"Renamed {words} {old} to {new} everywhere."
    audit = told.AuditRecordedV1(
        actor_id=caller_id,
        actor_role="admin",
        category="admin",
        action=f"{term.kind}.{action}",
        detail=sentence,
        subject_kind=term.kind,
        subject_id=term.id,
        before=None if old is None else {"name": old},
        after=None if new is None else {"name": new},
        at=now,
    )
    events = (term_event(term.kind, term.id, old, new), audit)
    return [event.envelope(subject=term.id, sequence=term.sequence, time=now) for event in events]


async def create(deps: Deps, caller: Principal, kind: TermKind, name: object) -> Term:
    """An admin makes a term. Raises Refusal 400, 409 `tag_exists` or `category_exists`."""
    form = _form(name)
    if (term := await _made(deps, caller, kind, form)) is None:
        raise Refusal.of(409, f"{kind}_exists", f"The {kind} {form} is there already.", "name")
    return term


def _form(name: object) -> str:
    try:
        return read_name(name)
    except Invalid as invalid:
        refuse_invalid(invalid)


async def made_by_admin(deps: Deps, caller: Principal, kind: TermKind, names: Sequence[str]) -> None:
    """Makes those of these terms that are not there."""
    for name in names:
        await _made(deps, caller, kind, name)


async def _made(deps: Deps, caller: Principal, kind: TermKind, name: str) -> Term | None:
    """The new term; None when one that people can see has the name. One that nobody can see is taken over."""
    term = Term(new_id(), kind, name, made_by_admin=True, sequence=1)
    if await deps.store.add_term(term, term_events(deps, caller.id, term, None, name)):
        return term
    there = await deps.store.term_named(kind, name)
    if there is None or there.made_by_admin or there.offers + there.wants + there.entities > 0:
        return None
    await deps.store.remove_term(there.id)
    return term if await deps.store.add_term(term, term_events(deps, caller.id, term, None, name)) else None


async def start_job(deps: Deps, caller: Principal, kind: TermKind, term_id: str, name: object, *, delete: bool) -> Job:
    """An admin renames (or merges, where the name exists) or deletes a term: from here on it will happen, whatever dies.

    Raises Refusal 400, 404.
    """
    new = None if delete else _form(name)
    term = await deps.store.term(term_id)
    if term is None or term.kind != kind:
        raise Refusal.of(404, f"{kind}_unknown", f"There is no such {kind}.")
    job = Job(new_id(), kind, term_id, new, caller.id, deps.now(), old=term.name, version=1)
    await deps.store.put_job(job)
    return job
