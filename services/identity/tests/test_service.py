"""Use cases: what is kept, told and refused."""

import asyncio
import json
from datetime import timedelta

import pytest

from services.identity.domain.errors import AccountLocked, AddressThrottled, FieldsRefused, NamedError
from services.identity.service import login, passwords, signup, users
from services.identity.service.deps import Actor, Client
from services.identity.service.login import LogIn
from services.identity.service.refused import note_refused
from services.identity.service.signup import SignedUp, SignUp
from services.identity.service.upkeep import tell_counted
from services.identity.tests.conftest import PASSWORD, Running, start

HERE = Client("192.0.2.7", "a browser")
WRONG = "not-the-Password-1"
USER = "ana@example.org"


async def sign_up(identity: Running, email: str = "ana@example.org", **more):
    return await signup.sign_up(identity.deps, SignUp(email, PASSWORD, {"name": "Ana's"}, **more), HERE)


async def log_in(
    identity: Running, password: str = PASSWORD, email: str = "ana@example.org", client: Client = HERE, **more
):
    return await login.log_in(identity.deps, LogIn(email, password, **more), client)


async def fails(identity: Running, email: str = "ana@example.org", client: Client = HERE):
    with pytest.raises(NamedError, match="login_failed"):
        await log_in(identity, WRONG, email, client)


async def test_a_signup_commits_user_entity_and_news_together(identity: Running):
    ticket = await sign_up(identity)
    (registered,) = await identity.told("user.registered.v1")
    assert registered["data"]["profile"] == {"name": "Ana's"}
    assert registered["data"]["entity_id"] == ticket.entity_id
    (changed,) = await identity.told("user.changed.v1")
    assert (changed["sequence"], changed["data"]["email_verified"]) == (1, False)
    (membership,) = await identity.told("membership.changed.v1")
    assert membership["subject"] == f"{ticket.entity_id}/{ticket.user_id}"
    assert membership["data"]["role"] == "owner"
    kept = await identity.deps.pool.fetchrow("select * from pending_profiles")
    assert kept is not None
    assert (kept["entity_id"], kept["profile"]) == (ticket.entity_id, {"name": "Ana's"})


async def test_a_signup_that_breaks_half_way_leaves_nothing(identity: Running, monkeypatch):
    async def broken(*_, **__):
        raise RuntimeError("power cut")

    monkeypatch.setattr(signup, "open_session", broken)
    with pytest.raises(RuntimeError):
        await sign_up(identity)
    for table in ("users", "memberships", "pending_profiles", "one_time_tokens", "outbox"):
        assert await identity.deps.pool.fetchval(f"select count(*) from {table}") == 0


async def test_an_address_is_taken_whatever_its_spelling_also_when_two_come_at_once(identity: Running):
    outcomes = await asyncio.gather(
        *(sign_up(identity, email) for email in ("Ana@example.org", "ana@EXAMPLE.org", "\uff41na@example.org")),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, NamedError)]
    assert [one.code for one in refused] == ["email_taken"] * 2
    assert len(await identity.told("user.registered.v1")) == 1


async def test_a_quiet_signup_tells_the_owner_of_the_address_instead(identity: Running):
    first = await sign_up(identity)
    assert await sign_up(identity, quiet=True) is None
    made = await sign_up(identity, "ben@example.org", quiet=True)
    assert isinstance(made, SignedUp)
    assert await identity.deps.pool.fetchval("select count(*) from sessions where user_id = $1", made.user_id) == 0
    assert (await log_in(identity, email="ben@example.org")).user_id == made.user_id
    (repeated,) = await identity.told("signup.repeated.v1")
    assert repeated["data"]["user_id"] == first.user_id
    for _ in range(5):
        await sign_up(identity, quiet=True)
    assert len(await identity.told("signup.repeated.v1")) == 2, "nobody is flooded with mail"


async def test_all_faults_of_a_signup_are_told_at_once(identity: Running):
    command = SignUp("nobody", "short", {}, {"first_name": "x" * 101, "telephone": "1" * 26, "language": "xxx"})
    with pytest.raises(FieldsRefused) as refused:
        await signup.sign_up(identity.deps, command, HERE)
    assert [fault.field for fault in refused.value.faults] == [
        "email",
        "password",
        "first_name",
        "telephone",
        "language",
    ]


