"""What admins do."""

from typing import Literal, TypedDict, Unpack
from urllib.parse import quote

from . import answers as shapes
from . import answers_more as more
from .entities import EntityChanges
from .request import Amount, Moment, Page, Request, changes, data_of, get, known, number, paged, pay, send
from .transfers import States


def admin_entities(
    *,
    offers: list[str] | None = None,
    wants: list[str] | None = None,
    tagged_since: Moment | None = None,
    category: str | None = None,
    name: str | None = None,
    email: str | None = None,
    account_number: str | None = None,
    status: list[shapes.Status] | None = None,
    city: str | None = None,
    region: str | None = None,
    country: str | None = None,
    balance: Amount | None = None,
    max_pos_bal: Amount | None = None,
    max_neg_bal: Amount | None = None,
    page: int = 1,
    page_size: int = 100,
) -> Request[Page[shapes.AdminEntity]]:
    """Searches all entities. Amounts are at least so much."""
    return paged(
        "/admin/entities",
        offers=offers,
        wants=wants,
        tagged_since=tagged_since,
        category=category,
        name=name,
        email=email,
        account_number=account_number,
        status=status,
        city=city,
        region=region,
        country=country,
        balance=balance,
        max_pos_bal=max_pos_bal,
        max_neg_bal=max_neg_bal,
        page=page,
        page_size=page_size,
    )


def admin_entity(entity_id: str) -> Request[shapes.AdminEntity]:
    """One entity with people, limits and pending transfers."""
    return get(f"/admin/entities/{entity_id}")


class AdminEntityChanges(EntityChanges, total=False):
    status: shapes.Status
    categories: list[str]
    max_positive_balance: Amount
    max_negative_balance: Amount
    users: list[str]
    reason: str


def admin_update_entity(entity_id: str, **given: Unpack[AdminEntityChanges]) -> Request[shapes.AdminEntity]:
    """Changes what is given; None clears."""
    body = changes(given)
    for limit in ("maxPositiveBalance", "maxNegativeBalance"):
        if body.get(limit) is not None:
            body[limit] = number(body[limit])
    return send("PATCH", f"/admin/entities/{entity_id}", body)


def admin_delete_entity(entity_id: str) -> Request[shapes.AdminEntity]:
    """Deletes an entity whose balance is zero."""
    return send("DELETE", f"/admin/entities/{entity_id}", again="once")


def admin_entity_counts() -> Request[dict[str, int]]:
    """How many entities there are by status."""
    return get("/admin/entities/counts")


def admin_limits(entity_id: str) -> Request[list[more.LimitChange]]:
    """Every change of an account's limits."""
    return get(f"/admin/entities/{entity_id}/limits")


def admin_set_limits(
    entity_id: str,
    *,
    reason: str,
    max_positive_balance: Amount | None = None,
    max_negative_balance: Amount | None = None,
) -> Request[shapes.Balance]:
    """Sets limits, with a reason for the history."""
    body = known(
        reason=reason,
        maxPositiveBalance=None if max_positive_balance is None else number(max_positive_balance),
        maxNegativeBalance=None if max_negative_balance is None else number(max_negative_balance),
    )
    return send("PUT", f"/admin/entities/{entity_id}/limits", body)


def admin_users(
    *, last_name: str | None = None, email: str | None = None, page: int = 1, page_size: int = 100
) -> Request[Page[shapes.UserWithEntity]]:
    """Searches people."""
    return paged("/admin/users", last_name=last_name, email=email, page=page, page_size=page_size)


def admin_user(user_id: str) -> Request[shapes.UserWithEntity]:
    """One person with the entities it acts for."""
    return get(f"/admin/users/{user_id}")


class UserChanges(TypedDict, total=False):
    first_name: str | None
    last_name: str | None
    telephone: str | None
    email: str
    password: str
    entities: list[str]


def admin_update_user(user_id: str, **given: Unpack[UserChanges]) -> Request[shapes.UserWithEntity]:
    """Changes what is given; None clears."""
    return send("PATCH", f"/admin/users/{user_id}", changes(given))


def admin_delete_user(user_id: str) -> Request[shapes.User]:
    """Deletes a person's login."""
    return send("DELETE", f"/admin/users/{user_id}", again="once")


def admin_end_sessions(user_id: str) -> Request[more.Ended]:
    """Logs somebody out everywhere; how many sessions ended."""
    return send("DELETE", f"/admin/users/{user_id}/sessions")


