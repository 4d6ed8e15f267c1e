"""Events in: who is told what; twice, in disorder, and poison."""

import asyncio
import random

import pydantic
import pytest

from libs.common.contracts import directory, identity, ledger
from libs.common.contracts.consumers import topics_of
from libs.common.envelope import Envelope
from services.notifier.consumers import handlers
from services.notifier.tests import events
from services.notifier.tests.conftest import Bench
from services.notifier.tests.events import MAX, NOW, ROSA, told


async def hear(bench: Bench, *envelopes: Envelope) -> None:
    known = handlers(bench.deps)
    for envelope in envelopes:
        await known[envelope.type](envelope)


async def kinds_told(bench: Bench) -> list[tuple[str, str]]:
    return [
        (row["kind"], row["recipient_id"])
        for row in await bench.rows("select kind, recipient_id from notice order by kind, recipient_id")
    ]


async def mails(bench: Bench) -> list[str]:
    sql = "select kind from mail join notice on notice.id = notice_id order by kind"
    return [row["kind"] for row in await bench.rows(sql)]


async def test_every_type_that_the_queue_is_bound_to_is_handled(bench: Bench):
    assert set(handlers(bench.deps)) == topics_of("notifier")


async def test_a_signup_welcomes_the_member_and_tells_the_operator(bench: Bench):
    await hear(bench, events.user_registered())
    assert await kinds_told(bench) == [("new_signup", "operator"), ("welcome", "u1")]
    assert await mails(bench) == ["new_signup", "welcome"]


async def test_who_joins_by_an_invitation_is_welcomed_and_the_operator_is_not_told(bench: Bench):
    event = identity.UserJoinedV1(user_id="u2", entity_id=ROSA, email="u2@example.org", verification_id="v")
    envelope = told(event, subject="u2")
    await hear(bench, events.entity_registered(), envelope, envelope)
    assert await kinds_told(bench) == [("welcome", "u2")]
    [mail] = await bench.rows(
        "select address, secret_id, params->>'entity' as entity from mail join notice on notice.id = notice_id"
    )
    assert mail == {"address": "u2@example.org", "secret_id": "v", "entity": "Bakery Rosa"}


async def test_the_operators_signup_notice_can_be_switched_off(bench: Bench):
    envelope = events.user_registered()
    await handlers(bench.with_settings(signup_notice=False))[envelope.type](envelope)
    assert await kinds_told(bench) == [("welcome", "u1")]


async def test_without_an_operators_address_alarms_stay_in_the_bell(bench: Bench):
    envelope = told(ledger.BooksBrokenV1(check="sum", detail="off", account_numbers=["1"]))
    await handlers(bench.with_settings(operator_email=""))[envelope.type](envelope)
    assert await kinds_told(bench) == [("books_broken", "operator")]
    assert await mails(bench) == []


@pytest.mark.parametrize(
    ("envelope", "told_to"),
    [
        (events.proposed(), [("transfer_proposed", ROSA)]),
        (events.proposed(initiator="payee"), [("transfer_proposed", MAX)]),
        (events.completed(), [("transfer_accepted", MAX)]),
        (
            events.completed(kind="adminTransfer", initiator="admin"),
            [("transfer_on_behalf", MAX), ("transfer_on_behalf", ROSA)],
        ),
        (events.completed(kind="import"), []),
        (events.completed(kind="fee"), []),
        (events.cancelled("rejected", "payee", "no"), [("transfer_rejected", MAX)]),
        (events.cancelled("cancelled", "payer"), [("transfer_cancelled", ROSA)]),
        (events.cancelled("cancelled", "admin"), [("transfer_cancelled", MAX), ("transfer_cancelled", ROSA)]),
        (
            events.cancelled("refused_by_limit", "system"),
            [("transfer_cancelled_by_system", MAX), ("transfer_cancelled_by_system", ROSA)],
        ),
        (events.cancelled("expired", "system"), [("transfer_expired", MAX), ("transfer_expired", ROSA)]),
        (events.expiring(), [("transfer_expiring", ROSA)]),
        (
            events.completed(kind="adminTransfer", payee=ledger.Party(entity_id=None, number="3", name="Community")),
            [("transfer_on_behalf", MAX)],
        ),
    ],
)
async def test_who_hears_of_a_transfer(bench: Bench, envelope, told_to):
    await hear(bench, envelope, envelope)
    assert await kinds_told(bench) == told_to
    assert await mails(bench) == [kind for kind, _ in told_to]


