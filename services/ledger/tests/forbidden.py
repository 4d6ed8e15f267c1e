"""Statements that nobody may run: as the service's role every one is refused; as the tables' owner it is refused, or the
statement breaks something that an audit of the books finds.

`{payer}`, `{payee}`: ids of two accounts with history; `{transfer}`: a completed transfer between them; `{open}`: an open
proposal of the payer; `{id}`: a fresh id; `{entity}`: the payer's entity; `{number}`, `{other}`: their numbers.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forbidden:
    """One statement. `audit`: the owner can run it, and this fault of the books is what an audit finds then."""

    name: str
    sql: str
    audit: str | None = None


_HEADER = "id, payer, payee, amount, kind, description, initiator, created_at, body_hash"
_ENTRY = "account_id, seq, transfer_id, amount, balance_after, at"
_NEW_ENTRY = "insert into entry (" + _ENTRY + ") "

FORBIDDEN = [
    Forbidden("change an entry's amount", "update entry set amount = amount + 1 where account_id = '{payer}'"),
    Forbidden("change an entry's moment", "update entry set at = at - interval '1 day'"),
    Forbidden(
        "move an entry to another account", "update entry set account_id = '{payee}' where account_id = '{payer}'"
    ),
    Forbidden("renumber positions", "update entry set pos = pos + 1000"),
    Forbidden("delete an entry", "delete from entry where account_id = '{payer}'"),
    Forbidden("empty the entries", "truncate entry"),
    Forbidden("empty everything", "truncate entry, transfer, resolution, hold, account cascade"),
    Forbidden("change a transfer's amount", "update transfer set amount = 1"),
    Forbidden("change a transfer's text", "update transfer set description = 'other'"),
    Forbidden("change a transfer's payee", "update transfer set payee = '{payer}' where payee = '{payee}'"),
    Forbidden("delete a transfer", "delete from transfer where id = '{transfer}'"),
    Forbidden("empty the transfers", "truncate transfer cascade"),
    Forbidden("change an outcome", "update resolution set kind = 'cancelled' where transfer_id = '{transfer}'"),
    Forbidden("delete an outcome", "delete from resolution where transfer_id = '{transfer}'"),
    Forbidden("empty the outcomes", "truncate resolution"),
    Forbidden(
        "resolve a second time",
        "insert into resolution (transfer_id, kind, at, actor) values ('{transfer}', 'rejected', now(), 'system')",
    ),
    Forbidden(
        "resolve what does not exist",
        "insert into resolution (transfer_id, kind, at, actor) values ('{id}', 'rejected', now(), 'system')",
    ),
    Forbidden(
        "resolve in an unknown way",
        "insert into resolution (transfer_id, kind, at, actor) values ('{open}', 'vanished', now(), 'system')",
    ),
    Forbidden(
        "call a proposal completed without posting",
        "insert into resolution (transfer_id, kind, at, actor) values ('{open}', 'completed', now(), 'system')",
        audit="outcomes",
    ),
    Forbidden(
        "one leg without the other",
        _NEW_ENTRY + "values ('{payer}', 99, '{transfer}', 5, 5, now())",
    ),
    Forbidden(
        "two legs that do not sum to zero",
        _NEW_ENTRY + "values ('{payer}', 99, '{transfer}', -5, 0, now()), ('{payee}', 99, '{transfer}', 6, 0, now())",
    ),
    Forbidden(
        "a balanced posting that no header backs",
        _NEW_ENTRY + "values ('{payer}', 99, '{id}', -5, 0, now()), ('{payee}', 99, '{id}', 5, 0, now())",
    ),
    Forbidden(
        "post a transfer a second time",
        _NEW_ENTRY
        + "select account_id, seq + 50, transfer_id, amount, balance_after + amount, at from entry"
        + " where transfer_id = '{transfer}'",
    ),
    Forbidden(
        "an entry under a sequence number that is taken",
        _NEW_ENTRY + "select account_id, seq, transfer_id, amount, balance_after, at from entry limit 1",
    ),
    Forbidden("an entry of nothing", _NEW_ENTRY + "values ('{payer}', 99, '{transfer}', 0, 0, now())"),
    Forbidden("an entry numbered zero", _NEW_ENTRY + "values ('{payer}', 0, '{transfer}', 5, 5, now())"),
    Forbidden("give oneself a balance", "update account set balance = balance + 100 where id = '{payer}'"),
    Forbidden(
        "give oneself a balance with a new sequence number",
        "update account set balance = balance + 100, seq = seq + 1 where id = '{payer}'",
    ),
    Forbidden(
        "move a balance between accounts without entries",
        "update account set balance = -balance, seq = seq + 1 where id in ('{payer}', '{payee}')",
    ),
    Forbidden("turn the sequence back", "update account set seq = seq - 1 where id = '{payer}'"),
    Forbidden("break the upper limit", "update account set max_balance = balance - 1 where id = '{payee}'"),
    Forbidden("break the lower limit", "update account set min_balance = 0 where id = '{payer}'"),
    Forbidden("reserve more than there is", "update account set held_out = 1000000000 where id = '{payer}'"),
    Forbidden("reserve below zero", "update account set held_out = -1 where id = '{payee}'"),
    Forbidden("lift a reservation", "update account set held_out = 0 where id = '{payer}'", audit="holds"),
    Forbidden(
        "raise a limit without a line in the history",
        "update account set max_balance = 10000000",
        audit="limits_history",
    ),
    Forbidden("change an account's number", "update account set number = '5000000000000009' where id = '{payer}'"),
    Forbidden("give an account to another entity", "update account set entity_id = '{id}' where id = '{payer}'"),
    Forbidden("delete an account", "delete from account where id = '{payer}'"),
    Forbidden(
        "open an account with a balance",
        "insert into account (id, number, entity_id, kind, unit, name, balance, seq, min_balance, max_balance)"
        " values ('{id}', '{fresh}', '{id}', 'member', 'CR', 'x', 100, 1, 0, 1000)",
    ),
    Forbidden(
        "open an account with a wrong check digit",
        "insert into account (id, number, entity_id, kind, unit, name, min_balance, max_balance)"
        " values ('{id}', '1111111111111111', '{id}', 'member', 'CR', 'x', 0, 1000)",
    ),
    Forbidden(
        "a transfer of nothing",
        f"insert into transfer ({_HEADER}) values"
        " ('{id}', '{payer}', '{payee}', 0, 'transfer', '', 'payer', now(), '')",
    ),
    Forbidden(
        "a negative transfer",
        f"insert into transfer ({_HEADER}) values"
        " ('{id}', '{payer}', '{payee}', -5, 'transfer', '', 'payer', now(), '')",
    ),
    Forbidden(
        "a transfer to oneself",
        f"insert into transfer ({_HEADER}) values"
        " ('{id}', '{payer}', '{payer}', 5, 'transfer', '', 'payer', now(), '')",
    ),
    Forbidden(
        "a transfer beyond the largest amount",
        f"insert into transfer ({_HEADER}) values"
        " ('{id}', '{payer}', '{payee}', 100000000000001, 'transfer', '', 'payer', now(), '')",
    ),
    Forbidden(
        "a transfer from an account that does not exist",
        f"insert into transfer ({_HEADER}) values"
        " ('{id}', '{id}', '{payee}', 5, 'transfer', '', 'payer', now(), '')",
    ),
    Forbidden(
        "a header without hold and outcome",
        f"insert into transfer ({_HEADER}) values"
        " ('{id}', '{payer}', '{payee}', 5, 'transfer', '', 'payer', now(), '')",
        audit="unresolved",
    ),
    Forbidden("drop a hold", "delete from hold where transfer_id = '{open}'", audit="unresolved"),
    Forbidden("empty the holds", "truncate hold"),
    Forbidden("rewrite the limits' history", "update limit_change set reason = 'none'"),
    Forbidden("delete the limits' history", "delete from limit_change"),
    Forbidden("rewrite a remembered outcome", "update idempotency set code = 'ok', body_hash = ''"),
    Forbidden("empty the remembered outcomes", "truncate idempotency"),
    Forbidden("rewrite a sealed block", "update block set hash = previous_hash"),
    Forbidden("delete a sealed block", "delete from block"),
    Forbidden("switch a guard off", "alter table entry disable trigger entry_balanced", audit="guards"),
    Forbidden("drop a guard", "drop trigger account_balance_by_entry on account", audit="guards"),
    Forbidden("drop a limit", "alter table account drop constraint account_within_limits", audit="guards"),
    Forbidden(
        "replace a function",
        "create or replace function posting_lock() returns bigint language sql immutable parallel safe"
        " as $x$ select 0::bigint $x$",
        audit="guards",
    ),
    Forbidden("hide the guards for a session", "set session_replication_role = replica"),
]
"""What the owner alone could do is marked with the check that finds it."""

SERVICE_ONLY = [
    Forbidden("become the owner", "set role mccs_ledger_owner"),
    Forbidden("book directly", "select book(array['{transfer}'::uuid], array['{payer}'::uuid], array['{payee}'::uuid],"
              " array[5::bigint], array[0::bigint], now())"),
    Forbidden("end a proposal directly", "select finish(array['{open}'::uuid], 'expired', 'system', null, '')"),
    Forbidden("remember an outcome directly", "select remember('pay', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}')"),
    Forbidden("tell an event directly", "select tell_transfers(array['{transfer}'::uuid], array[null::text])"),
    Forbidden("give a consent directly", "select consent('{id}', '{payer}', 'u', 0)"),
    Forbidden("read the outbox", "select * from outbox"),
    Forbidden("write the outbox", "insert into outbox (id, type, subject, data) values ('a', 'b', 'c', '{{}}')"),
    Forbidden("make a table", "create table mine (a int)"),
    Forbidden("take the next position", "select nextval('entry_pos')"),
]  # fmt: skip
"""Rights that the owner has and the service has not."""