def create_category(name: str) -> Request[shapes.Named]:
    """A new category."""
    return send("POST", "/admin/categories", {"name": name}, again="once")


def rename_category(category_id: str, name: str) -> Request[shapes.Named]:
    """Renames it everywhere; merges where the name exists."""
    return send("PATCH", f"/admin/categories/{category_id}", {"name": name}, again="once")


def delete_category(category_id: str) -> Request[shapes.Named]:
    """Removes it everywhere."""
    return send("DELETE", f"/admin/categories/{category_id}", again="once")


def create_tag(name: str) -> Request[shapes.Named]:
    """A new tag."""
    return send("POST", "/admin/tags", {"name": name}, again="once")


def rename_tag(tag_id: str, name: str) -> Request[shapes.Named]:
    """Renames it everywhere; merges where the name exists."""
    return send("PATCH", f"/admin/tags/{tag_id}", {"name": name}, again="once")


def delete_tag(tag_id: str) -> Request[shapes.Named]:
    """Removes it everywhere."""
    return send("DELETE", f"/admin/tags/{tag_id}", again="once")


def admin_transfer(
    payer: str, payee: str, amount: Amount, *, description: str = "", idempotency_key: str | None = None
) -> Request[shapes.AdminTransfer]:
    """A transfer on behalf of two accounts; completed at once, within their limits."""
    body = {"payer": payer, "payee": payee, "amount": number(amount), "description": description}
    return pay("POST", "/admin/transfers", body, idempotency_key)


def admin_transfers(
    *,
    status: States | list[States] = "all",
    account_number: str | None = None,
    date_from: Moment | None = None,
    date_to: Moment | None = None,
    page: int = 1,
    page_size: int = 100,
) -> Request[Page[shapes.AdminTransfer]]:
    """All transfers, newest first."""
    return paged(
        "/admin/transfers",
        status=status,
        account_number=account_number,
        date_from=date_from,
        date_to=date_to,
        page=page,
        page_size=page_size,
    )


def admin_show_transfer(transfer_id: str) -> Request[shapes.AdminTransfer]:
    """One transfer."""
    return get(f"/admin/transfers/{transfer_id}")


def admin_cancel_transfer(
    transfer_id: str, *, reason: str = "", idempotency_key: str | None = None
) -> Request[shapes.AdminTransfer]:
    """Cancels a proposal that waits."""
    return pay("POST", f"/admin/transfers/{quote(transfer_id, safe='')}/cancel", {"reason": reason}, idempotency_key)


def admin_logs(
    *,
    email: str | None = None,
    category: str | None = None,
    action: str | None = None,
    detail: str | None = None,
    date_from: Moment | None = None,
    date_to: Moment | None = None,
    page: int = 1,
    page_size: int = 100,
) -> Request[Page[shapes.LogEntry]]:
    """The activity log, newest first."""
    return paged(
        "/admin/logs",
        email=email,
        category=category,
        action=action,
        detail=detail,
        date_from=date_from,
        date_to=date_to,
        page=page,
        page_size=page_size,
    )


def admin_import_transfers(table: bytes) -> Request[more.Import]:
    """The past as a CSV table of dated transfers; a line brought in before is not brought in again."""
    return Request("POST", "/admin/imports/transfers", data_of, body=table, content_type="text/csv")


def admin_add_fee(name: str, share_ppm: int) -> Request[more.FeeRule]:
    """Begins a fee: this many millionths of each amount, paid by the payer on top."""
    return send("POST", "/admin/fees", {"name": name, "sharePpm": share_ppm}, again="once")


def admin_end_fee(fee_id: str) -> Request[None]:
    """Ends a fee for transfers proposed from now on."""
    return send("DELETE", f"/admin/fees/{fee_id}", again="once")


def admin_audit() -> Request[more.Audit]:
    """The state of the books."""
    return get("/admin/audit")


def admin_jobs() -> Request[list[more.Job]]:
    """Renames and deletes on their way."""
    return get("/admin/jobs")


def admin_rebuild_search() -> Request[more.Rebuild]:
    """Rebuilds the search index while it is in use."""
    return send("POST", "/admin/search-index/rebuild")


def admin_search_rebuild() -> Request[more.Rebuild]:
    """How far the rebuild is."""
    return get("/admin/search-index/rebuild")


def create_admin(email: str, password: str, *, role: Literal["admin", "operator"] = "admin") -> Request[shapes.User]:
    """Another admin or operator."""
    return send("POST", "/admin/admins", {"email": email, "password": password, "role": role}, again="once")