async def test_the_systems_reason_is_not_told_since_it_may_speak_of_the_others_limits(bench: Bench):
    await hear(bench, events.cancelled("refused_by_limit", "system", "payee limit 500.00"))
    assert all(row["params"]["reason"] == "" for row in await bench.rows("select params from notice"))


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        (identity.ResetRequestedV1(reset_id="r", user_id="u1", email="a@b.c", role="member"), ["password_reset"]),
        (identity.PasswordChangedV1(user_id="u1", email="a@b.c"), ["password_changed"]),
        (identity.LoginFailedV1(user_id="u1", email="a@b.c", address="::1", failures=1), []),
        (
            identity.LoginFailedV1(user_id="u1", email="a@b.c", address="::1", failures=3, locked_until=NOW),
            ["account_locked"],
        ),
        (
            identity.LoginSucceededV1(user_id="u1", email="a@b.c", address="::1", agent="x", new_device=True),
            ["new_device"],
        ),
        (identity.LoginSucceededV1(user_id="u1", email="a@b.c", address="::1", agent="x", new_device=False), []),
        (identity.SignupRepeatedV1(user_id="u1", email="a@b.c"), ["signup_repeated"]),
        (
            identity.InvitationSentV1(invitation_id="i", entity_id=ROSA, email="a@b.c", invited_by="u", role="member"),
            ["invitation"],
        ),
        (identity.VerificationRequestedV1(verification_id="v", user_id="u1", email="a@b.c"), ["email_verification"]),
        (
            directory.ApplicationReceivedV1(entity_id=ROSA, name="Rosa", email="a@b.c"),
            ["application_received", "new_application"],
        ),
    ],
)
async def test_what_is_told_about_accounts_and_applications(bench: Bench, event, kinds):
    await hear(bench, told(event))
    assert await mails(bench) == kinds


@pytest.mark.parametrize(("new", "kinds"), [("accepted", ["status_decided"]), ("tradingPending", [])])
async def test_a_decision_is_told_and_an_own_application_is_not_a_decision(bench: Bench, new, kinds):
    event = directory.EntityStatusChangedV1(
        entity_id=ROSA, name="Rosa", email="a@b.c", old="pending", new=new, listed=True, may_trade=False
    )
    await hear(bench, told(event))
    assert await mails(bench) == kinds


async def test_a_message_heard_twice_at_once_is_told_once(bench: Bench):
    envelope = events.proposed()
    await asyncio.gather(*(hear(bench, envelope) for _ in range(5)))
    assert await kinds_told(bench) == [("transfer_proposed", ROSA)]


async def test_an_old_notice_is_told_however_late_it_comes(bench: Bench):
    newer = told(identity.PasswordChangedV1(user_id="u1", email="a@b.c"), subject="u1", sequence=9)
    older = told(identity.PasswordChangedV1(user_id="u1", email="a@b.c"), subject="u1", sequence=2)
    await hear(bench, newer, older)
    assert await mails(bench) == ["password_changed", "password_changed"]


async def test_an_older_state_loses(bench: Bench):
    await hear(
        bench,
        events.user_changed(sequence=5, email="new@example.org"),
        events.user_changed(sequence=3, email="old@x.y"),
    )
    await hear(bench, events.entity_changed(sequence=5, name="New"), events.entity_changed(sequence=4, name="Old"))
    await hear(bench, events.membership(role=None, sequence=2), events.membership(role="owner", sequence=1))
    assert (await bench.rows("select email from person"))[0]["email"] == "new@example.org"
    assert (await bench.rows("select name from entity"))[0]["name"] == "New"
    assert (await bench.rows("select role from membership"))[0]["role"] is None


async def test_every_order_of_the_same_states_ends_the_same(bench: Bench):
    states = [
        events.user_registered(),
        events.entity_registered(),
        *(events.entity_changed(sequence=n, name=f"Name {n}", email=f"{n}@example.org") for n in range(1, 4)),
        events.tags(ROSA, ["old"], [], sequence=1),
        events.tags(ROSA, ["bread"], ["flour"], sequence=2),
        events.user_changed(sequence=4, email="new@example.org"),
        events.membership(),
    ]
    order = random.Random(7)
    seen = set()
    for _ in range(6):
        order.shuffle(states)
        await bench.pool.execute("truncate person, entity, membership, notice, inbox cascade")
        await _forget_sequences(bench)
        await hear(bench, *states)
        tables = [await bench.rows(f"select * from {table} order by 1") for table in ("person", "entity")]
        seen.add(str(tables))
    assert len(seen) == 1, seen


async def _forget_sequences(bench: Bench) -> None:
    tables = await bench.rows("select tablename from pg_tables where schemaname = 'public' and tablename like 'inbox%'")
    await bench.pool.execute("truncate " + ", ".join(row["tablename"] for row in tables))