async def test_three_wrong_passwords_lock_the_account_whatever_the_letter_case(identity: Running):
    await sign_up(identity)
    for email in ("ana@example.org", "ANA@example.org", "Ana@Example.org"):
        await fails(identity, email)
    with pytest.raises(AccountLocked) as locked:
        await log_in(identity)
    assert locked.value.retry_after_s == 900
    (last,) = [row for row in await identity.told("login.failed.v1") if row["data"]["locked_until"]]
    assert last["data"]["failures"] == 3
    identity.clock.move(seconds=900)
    assert (await log_in(identity)).role == "member"


async def test_a_lock_survives_a_restart(identity: Running, database):
    await sign_up(identity)
    for _ in range(3):
        await fails(identity)
    again = await start(database, identity.clock)
    with pytest.raises(AccountLocked):
        await log_in(again)
    await again.service.stop()


async def test_an_unknown_address_locks_as_a_known_one_does(identity: Running):
    for _ in range(3):
        await fails(identity, "nobody@example.org")
    with pytest.raises(AccountLocked):
        await log_in(identity, WRONG, "nobody@example.org")
    assert await identity.told("login.failed.v1") == []


async def test_a_success_resets_the_count(identity: Running):
    await sign_up(identity)
    for _ in range(3):
        await fails(identity)
        await fails(identity)
        await log_in(identity)


async def test_many_parallel_wrong_logins_never_get_more_than_three_checks(identity: Running, database, monkeypatch):
    await sign_up(identity)
    other = await start(database, identity.clock)
    checks = 0
    for running in (identity, other):
        verify = running.deps.hasher.verify

        async def counted(password, stored, verify=verify):
            nonlocal checks
            checks += 1
            return await verify(password, stored)

        monkeypatch.setattr(running.deps.hasher, "verify", counted)
    outcomes = await asyncio.gather(
        *(log_in(running, WRONG) for _ in range(15) for running in (identity, other)), return_exceptions=True
    )
    assert checks == 3
    assert [type(one) for one in outcomes].count(AccountLocked) == 27
    await other.service.stop()


async def test_many_parallel_right_logins_all_get_in(identity: Running):
    await sign_up(identity)
    tickets = await asyncio.gather(*(log_in(identity) for _ in range(20)))
    assert len({ticket.session_id for ticket in tickets}) == 20


async def test_one_address_that_fails_on_many_accounts_is_throttled(database, now_clock):
    identity = await start(database, now_clock, login_failures_per_address_max=5)
    await sign_up(identity)
    for number in range(5):
        await fails(identity, f"nobody{number}@example.org")
    with pytest.raises(AddressThrottled) as throttled:
        await log_in(identity)
    assert 0 < (throttled.value.retry_after_s or 0) <= 900
    assert (await log_in(identity, client=Client("198.51.100.1"))).role == "member"
    identity.clock.move(seconds=900)
    assert (await log_in(identity)).role == "member"
    await identity.service.stop()


async def test_refusals_without_a_check_are_told_a_few_times_and_then_counted(identity: Running):
    await sign_up(identity)
    for _ in range(3):
        await fails(identity)
    for _ in range(12):
        with pytest.raises(AccountLocked):
            await log_in(identity)
    told = [row for row in await identity.told("audit.recorded.v1") if row["data"]["action"] == "login.locked"]
    assert len(told) == 5
    identity.clock.move(seconds=901)
    assert await tell_counted(identity.deps) == 1
    told = [row for row in await identity.told("audit.recorded.v1") if row["data"]["action"] == "login.locked"]
    assert told[-1]["data"]["detail"].startswith("7 more times")


async def test_every_outcome_of_a_login_is_in_the_activity_log(identity: Running):
    await sign_up(identity)
    await fails(identity)
    await fails(identity, "nobody@example.org")
    await log_in(identity)
    actions = [(row["data"]["action"], row["data"]["actor_email"]) for row in await identity.told("audit.recorded.v1")]
    assert actions == [
        ("signup", "ana@example.org"),
        ("login.failed", "ana@example.org"),
        ("login.failed", "nobody@example.org"),
        ("login.succeeded", "ana@example.org"),
    ]


async def test_nothing_that_is_told_or_kept_holds_a_password(identity: Running):
    await sign_up(identity)
    await fails(identity)
    await log_in(identity)
    rows = await identity.deps.pool.fetch("select row_to_json(o)::text as t from outbox o")
    rows += await identity.deps.pool.fetch("select row_to_json(u)::text as t from users u")
    assert not any(PASSWORD in row["t"] or WRONG in row["t"] for row in rows)


