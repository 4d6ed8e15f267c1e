"""Administration beyond the published operations: limits and their history, import, books, jobs, the search index."""

from gateway.api import answers
from gateway.api import answers_more as more
from gateway.api.bodies_more import AdminBody, FeeBody, LimitsBody, ReasonBody
from gateway.api.operation import Call, Registry, Reply
from gateway.api.v1.admin_entities import minor_of
from gateway.api.v1.session import renamed
from gateway.api.views import admin_transfer_view, balances_view, camel, user_view
from libs.common.errors import Refusal

operations = Registry()
_ENTITIES = "Administration: entities"
_TRANSFERS = "Administration: transfers and log"
_NODE = "Administration: node"
_STATUSES = (400, 401, 403)
_LIMIT_FIELDS = {"max_negative_minor": "maxNegativeBalance", "max_positive_minor": "maxPositiveBalance"}


@operations.operation(
    "GET",
    "/api/v1/admin/entities/{entityID}/limits",
    summary="Every change of an entity's limits",
    who="admin",
    tag=_ENTITIES,
    statuses=(401, 403, 404),
    answers=list[more.LimitChange],
)
async def list_limit_changes(call: Call, entity_id: str) -> Reply:
    """With who, when and why, newest first."""
    return Reply(camel(await call.context.clients.ledger.limit_history(call.caller, entity_id)))


@operations.operation(
    "PUT",
    "/api/v1/admin/entities/{entityID}/limits",
    summary="Changes an entity's limits",
    who="admin",
    tag=_ENTITIES,
    statuses=(400, 401, 403, 404, 409),
    answers=answers.Balance,
    example={"maxNegativeBalance": 500, "maxPositiveBalance": 1000, "reason": "A year of regular trade"},
)
async def set_limits(call: Call, entity_id: str, *, body: LimitsBody) -> Reply:
    """In whole units. A limit below the present balance is refused. The reason is kept."""
    try:
        account = await call.context.clients.ledger.set_limits(
            call.caller,
            entity_id,
            max_negative_minor=minor_of(body.max_negative_balance),
            max_positive_minor=minor_of(body.max_positive_balance),
            reason=body.reason,
        )
    except Refusal as refusal:
        raise renamed(refusal, _LIMIT_FIELDS) from None
    return Reply(balances_view(account))


@operations.operation(
    "GET",
    "/api/v1/admin/entities/counts",
    summary="How many entities have each status",
    who="overseer",
    tag=_ENTITIES,
    statuses=(401, 403),
    answers=dict[str, int],
)
async def count_entities(call: Call) -> Reply:
    """What waits: new signups are `pending`, applications `tradingPending`."""
    return Reply(await call.context.clients.directory.counts(call.caller))


@operations.operation(
    "POST",
    "/api/v1/admin/transfers/{transferID}/cancel",
    summary="Cancels a pending transfer",
    who="admin",
    tag=_TRANSFERS,
    statuses=(400, 401, 403, 409),
    answers=answers.AdminTransfer,
    example={"reason": "Proposed by mistake"},
)
async def cancel_any_transfer(call: Call, transfer_id: str, *, body: ReasonBody) -> Reply:
    """Tells both parties the reason."""
    done = await call.context.clients.ledger.cancel(call.caller, transfer_id, reason=body.reason)
    return Reply(admin_transfer_view(done))


@operations.operation(
    "POST",
    "/api/v1/admin/imports/transfers",
    summary="Imports dated transfers of the past",
    who="admin",
    tag=_TRANSFERS,
    statuses=_STATUSES,
    answers=more.Import,
    large_body=True,
    raw_types=("text/csv",),
    raw_example="date,payer,payee,amount,description\n2025-11-30,1234567812345670,8765432187654321,20.00,Bread\n",
)
async def import_transfers(call: Call) -> Reply:
    """CSV `date,payer number,payee number,amount,description` in the order of dates; each line with its outcome. Safe to
    repeat."""
    return Reply(camel(await call.context.clients.ledger.import_transfers(call.caller, call.raw)))


@operations.operation(
    "POST",
    "/api/v1/admin/fees",
    summary="Begins a fee",
    who="admin",
    tag=_TRANSFERS,
    statuses=(400, 401, 403, 409),
    answers=more.FeeRule,
    status=201,
    example={"name": "Upkeep", "sharePpm": 5000},
)
async def add_fee(call: Call, *, body: FeeBody) -> Reply:
    """From now on payers pay this share (in millionths) to the community's account."""
    made = await call.context.clients.ledger.add_fee(call.caller, name=body.name, share_ppm=body.share_ppm)
    return Reply(camel(made))


@operations.operation(
    "DELETE",
    "/api/v1/admin/fees/{feeID}",
    summary="Ends a fee",
    who="admin",
    tag=_TRANSFERS,
    statuses=(400, 401, 403, 404),
)
async def end_fee(call: Call, fee_id: str) -> Reply:
    """For transfers proposed from now on."""
    await call.context.clients.ledger.end_fee(call.caller, fee_id)
    return Reply()


@operations.operation(
    "GET",
    "/api/v1/admin/audit",
    summary="State of the books",
    who="overseer",
    tag=_NODE,
    statuses=(401, 403),
    answers=more.Audit,
)
async def show_audit(call: Call) -> Reply:
    """What the continuous check found."""
    return Reply(camel(await call.context.clients.ledger.audit(call.caller)))


@operations.operation(
    "GET",
    "/api/v1/admin/jobs",
    summary="Renames and deletions on their way",
    who="overseer",
    tag=_NODE,
    statuses=(401, 403),
    answers=list[more.Job],
)
async def list_jobs(call: Call) -> Reply:
    """Of categories and tags, newest first."""
    return Reply(camel(await call.context.clients.directory.jobs(call.caller)))


@operations.operation(
    "POST",
    "/api/v1/admin/search-index/rebuild",
    summary="Rebuilds the search index while it is in use",
    who="admin",
    tag=_NODE,
    statuses=(401, 403),
    answers=more.Rebuild,
    status=202,
)
async def rebuild_index(call: Call) -> Reply:
    """One at a time; a second call joins it."""
    return Reply(camel(await call.context.clients.matcher.rebuild(call.own_caller, by=call.user_id)))


@operations.operation(
    "GET",
    "/api/v1/admin/search-index/rebuild",
    summary="How the rebuild stands",
    who="overseer",
    tag=_NODE,
    statuses=(401, 403),
    answers=more.Rebuild,
)
async def show_rebuild(call: Call) -> Reply:
    """The one under way, or the last one."""
    return Reply(camel(await call.context.clients.matcher.rebuild_status(call.own_caller)))


@operations.operation(
    "POST",
    "/api/v1/admin/admins",
    summary="Makes another administrator",
    who="admin",
    tag=_NODE,
    statuses=(400, 401, 403, 409),
    answers=answers.User,
    status=201,
    example={"email": "second@example.org", "password": "a-Long-1-password", "role": "admin"},
)
async def create_admin(call: Call, *, body: AdminBody) -> Reply:
    """An `operator` may only read health and figures."""
    made = await call.context.clients.identity.create_admin(
        call.caller, email=body.email, password=body.password, role=body.role
    )
    return Reply(user_view(made))
