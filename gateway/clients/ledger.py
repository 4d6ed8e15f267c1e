"""The ledger as the gateway calls it: accounts, transfers, statements. Amounts are integer minor units everywhere."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

from gateway.clients.ledger_shapes import (
    AccountJson,
    AccountLineJson,
    AuditJson,
    BalanceAtJson,
    BatchJson,
    FeeRuleJson,
    GroupJson,
    GroupTransfer,
    ImportJson,
    LimitChangeJson,
    NewTransfer,
    PendingJson,
    PreviewJson,
    SeriesPointJson,
    StatementJson,
    TransferJson,
    TransfersJson,
)
from libs.common.peers import Caller, Peers, StreamedAnswer

NUMBERS_MAX = 50_000
BATCH_TIMEOUT_S = 60.0
IMPORT_TIMEOUT_S = 120.0

Query = Mapping[str, str | int | bool | list[str]]


def _query(**values: object) -> Query:
    return cast("Query", {name: value for name, value in values.items() if value is not None and value != []})


class LedgerClient:
    """One method per endpoint. Raises Refusal as `Peers` does; an Idempotency-Key travels in the caller."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._numbers: dict[str, str] = {}

    async def _call(
        self,
        caller: Caller,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        timeout_s: float = 10.0,
    ) -> Any:
        answer = await self._peers.call(
            "ledger", method, path, caller=caller, query=query, body=body, timeout_s=timeout_s
        )
        return answer.json()

    # --- accounts

    async def open_account(
        self, caller: Caller, entity_id: str, *, name: str, owner_user_id: str | None = None
    ) -> AccountJson:
        """Idempotent; for services. Without a name for an existing account nothing is renamed."""
        body = {"name": name, "owner_user_id": owner_user_id}
        return cast("AccountJson", await self._call(caller, "PUT", f"/accounts/{entity_id}", body=body))

    async def set_standing(
        self, caller: Caller, entity_id: str, *, status: str, may_trade: bool, name: str | None = None
    ) -> AccountJson:
        """Acted on at once; for services and admins."""
        body = {"status": status, "may_trade": may_trade, "name": name}
        return cast("AccountJson", await self._call(caller, "PUT", f"/accounts/{entity_id}/standing", body=body))

    async def close_account(self, caller: Caller, entity_id: str) -> None:
        """Refused 409 `balance_not_zero` or `transfers_open` (LE-21). Idempotent."""
        await self._call(caller, "DELETE", f"/accounts/{entity_id}")

    async def account(self, caller: Caller, entity_id: str) -> AccountJson:
        """For members of the entity and admins; 403 else."""
        return cast("AccountJson", await self._call(caller, "GET", f"/accounts/{entity_id}"))

    async def accounts_by_entity(
        self, caller: Caller, entity_ids: Sequence[str], *, with_pending: bool = False
    ) -> list[AccountJson | AccountLineJson]:
        """At most 200; whole for own ones and for admins and services, then also with open proposals where asked; unknown
        ones are missing."""
        body: dict[str, object] = {"entity_ids": list(entity_ids)}
        return await self._fetch(caller, body | ({"with_pending": True} if with_pending else {}))

    async def numbers(self, caller: Caller, entity_ids: Sequence[str]) -> dict[str, str]:
        """Account numbers by entity, for whoever is logged in and may see these entities; at most 200. A number is
        permanent, so each is asked for once."""
        missing = [entity_id for entity_id in entity_ids if entity_id not in self._numbers]
        accounts = await self.accounts_by_entity(caller, missing) if missing else []
        found = {account["entity_id"]: account["number"] for account in accounts if account["entity_id"] is not None}
        known = {each: self._numbers[each] for each in entity_ids if each in self._numbers}
        self._numbers |= found
        while len(self._numbers) > NUMBERS_MAX:
            del self._numbers[next(iter(self._numbers))]
        return known | found

    async def accounts_by_number(self, caller: Caller, numbers: Sequence[str]) -> list[AccountJson | AccountLineJson]:
        """As accounts_by_entity, by account number."""
        return await self._fetch(caller, {"numbers": list(numbers)})

    async def _fetch(self, caller: Caller, body: Mapping[str, object]) -> list[AccountJson | AccountLineJson]:
        found = await self._call(caller, "POST", "/accounts/fetch", body=body)
        return cast("list[AccountJson | AccountLineJson]", found["items"])

    async def find_entities(
        self,
        caller: Caller,
        *,
        balance_min_minor: int | None = None,
        max_positive_min_minor: int | None = None,
        max_negative_min_minor: int | None = None,
        number: str | None = None,
    ) -> list[str]:
        """Ids of all entities whose account is at least so (AD-03); for admins."""
        query = _query(
            balance_min_minor=balance_min_minor,
            max_positive_min_minor=max_positive_min_minor,
            max_negative_min_minor=max_negative_min_minor,
            number=number,
        )
        return cast("list[str]", (await self._call(caller, "GET", "/accounts", query=query))["entity_ids"])

    async def set_limits(
        self,
        caller: Caller,
        entity_id: str,
        *,
        max_negative_minor: int | None = None,
        max_positive_minor: int | None = None,
        reason: str = "",
    ) -> AccountJson:
        """For admins. 400 `limit_below_balance` where the present balance would break it (LE-18)."""
        body = {"max_negative_minor": max_negative_minor, "max_positive_minor": max_positive_minor, "reason": reason}
        return cast("AccountJson", await self._call(caller, "PUT", f"/accounts/{entity_id}/limits", body=body))

    async def limit_history(self, caller: Caller, entity_id: str) -> list[LimitChangeJson]:
        """Every change, newest first; for admins."""
        found = await self._call(caller, "GET", f"/accounts/{entity_id}/limits")
        return cast("list[LimitChangeJson]", found["items"])

    # --- transfers

    async def propose(self, caller: Caller, transfer: NewTransfer) -> TransferJson:
        """400 with `same_account`, `unknown_account`, `may_not_trade`, `limit_reached` (field amount), `amount_…`,
        `text_…`; 403 where the initiator's account is not the caller's."""
        return cast("TransferJson", await self._call(caller, "POST", "/transfers", body=transfer))

    async def preview(self, caller: Caller, transfer: NewTransfer) -> PreviewJson:
        """Fees and total before confirming; judges shape and rights, keeps nothing."""
        return cast("PreviewJson", await self._call(caller, "POST", "/transfers/preview", body=transfer))

    async def accept(self, caller: Caller, transfer_id: str) -> TransferJson:
        """By the other party. 400 `limit_reached`: the transfer is cancelled then. 400 `transfer_finished`.
        403 `not_a_party` for everybody else and for unknown ids; 400 `own_proposal` for the initiator."""
        return cast("TransferJson", await self._call(caller, "POST", f"/transfers/{transfer_id}/accept", body={}))

    async def reject(self, caller: Caller, transfer_id: str, *, reason: str = "") -> TransferJson:
        """By the receiver of the proposal."""
        body = {"reason": reason}
        return cast("TransferJson", await self._call(caller, "POST", f"/transfers/{transfer_id}/reject", body=body))

    async def cancel(self, caller: Caller, transfer_id: str, *, reason: str = "") -> TransferJson:
        """By the initiator, or by an admin."""
        body = {"reason": reason}
        return cast("TransferJson", await self._call(caller, "POST", f"/transfers/{transfer_id}/cancel", body=body))

    async def refund(
        self, caller: Caller, transfer_id: str, *, amount_minor: int | None = None, description: str = ""
    ) -> TransferJson:
        """Proposes the way back of a completed transfer, whole or in part; the other party consents by accept."""
        body = {"amount_minor": amount_minor, "description": description}
        return cast("TransferJson", await self._call(caller, "POST", f"/transfers/{transfer_id}/refund", body=body))

    async def transfer(self, caller: Caller, transfer_id: str, *, entity_id: str | None = None) -> TransferJson:
        """For parties and admins; 403 `not_a_party` else and for unknown ids. `entity_id` narrows to one's own one."""
        query = _query(entity_id=entity_id)
        return cast("TransferJson", await self._call(caller, "GET", f"/transfers/{transfer_id}", query=query))

    async def transfers(
        self,
        caller: Caller,
        *,
        entity_id: str | None = None,
        number: str | None = None,
        status: Sequence[str] = (),
        date_from: str | None = None,
        date_to: str | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> TransfersJson:
        """Newest first. Members name their `entity_id`; admins may leave it out. `status`: initiated, completed,
        cancelled. Dates RFC 3339, `date_to` excluded. Fee and import legs are listed with their kind."""
        query = _query(
            entity_id=entity_id,
            number=number,
            status=list(status),
            date_from=date_from,
            date_to=date_to,
            page=page,
            page_size=page_size,
        )
        return cast("TransfersJson", await self._call(caller, "GET", "/transfers", query=query))

    async def pending(self, caller: Caller, entity_ids: Sequence[str]) -> list[PendingJson]:
        """Open proposals of several own entities, newest first, at most 200."""
        found = await self._call(caller, "GET", "/pending", query=_query(entity_ids=list(entity_ids)))
        return cast("list[PendingJson]", found["items"])

    async def on_behalf(
        self, caller: Caller, *, payer: str, payee: str, amount_minor: int, description: str
    ) -> TransferJson:
        """By an admin, completes at once (LE-17). Account numbers."""
        body = {"payer": payer, "payee": payee, "amount_minor": amount_minor, "description": description}
        return cast("TransferJson", await self._call(caller, "POST", "/transfers/on-behalf", body=body))

    async def batch(
        self, caller: Caller, transfers: Sequence[NewTransfer], *, all_or_nothing: bool = False
    ) -> BatchJson:
        """Many proposals of one's own entities, each line with its own outcome (LE-16); at most 1000 lines."""
        body = {"transfers": list(transfers), "all_or_nothing": all_or_nothing}
        answer = await self._call(caller, "POST", "/transfers/batch", body=body, timeout_s=BATCH_TIMEOUT_S)
        return cast("BatchJson", answer)

    async def batch_csv(self, caller: Caller, csv: bytes, *, initiator: str, all_or_nothing: bool = False) -> BatchJson:
        """The same from CSV with the columns `direction,receiver,amount,description`; amounts in decimals."""
        query = _query(initiator=initiator, all_or_nothing=all_or_nothing)
        answer = await self._peers.call(
            "ledger",
            "POST",
            "/transfers/batch",
            caller=caller,
            query=query,
            raw=csv,
            content_type="text/csv",
            timeout_s=BATCH_TIMEOUT_S,
        )
        return cast("BatchJson", answer.json())

    async def propose_group(self, caller: Caller, initiator: str, transfers: Sequence[GroupTransfer]) -> GroupJson:
        """At most 20 transfers between any accounts that post together at the last consent; every account concerned
        consents once, the initiator (one of them, the caller's) by proposing."""
        body = {"initiator": initiator, "transfers": list(transfers)}
        return cast("GroupJson", await self._call(caller, "POST", "/groups", body=body))

    async def accept_group(self, caller: Caller, group_id: str, entity_id: str) -> GroupJson:
        """Consent of one own entity; the last one posts everything. 400 `limit_reached`, `transfer_finished`."""
        body = {"entity_id": entity_id}
        return cast("GroupJson", await self._call(caller, "POST", f"/groups/{group_id}/accept", body=body))

    async def end_group(self, caller: Caller, group_id: str, *, reason: str = "") -> GroupJson:
        """Any party, or an admin, ends an open group."""
        return cast("GroupJson", await self._call(caller, "POST", f"/groups/{group_id}/end", body={"reason": reason}))

    async def group(self, caller: Caller, group_id: str) -> GroupJson:
        """For parties and admins."""
        return cast("GroupJson", await self._call(caller, "GET", f"/groups/{group_id}"))

    async def fees(self, caller: Caller) -> list[FeeRuleJson]:
        """The rules in force (LE-11)."""
        return cast("list[FeeRuleJson]", (await self._call(caller, "GET", "/fees"))["items"])

    async def add_fee(self, caller: Caller, *, name: str, share_ppm: int) -> FeeRuleJson:
        """By an admin: from now on payers pay this share to the community's account."""
        body = {"name": name, "share_ppm": share_ppm}
        return cast("FeeRuleJson", await self._call(caller, "POST", "/fees", body=body))

    async def end_fee(self, caller: Caller, fee_id: str) -> None:
        """By an admin."""
        await self._call(caller, "DELETE", f"/fees/{fee_id}")

    async def import_transfers(self, caller: Caller, csv: bytes) -> ImportJson:
        """A past, as CSV `date,payer number,payee number,amount,description` in date order (AD-11); safe to repeat.
        For admins and the service `operator`."""
        answer = await self._peers.call(
            "ledger",
            "POST",
            "/imports/transfers",
            caller=caller,
            raw=csv,
            content_type="text/csv",
            timeout_s=IMPORT_TIMEOUT_S,
        )
        return cast("ImportJson", answer.json())

    # --- reads of one account

    async def statement(
        self,
        caller: Caller,
        entity_id: str,
        *,
        date_from: str | None = None,
        date_to: str | None = None,
        text: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> StatementJson:
        """Completed transfers newest first with the running balance (LE-14). 400 `range_backwards`."""
        query = _query(date_from=date_from, date_to=date_to, text=text, cursor=cursor, limit=limit)
        found = await self._call(caller, "GET", f"/accounts/{entity_id}/statement", query=query)
        return cast("StatementJson", found)

    def statement_csv(
        self, caller: Caller, entity_id: str, *, date_from: str | None = None, date_to: str | None = None
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Streamed in constant memory."""
        query = _query(date_from=date_from, date_to=date_to)
        path = f"/accounts/{entity_id}/statement.csv"
        return self._peers.stream("ledger", "GET", path, caller=caller, query=query)

    def statement_pdf(
        self,
        caller: Caller,
        entity_id: str,
        *,
        date_from: str | None = None,
        date_to: str | None = None,
        language: str | None = None,
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """With the community's name, page numbers and totals."""
        query = _query(date_from=date_from, date_to=date_to, language=language)
        path = f"/accounts/{entity_id}/statement.pdf"
        return self._peers.stream("ledger", "GET", path, caller=caller, query=query)

    def statement_json(
        self, caller: Caller, entity_id: str, *, date_from: str | None = None, date_to: str | None = None
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """The signed statement with its proof, to be checked offline (LE-19)."""
        query = _query(date_from=date_from, date_to=date_to)
        path = f"/accounts/{entity_id}/statement.json"
        return self._peers.stream("ledger", "GET", path, caller=caller, query=query)

    async def proof_key(self, caller: Caller) -> str:
        """The public key that statements are signed with, in base64."""
        found = await self._call(caller, "GET", "/proof/key")
        return str(found["public_key"])

    async def series(
        self, caller: Caller, entity_id: str, *, date_from: str | None = None, date_to: str | None = None
    ) -> list[SeriesPointJson]:
        """One point a local day for the chart, at most 400; the last 90 days where no dates are given."""
        query = _query(date_from=date_from, date_to=date_to)
        found = await self._call(caller, "GET", f"/accounts/{entity_id}/series", query=query)
        return cast("list[SeriesPointJson]", found["items"])

    async def balance_at(self, caller: Caller, entity_id: str, at: str) -> BalanceAtJson:
        """Balance at a past moment (RFC 3339)."""
        found = await self._call(caller, "GET", f"/accounts/{entity_id}/balance", query=_query(at=at))
        return cast("BalanceAtJson", found)

    async def audit(self, caller: Caller) -> AuditJson:
        """State of the books (LE-20); for admins and services."""
        return cast("AuditJson", await self._call(caller, "GET", "/audit"))