async def test_a_weaker_hash_is_made_anew_at_the_next_login(identity: Running, database):
    await sign_up(identity)
    weak = await identity.deps.pool.fetchval("select password_hash from users")
    stronger = await start(database, identity.clock, hash_passes=2)
    await log_in(stronger)
    strong = await identity.deps.pool.fetchval("select password_hash from users")
    assert "t=1" in weak
    assert "t=2" in strong
    await log_in(stronger)
    assert await identity.deps.pool.fetchval("select password_hash from users") == strong
    await stronger.service.stop()


async def test_a_new_device_is_told_from_the_second_one_on(identity: Running):
    await sign_up(identity)
    await log_in(identity)
    await log_in(identity, client=Client("198.51.100.1", "a phone"))
    await log_in(identity, client=Client("198.51.100.1", "a phone"))
    told = [row["data"]["new_device"] for row in await identity.told("login.succeeded.v1")]
    assert told == [False, False, True, False]


async def test_a_password_that_was_changed_while_it_was_checked_is_wrong(identity: Running, monkeypatch):
    await sign_up(identity)
    verify = identity.deps.hasher.verify

    async def slow(password, stored):
        outcome = await verify(password, stored)
        await identity.deps.pool.execute("update users set password_hash = 'changed', password_changed_at = now()")
        return outcome

    monkeypatch.setattr(identity.deps.hasher, "verify", slow)
    with pytest.raises(NamedError, match="login_failed"):
        await log_in(identity)


async def test_a_full_queue_of_hashes_is_refused_and_locks_nobody(identity: Running, monkeypatch):
    await sign_up(identity)
    monkeypatch.setattr(identity.deps.hasher, "_queue_max", 0)
    for _ in range(4):
        with pytest.raises(NamedError, match="busy"):
            await log_in(identity)
    monkeypatch.undo()
    assert (await log_in(identity)).role == "member"


async def test_a_mailed_link_resets_the_password_once_and_ends_sessions_and_lock(identity: Running):
    ticket = await sign_up(identity)
    for _ in range(3):
        await fails(identity)
    await passwords.request_reset(identity.deps, "ANA@example.org", "member", HERE)
    (asked,) = await identity.told("reset.requested.v1")
    secret, expires_at = await passwords.issue_link(identity.deps, asked["data"]["reset_id"])
    assert expires_at == identity.clock() + timedelta(minutes=60)
    await passwords.reset_password(identity.deps, secret, "another-Good-1", "member")
    assert (await log_in(identity, "another-Good-1")).user_id == ticket.user_id
    (ended,) = await identity.told("session.ended.v1")
    assert ended["data"]["session_id"] == ticket.session_id
    for attempt in (passwords.check_reset(identity.deps, secret, None),
                    passwords.reset_password(identity.deps, secret, "third-Good-1", None)):  # fmt: skip
        with pytest.raises(NamedError, match="token_invalid"):
            await attempt


async def test_a_reset_link_ends_after_60_minutes_and_for_the_other_login(identity: Running):
    await sign_up(identity)
    await passwords.request_reset(identity.deps, "ana@example.org", "member", HERE)
    (asked,) = await identity.told("reset.requested.v1")
    secret, _ = await passwords.issue_link(identity.deps, asked["data"]["reset_id"])
    with pytest.raises(NamedError, match="token_invalid"):
        await passwords.check_reset(identity.deps, secret, "admin")
    await passwords.check_reset(identity.deps, secret, "member")
    identity.clock.move(minutes=60)
    with pytest.raises(NamedError, match="token_invalid"):
        await passwords.reset_password(identity.deps, secret, "another-Good-1", None)


async def test_a_secret_made_anew_replaces_the_one_that_was_never_mailed(identity: Running):
    await sign_up(identity)
    await passwords.request_reset(identity.deps, "ana@example.org", "member", HERE)
    (asked,) = await identity.told("reset.requested.v1")
    first, _ = await passwords.issue_link(identity.deps, asked["data"]["reset_id"])
    second, _ = await passwords.issue_link(identity.deps, asked["data"]["reset_id"])
    with pytest.raises(NamedError, match="token_invalid"):
        await passwords.check_reset(identity.deps, first, None)
    await passwords.check_reset(identity.deps, second, None)
    stored = await identity.deps.pool.fetchval(
        "select row_to_json(t)::text from one_time_tokens t where kind = 'reset'"
    )
    assert second not in stored


