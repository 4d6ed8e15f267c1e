"""Balances and transfers. Whatever moves credit carries an idempotency key: one's own, or one that is made here."""

from typing import Literal, NotRequired, TypedDict
from urllib.parse import quote

from . import answers as shapes
from . import answers_more as more
from .request import (
    Amount,
    Moment,
    Page,
    Part,
    Request,
    data_of,
    file,
    get,
    known,
    number,
    paged,
    parted,
    pay,
    send,
    texts,
)

Direction = Literal["out", "in"]
States = Literal["all", "initiated", "completed", "cancelled"]


class Proposal(TypedDict):
    """A transfer to be: `out` pays, `in` asks to be paid; `initiator` and `receiver` are account numbers."""

    transfer: Direction
    initiator: str
    receiver: str
    amount: Amount
    description: NotRequired[str]


def balance(entity_id: str) -> Request[shapes.Balance]:
    """Balance, limits, and what is available."""
    return get("/balance", querying_entity_id=entity_id)


def balance_at(entity_id: str, at: Moment) -> Request[more.BalanceAt]:
    """The balance at a past moment."""
    return get("/balance/at", querying_entity_id=entity_id, at=at)


def balance_series(
    entity_id: str, *, date_from: Moment | None = None, date_to: Moment | None = None
) -> Request[list[more.SeriesPoint]]:
    """The balance at the end of each day."""
    return get("/balance/series", querying_entity_id=entity_id, date_from=date_from, date_to=date_to)


def propose(
    transfer: Direction,
    *,
    initiator: str,
    receiver: str,
    amount: Amount,
    description: str = "",
    idempotency_key: str | None = None,
) -> Request[shapes.TransferInitiated]:
    """Proposes a transfer: `out` pays, `in` asks to be paid. The other party decides."""
    return pay("POST", "/transfers", _proposal(transfer, initiator, receiver, amount, description), idempotency_key)


def preview(
    transfer: Direction, *, initiator: str, receiver: str, amount: Amount, description: str = ""
) -> Request[more.Preview]:
    """Fees and the total before confirming; nothing is kept."""
    return send("POST", "/transfers/preview", _proposal(transfer, initiator, receiver, amount, description))


def accept(transfer_id: str, *, idempotency_key: str | None = None) -> Request[shapes.TransferView]:
    """Accepts what the other party proposed: the credit moves."""
    return _resolve(transfer_id, "accept", "", idempotency_key)


def reject(transfer_id: str, *, reason: str = "", idempotency_key: str | None = None) -> Request[shapes.TransferView]:
    """Declines what the other party proposed."""
    return _resolve(transfer_id, "reject", reason, idempotency_key)


def cancel(transfer_id: str, *, reason: str = "", idempotency_key: str | None = None) -> Request[shapes.TransferView]:
    """Withdraws an own proposal."""
    return _resolve(transfer_id, "cancel", reason, idempotency_key)


def refund(
    transfer_id: str, *, amount: Amount | None = None, description: str = "", idempotency_key: str | None = None
) -> Request[shapes.TransferInitiated]:
    """Proposes the way back of a completed transfer, whole or in part."""
    body = known(amount=None if amount is None else number(amount), description=description)
    return pay("POST", f"/transfers/{transfer_id}/refund", body, idempotency_key)


def transfers(
    entity_id: str,
    *,
    status: States | list[States] = "all",
    date_from: Moment | None = None,
    date_to: Moment | None = None,
    page: int = 1,
    page_size: int = 100,
) -> Request[Page[shapes.TransferView]]:
    """Transfers of an own entity, newest first."""
    return paged(
        "/transfers",
        querying_entity_id=entity_id,
        status=status,
        date_from=date_from,
        date_to=date_to,
        page=page,
        page_size=page_size,
    )


def transfer(transfer_id: str, *, querying_entity_id: str | None = None) -> Request[shapes.TransferView]:
    """One transfer as its party sees it."""
    return get(f"/transfers/{transfer_id}", querying_entity_id=querying_entity_id)


def pending(*, entity_id: str | None = None) -> Request[list[more.PendingTransfer]]:
    """Open proposals of one or all own entities, with what one may do."""
    return get("/pending", querying_entity_id=entity_id)