async def test_a_deleted_person_is_forgotten_and_no_late_message_brings_anything_back(bench: Bench):
    await hear(bench, events.user_registered(), events.membership(), events.user_changed())
    await hear(bench, told(identity.UserDeletedV1(user_id="u1"), subject="u1"))
    await hear(bench, events.user_changed(sequence=7), events.user_registered())
    [person] = await bench.rows("select email, first_name, language, deleted from person")
    assert person == {"email": None, "first_name": "", "language": None, "deleted": True}
    assert (await bench.rows("select role from membership"))[0]["role"] is None


async def test_a_deleted_entity_is_forgotten(bench: Bench):
    await hear(bench, events.entity_changed(), events.entity_changed(MAX), events.match(), events.proposed())
    await hear(bench, told(directory.EntityDeletedV1(entity_id=ROSA, name="Rosa"), subject=ROSA))
    await hear(bench, events.entity_changed(sequence=9))
    [entity] = await bench.rows("select name, email, deleted from entity where entity_id = $1", ROSA)
    assert entity == {"name": "", "email": None, "deleted": True}
    assert await bench.rows("select * from match") == []
    assert await bench.rows("select * from notice where recipient_id = $1", ROSA) == []


@pytest.mark.parametrize("data", [{}, {"transfer_id": 5}, {"payer": "x"}, {"user_id": None}])
async def test_poison_is_raised_so_that_it_ends_among_the_dead_letters(bench: Bench, data):
    for kind, handle in handlers(bench.deps).items():
        poison = Envelope(id="p", type=kind, source="x", subject="x", time=NOW, data=data)
        with pytest.raises(pydantic.ValidationError):
            await handle(poison)
    assert await bench.rows("select * from inbox") == []


async def test_a_field_of_a_newer_producer_is_ignored(bench: Bench):
    envelope = events.proposed()
    envelope.data["a_new_field"] = 1
    await hear(bench, envelope)
    assert await kinds_told(bench) == [("transfer_proposed", ROSA)]


async def test_the_operators_copy_of_a_message_knows_no_address(bench: Bench):
    await hear(bench, events.contact(copy_to_operator=True))
    [copy] = await bench.rows(
        "select m.address, m.reply_to, n.params::text as params from mail m join notice n on n.id = m.notice_id"
        " where n.kind = 'contact_copy'"
    )
    assert copy["address"] is None
    assert copy["reply_to"] is None
    assert "@" not in copy["params"]


async def test_messages_that_come_at_once_are_kept_in_one_step_each_once(bench: Bench):
    await bench.pool.execute("create table commits as select pg_current_xact_id() as at where false")
    await bench.pool.execute(
        "create function note_commit() returns trigger language plpgsql as $$ begin"
        " insert into commits values (pg_current_xact_id()); return null; end $$"
    )
    await bench.pool.execute(
        "create trigger noted after insert on inbox for each statement execute function note_commit()"
    )
    try:
        known = handlers(bench.deps)
        news = [events.proposed(transfer_id=f"t{n}") for n in range(30)]
        await asyncio.gather(*(known[envelope.type](envelope) for envelope in [*news, *news]))
        await asyncio.gather(*(known[envelope.type](envelope) for envelope in news))
        steps = await bench.rows("select count(*) as made from commits")
    finally:
        await bench.pool.execute("drop table commits; drop function note_commit cascade")
    assert len(await kinds_told(bench)) == len(await mails(bench)) == 30
    assert steps[0]["made"] <= 4


async def test_a_message_that_cannot_be_kept_holds_up_no_other_of_its_set(bench: Bench):
    known = handlers(bench.deps)
    wrong = events.proposed(transfer_id="t2", description="not \x00 to be kept")
    news = [events.proposed(transfer_id="t1"), wrong, events.proposed(transfer_id="t3")]
    ends = await asyncio.gather(*(known[envelope.type](envelope) for envelope in news), return_exceptions=True)
    assert [end is None for end in ends] == [True, False, True]
    assert [row["id"] for row in await bench.rows("select params->>'transfer_id' as id from notice order by 1")] == [
        "t1",
        "t3",
    ]
    assert await bench.rows("select id from inbox where id = $1", wrong.id) == []


async def test_a_set_that_the_database_does_not_take_is_told_when_it_comes_again(bench: Bench):
    known = handlers(bench.deps)
    news = [events.proposed(transfer_id=f"t{n}") for n in range(3)]
    await bench.pool.execute("alter table mail rename to mail_away")
    try:
        ends = await asyncio.gather(*(known[each.type](each) for each in news), return_exceptions=True)
    finally:
        await bench.pool.execute("alter table mail_away rename to mail")
    assert all(isinstance(end, Exception) for end in ends)
    assert await kinds_told(bench) == []
    await hear(bench, *news)
    assert len(await mails(bench)) == 3
