"""Tags, categories and the jobs that rename them over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from libs.common.auth import Principal
from libs.common.errors import Refusal
from libs.common.web import Page, page, principal, require_admin, require_overseer, router
from services.directory.api.shapes import Id, Named, Text, answer, job_shape, numbered, term_shape
from services.directory.domain.tags import heading
from services.directory.service import jobs, terms
from services.directory.service.deps import Deps
from services.directory.store.port import Job, Slice, Term, TermFilter, TermKind

JOBS_SHOWN_MAX = 50
WAIT_S = 4.0
"""How long the answer to a rename or delete waits for its end; most end long before."""
Caller = Annotated[Principal, Depends(principal)]
Admin = Annotated[Principal, Depends(require_admin)]
Overseer = Annotated[Principal, Depends(require_overseer)]
Part = Annotated[Page, Depends(page)]
Letter = Annotated[str | None, Query(max_length=8)]


def routes(deps: Deps) -> APIRouter:
    """The endpoints of tags, categories and jobs."""
    api = router()
    _lists(api, deps)
    _for_admins(api, deps, "tag", "/tags")
    _for_admins(api, deps, "category", "/categories")
    _jobs(api, deps)
    return api


def _lists(api: APIRouter, deps: Deps) -> None:
    async def listing(wanted: TermFilter, part: Page) -> Response:
        found, total = await terms.listing(deps, wanted, Slice(part.offset, part.page_size))
        return numbered([term_shape(term) for term in found], total)

    @api.get("/categories")
    async def categories(
        caller: Caller, part: Part, prefix: Text = None, fragment: Text = None, letter: Letter = None
    ) -> Response:
        under = heading(letter) if letter else None
        return await listing(TermFilter("category", prefix, fragment, under), part)

    @api.get("/categories/letters")
    async def letters(caller: Caller) -> Response:
        found = await deps.store.letters("category")
        return answer({"items": [{"letter": letter, "categories": count} for letter, count in sorted(found.items())]})

    @api.get("/tags")
    async def tags(
        caller: Caller,
        part: Part,
        prefix: Text = None,
        fragment: Text = None,
        kind: Literal["offers", "wants"] | None = None,
        order: Literal["name", "uses"] = "name",
        *,
        made_by_admin: bool | None = None,
    ) -> Response:
        wanted = TermFilter(
            "tag",
            prefix,
            fragment,
            used_as=kind,
            made_by_admin=made_by_admin,
            most_used_first=order == "uses",
        )
        return await listing(wanted, part)


def _for_admins(api: APIRouter, deps: Deps, kind: TermKind, path: str) -> None:
    async def carried_out(job: Job, was: Term | None) -> Response:
        job = await jobs.finish_within(deps, job, WAIT_S)
        now = await deps.store.term_named(kind, job.new) if job.new else None
        now = now or await deps.store.term(job.term_id) or was
        if now is None:
            raise Refusal.of(404, f"{kind}_unknown", f"There is no such {kind}.")
        return answer({kind: term_shape(now), "job": job_shape(job)})

    @api.post(path)
    async def create(caller: Admin, body: Named) -> Response:
        return answer(term_shape(await terms.create(deps, caller, kind, body.name)), 201)

    @api.patch(path + "/{term_id}")
    async def rename(caller: Admin, term_id: Id, body: Named) -> Response:
        was = await deps.store.term(term_id)
        return await carried_out(await terms.start_job(deps, caller, kind, term_id, body.name, delete=False), was)

    @api.delete(path + "/{term_id}")
    async def delete(caller: Admin, term_id: Id) -> Response:
        was = await deps.store.term(term_id)
        return await carried_out(await terms.start_job(deps, caller, kind, term_id, None, delete=True), was)


def _jobs(api: APIRouter, deps: Deps) -> None:
    @api.get("/jobs")
    async def latest(caller: Overseer) -> Response:
        return answer({"items": [job_shape(job) for job in await deps.store.jobs(JOBS_SHOWN_MAX)]})

    @api.get("/jobs/{job_id}")
    async def one(caller: Overseer, job_id: Id) -> Response:
        job = await deps.store.job(job_id)
        if job is None:
            raise Refusal.of(404, "job_unknown", "There is no such job.")
        return answer(job_shape(job))