def batch(
    proposals: list[Proposal], *, all_or_nothing: bool = False, idempotency_key: str | None = None
) -> Request[more.Batch]:
    """Many proposals at once, each with its own outcome; or all or none."""
    body = {"transfers": [_shape(each) for each in proposals], "allOrNothing": all_or_nothing}
    return pay("POST", "/transfers/batch", body, idempotency_key)


def batch_csv(
    table: bytes, *, initiator: str | None = None, all_or_nothing: bool = False, idempotency_key: str | None = None
) -> Request[more.Batch]:
    """As `batch`, from a CSV table."""
    keyed = pay("POST", "/transfers/batch", {}, idempotency_key)
    query = texts({"initiator": initiator, "all_or_nothing": all_or_nothing})
    return Request(
        "POST", keyed.path, data_of, "keyed", query=query, body=table, content_type="text/csv", key=keyed.key
    )


class GroupLine(TypedDict):
    """One transfer of a group, between any two accounts."""

    payer: str
    payee: str
    amount: Amount
    description: NotRequired[str]


def propose_group(
    initiator: str, transfers: list[GroupLine], *, idempotency_key: str | None = None
) -> Request[more.Group]:
    """Transfers that happen all together or not at all, once every account concerned has consented."""
    lines = [{**each, "amount": number(each["amount"])} for each in transfers]
    return pay("POST", "/transfer-groups", {"initiator": initiator, "transfers": lines}, idempotency_key)


def accept_group(group_id: str, entity_id: str, *, idempotency_key: str | None = None) -> Request[more.Group]:
    """Consents for an own entity; the last consent posts everything."""
    return pay("POST", f"/transfer-groups/{group_id}/accept", {"entityID": entity_id}, idempotency_key)


def end_group(group_id: str, *, reason: str = "", idempotency_key: str | None = None) -> Request[more.Group]:
    """Ends one that is open."""
    return pay("POST", f"/transfer-groups/{group_id}/end", {"reason": reason}, idempotency_key)


def fees() -> Request[list[more.FeeRule]]:
    """The fees in force."""
    return get("/fees")


def group(group_id: str) -> Request[more.Group]:
    """One of those."""
    return get(f"/transfer-groups/{group_id}")


def statement(
    entity_id: str,
    *,
    date_from: Moment | None = None,
    date_to: Moment | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Request[Part[more.StatementLine]]:
    """Completed transfers with the balance after each."""
    return parted(
        "/statement",
        querying_entity_id=entity_id,
        date_from=date_from,
        date_to=date_to,
        search=search,
        cursor=cursor,
        limit=limit,
    )


def statement_csv(entity_id: str, *, date_from: Moment | None = None, date_to: Moment | None = None) -> Request[bytes]:
    """The statement as a table."""
    return file("/statement.csv", querying_entity_id=entity_id, date_from=date_from, date_to=date_to)


def statement_pdf(
    entity_id: str,
    *,
    date_from: Moment | None = None,
    date_to: Moment | None = None,
    language: str | None = None,
) -> Request[bytes]:
    """The statement to be printed."""
    return file("/statement.pdf", querying_entity_id=entity_id, date_from=date_from, date_to=date_to, language=language)


def statement_json(entity_id: str, *, date_from: Moment | None = None, date_to: Moment | None = None) -> Request[bytes]:
    """The signed statement with its proof, as `mccs verify-statement` checks it."""
    return file("/statement.json", querying_entity_id=entity_id, date_from=date_from, date_to=date_to)


def proof_key() -> Request[more.ProofKey]:
    """The key by which statements are signed."""
    return get("/proof/key")


def _resolve(transfer_id: str, action: str, reason: str, key: str | None) -> Request[shapes.TransferView]:
    body = {"action": action} | ({"cancellationReason": reason} if reason else {})
    return pay("PATCH", f"/transfers/{quote(transfer_id, safe='')}", body, key)


def _proposal(
    transfer: str, initiator: str, receiver: str, amount: Amount, description: str
) -> dict[str, str | int | float]:
    return {
        "transfer": transfer,
        "initiator": initiator,
        "receiver": receiver,
        "amount": number(amount),
        "description": description,
    }


def _shape(given: Proposal) -> dict[str, str | int | float]:
    return _proposal(
        given["transfer"], given["initiator"], given["receiver"], given["amount"], given.get("description", "")
    )