async def test_two_uses_of_one_reset_link_at_once_are_one(identity: Running):
    await sign_up(identity)
    await passwords.request_reset(identity.deps, "ana@example.org", "member", HERE)
    (asked,) = await identity.told("reset.requested.v1")
    secret, _ = await passwords.issue_link(identity.deps, asked["data"]["reset_id"])
    outcomes = await asyncio.gather(
        *(passwords.reset_password(identity.deps, secret, f"another-Good-{n}", None) for n in range(5)),
        return_exceptions=True,
    )
    assert outcomes.count(None) == 1


async def test_resets_are_not_told_for_strangers_and_not_without_end(identity: Running):
    await sign_up(identity)
    await passwords.request_reset(identity.deps, "nobody@example.org", "member", HERE)
    await passwords.request_reset(identity.deps, "ana@example.org", "admin", HERE)
    assert await identity.told("reset.requested.v1") == []
    for _ in range(5):
        await passwords.request_reset(identity.deps, "ana@example.org", "member", HERE)
    assert len(await identity.told("reset.requested.v1")) == 3


async def test_an_admins_edit_keeps_before_and_after(identity: Running):
    ticket = await sign_up(identity)
    admin = await users.create_admin(identity.deps, "admin@example.org", PASSWORD)
    actor = Actor(admin.id, "admin")
    await users.edit(
        identity.deps, actor, ticket.user_id, users.Edit(details={"last_name": "López"}, email="new@example.org")
    )
    line = (await identity.told("audit.recorded.v1"))[-1]["data"]
    assert line["before"] == {"email": "ana@example.org", "last_name": ""}
    assert line["after"] == {"email": "new@example.org", "last_name": "López"}
    assert (line["actor_email"], line["category"]) == ("admin@example.org", "admin")
    assert json.dumps(line)
    changed = (await identity.told("user.changed.v1"))[-1]
    assert (changed["sequence"], changed["data"]["email"]) == (2, "new@example.org")


async def test_of_a_person_and_an_operation_one_refusal_a_minute_is_told_with_how_often(identity: Running):
    ticket = await sign_up(identity)
    ana = Actor(ticket.user_id, "member")

    async def lines() -> list[str]:
        told = [row["data"] for row in await identity.told("audit.recorded.v1")]
        return [line["detail"] for line in told if (line["action"], line["actor_email"]) == ("forbidden", USER)]

    users_of_all, keys = "GET /api/v1/admin/users", "POST /api/v1/admin/keys/rotate"
    for _ in range(40):
        await note_refused(identity.deps, ana, users_of_all, HERE)
    await note_refused(identity.deps, ana, keys, HERE)
    first = [f"Was refused {operation} from 192.0.2.7." for operation in (users_of_all, keys)]
    assert await lines() == first
    await tell_counted(identity.deps)
    assert await lines() == first, "the minute is not over"
    identity.clock.move(seconds=60)
    await tell_counted(identity.deps)
    counted = [*first, f"Was refused {users_of_all} 39 more times."]
    assert await lines() == counted
    await note_refused(identity.deps, ana, users_of_all, HERE)
    assert await lines() == counted, "a minute has not passed since the last record"
    identity.clock.move(seconds=60)
    await tell_counted(identity.deps)
    assert await lines() == [*counted, f"Was refused {users_of_all} once more."]
    for _ in range(2):
        identity.clock.move(seconds=60)
        await tell_counted(identity.deps)
    assert await identity.deps.pool.fetchval("select count(*) from refusals") == 0


async def test_refusals_that_were_counted_before_they_came_are_told_all(identity: Running):
    ticket = await sign_up(identity)
    ana, keys = Actor(ticket.user_id, "member"), "POST /api/v1/admin/keys/rotate"

    async def lines() -> list[str]:
        told = [row["data"] for row in await identity.told("audit.recorded.v1")]
        return [line["detail"] for line in told if line["action"] == "forbidden"]

    await note_refused(identity.deps, ana, keys, HERE, 5)
    await note_refused(identity.deps, ana, keys, HERE, 7)
    assert await lines() == [f"Was refused {keys} from 192.0.2.7."]
    identity.clock.move(seconds=60)
    await tell_counted(identity.deps)
    assert await lines() == [f"Was refused {keys} from 192.0.2.7.", f"Was refused {keys} 11 more times."]
