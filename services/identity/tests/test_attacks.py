"""What somebody tries who holds a part of what is needed: a password, an old link, a session, a right of yesterday."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest

from libs.common.errors import Refusal
from libs.common.ids import new_id
from libs.common.testing.waiting import eventually
from services.identity.domain.errors import NamedError
from services.identity.service import invitations, people
from services.identity.service.api_keys import token_of
from services.identity.service.deps import Actor, Client, unit
from services.identity.store import factors, memberships
from services.identity.tests.conftest import PASSWORD, Running, start
from services.identity.tests.test_api import OTHER, refused
from services.identity.tests.test_api_people import a_key, a_pair, credentials, invited

HERE = Client("192.0.2.7", "a browser")


async def with_factor(identity: Running, token: str) -> tuple[pyotp.TOTP, list[str]]:
    """The authenticator and the recovery codes of whoever's token it is."""
    made = await identity.call("POST", "/second-factor", {"current_password": PASSWORD}, token=token)
    totp = pyotp.TOTP(made["secret"])
    code = {"code": totp.at(identity.clock())}
    answer = await identity.call("POST", "/second-factor/confirm", code, token=token)
    return totp, list(answer["recovery_codes"])


async def a_reset(identity: Running, email: str = "ana@example.org") -> str:
    await identity.call("POST", "/password-reset", {"email": email})
    return await identity.link_of("reset", email)


# --- the second factor


async def test_the_password_between_them_gives_no_more_guesses_of_the_code(identity: Running):
    token = (await identity.sign_up())["token"]
    await with_factor(identity, token)
    by_password = {"email": "ana@example.org", "password": PASSWORD, "role": "member"}
    for _ in range(2):
        await refused(identity.log_in(code="000000"), 400, "second_factor_wrong")
        await refused(identity.call("POST", "/second-factor/enrol", by_password), 409, "already_enabled")
        await refused(
            identity.call("POST", "/second-factor", {"current_password": PASSWORD}, token=token), 409, "already_enabled"
        )
    remove = {"current_password": PASSWORD, "code": "000000"}
    await refused(identity.call("POST", "/second-factor/remove", remove, token=token), 400, "second_factor_wrong")
    await refused(identity.call("POST", "/second-factor/remove", remove, token=token), 429, "account_locked")


async def test_a_password_that_is_right_without_the_code_is_in_the_activity_log(identity: Running):
    await with_factor(identity, (await identity.sign_up())["token"])
    for _ in range(8):
        await refused(identity.log_in(), 400, "second_factor_needed")
    told = [row["data"] for row in await identity.told("audit.recorded.v1")]
    lines = [line for line in told if line["action"] == "login.code_missing"]
    assert [line["actor_email"] for line in lines] == ["ana@example.org"] * 5, "later ones are counted"
    assert lines[0]["detail"] == "A login from 192.0.2.7 gave the password and not the code."


async def test_without_a_second_factor_a_right_password_forgets_the_wrong_ones(identity: Running):
    token = (await identity.sign_up())["token"]
    for _ in range(2):
        for _ in range(2):
            await refused(identity.log_in(password="wrong-Password-1"), 400, "login_failed")
        await identity.call("POST", "/second-factor", {"current_password": PASSWORD}, token=token)


@pytest.mark.parametrize("kind", ["recovery", "authenticator"])
async def test_a_code_used_many_times_at_once_lets_one_in(identity: Running, kind: str):
    token = (await identity.sign_up())["token"]
    totp, codes = await with_factor(identity, token)
    identity.clock.move(seconds=30)
    code = codes[0] if kind == "recovery" else totp.at(identity.clock())
    outcomes = await asyncio.gather(*(identity.log_in(code=code) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(one, dict) for one in outcomes) == 1


async def test_a_code_of_the_last_step_is_worth_nothing_after_one_of_this_step(identity: Running):
    token = (await identity.sign_up())["token"]
    totp, codes = await with_factor(identity, token)
    earlier = totp.at(identity.clock(), counter_offset=1)
    identity.clock.move(seconds=60)
    await identity.log_in(code=totp.at(identity.clock()))
    await refused(identity.log_in(code=earlier), 400, "second_factor_wrong")
    await identity.call("POST", "/second-factor/recovery-codes", {"code": codes[0]}, token=token)
    await refused(identity.log_in(code=totp.at(identity.clock())), 400, "second_factor_wrong")
    await refused(identity.log_in(code=codes[1]), 400, "second_factor_wrong")


async def test_new_recovery_codes_are_made_with_the_code_or_not_at_all(identity: Running, monkeypatch):
    token = (await identity.sign_up())["token"]
    _, codes = await with_factor(identity, token)
    save = factors.save

    async def broken(connection: Any, factor: Any) -> None:
        if len(factor.recovery_hashes) == 10:
            raise RuntimeError("power cut")
        await save(connection, factor)

    monkeypatch.setattr(factors, "save", broken)
    with pytest.raises(Refusal):
        await identity.call("POST", "/second-factor/recovery-codes", {"code": codes[0]}, token=token)
    monkeypatch.undo()
    await identity.log_in(code=codes[0])


async def test_an_admin_who_came_in_as_a_member_keeps_the_factor_that_admins_must_have(database, now_clock):
    identity = await start(database, now_clock, admin_second_factor=True)
    ana = await identity.sign_up()
    await identity.deps.pool.execute("update users set role = 'admin' where id = $1", ana["user_id"])
    _, codes = await with_factor(identity, ana["token"])
    state = await identity.call("GET", "/second-factor", token=ana["token"])
    assert state["required"] is True
    remove = {"current_password": PASSWORD, "code": codes[0]}
    await refused(
        identity.call("POST", "/second-factor/remove", remove, token=ana["token"]), 409, "second_factor_required"
    )
    await identity.service.stop()


async def test_a_session_of_before_second_factors_were_mandatory_is_not_renewed(identity: Running, database):
    await identity.admin()
    admin = await identity.log_in("admin@example.org", role="admin", kind="browser")
    await identity.sign_up()
    member = await identity.log_in(kind="browser")
    strict = await start(database, identity.clock, admin_second_factor=True)
    await refused(strict.call("POST", "/refresh", {"refresh_token": admin["refresh_token"]}), 401, "refresh_invalid")
    await refused(strict.call("GET", "/users/me", token=admin["token"]), 401, "session_ended")
    await strict.call("POST", "/refresh", {"refresh_token": member["refresh_token"]})
    await strict.service.stop()


# --- links of yesterday


async def test_the_mailbox_of_before_opens_nothing_once_an_admin_gave_another_address(identity: Running):
    ana = await identity.sign_up()
    verification = await identity.link_of("verification", "ana@example.org")
    reset = await a_reset(identity)
    admin = await identity.admin()
    await identity.call("PATCH", f"/users/{ana['user_id']}", {"email": "new@example.org"}, token=admin)
    await refused(identity.call("POST", f"/verification/{verification}"), 400, "token_invalid")
    await refused(identity.call("POST", f"/password-reset/{reset}", {"password": OTHER}), 400, "token_invalid")
    await identity.log_in("new@example.org")


async def test_the_mailbox_of_before_opens_nothing_once_the_new_address_is_confirmed(identity: Running):
    token = (await identity.sign_up())["token"]
    reset = await a_reset(identity)
    ask = {"email": "new@example.org", "current_password": PASSWORD}
    await identity.call("POST", "/verification", ask, token=token)
    secret = await identity.link_of("verification", "new@example.org")
    await identity.call("POST", f"/verification/{secret}")
    await refused(identity.call("POST", "/password-reset/check", {"token": reset}), 400, "token_invalid")
    await refused(identity.call("POST", f"/password-reset/{reset}", {"password": OTHER}), 400, "token_invalid")


@pytest.mark.parametrize("by", ["reset", "change", "admin"])
async def test_a_new_password_ends_a_change_of_address_that_was_begun_with_the_old_one(identity: Running, by: str):
    ana = await identity.sign_up()
    mine = await identity.link_of("verification", "ana@example.org")
    ask = {"email": "thief@example.org", "current_password": PASSWORD}
    await identity.call("POST", "/verification", ask, token=ana["token"])
    theirs = await identity.link_of("verification", "thief@example.org")
    earlier = await a_reset(identity)
    if by == "reset":
        await identity.call("POST", f"/password-reset/{await a_reset(identity)}", {"password": OTHER})
    elif by == "change":
        await identity.call("POST", "/password-change", {"password": OTHER}, token=ana["token"])
    else:
        token = await identity.admin()
        await identity.call("PATCH", f"/users/{ana['user_id']}", {"password": OTHER}, token=token)
    await refused(identity.call("POST", f"/verification/{theirs}"), 400, "token_invalid")
    await refused(identity.call("POST", f"/password-reset/{earlier}", {"password": OTHER}), 400, "token_invalid")
    assert (await identity.call("POST", f"/verification/{mine}"))["email"] == "ana@example.org"


async def test_a_used_or_expired_link_is_refused_on_every_path(identity: Running):
    ana = await identity.sign_up()
    links = {
        "reset": await a_reset(identity),
        "verification": await identity.link_of("verification", "ana@example.org"),
        "invitation": await invited(identity, ana),
    }
    identity.clock.move(days=7)
    by_invitation = {"email": "eva@example.org", "password": PASSWORD, "invitation": links["invitation"]}
    for path, body, code in (
        ("/password-reset/check", {"token": links["reset"]}, "token_invalid"),
        (f"/password-reset/{links['reset']}", {"password": OTHER}, "token_invalid"),
        (f"/verification/{links['verification']}", None, "token_invalid"),
        ("/invitations/look", {"token": links["invitation"]}, "invitation_invalid"),
        ("/signup", by_invitation, "invitation_invalid"),
    ):
        await refused(identity.call("POST", path, body), 400, code)
    with pytest.raises(NamedError, match="invitation_invalid"):  # a token of now would be one of the future
        await invitations.accept(identity.deps, Actor(ana["user_id"], "member"), links["invitation"])
    for kind, other in (("reset", "verification"), ("verification", "reset"), ("invitation", "verification")):
        path = "/password-reset/check" if other == "reset" else f"/verification/{links[kind]}"
        body = {"token": links[kind]} if other == "reset" else None
        await refused(identity.call("POST", path, body), 400, "token_invalid")


async def test_a_dead_invitation_does_not_tell_which_addresses_are_taken(identity: Running):
    await identity.sign_up()
    for email in ("ana@example.org", "nobody@example.org"):
        body = {"email": email, "password": PASSWORD, "invitation": "x", "quiet": True}
        await refused(identity.call("POST", "/signup", body), 400, "invitation_invalid")
    assert await identity.told("signup.repeated.v1") == []


async def test_invitations_end_with_the_right_to_invite(identity: Running):
    ana, ben = await a_pair(identity)
    path = f"/memberships/{ana['entity_id']}/{ben['user_id']}"
    for end in ("demoted", "removed"):
        await identity.call("PUT", path, {"role": "owner"}, token=ana["token"])
        second = await invited(identity, {**ben, "entity_id": ana["entity_id"]}, f"{end}@example.org", "owner")
        mine = await invited(identity, ana, f"mine-{end}@example.org")
        if end == "demoted":
            await identity.call("PUT", path, {"role": "member"}, token=ana["token"])
        else:
            await identity.call("DELETE", path, token=ana["token"])
        await refused(identity.call("POST", "/invitations/look", {"token": second}), 400, "invitation_invalid")
        await identity.call("POST", "/invitations/look", {"token": mine})


# --- rights and sessions of yesterday


async def test_an_admin_who_lays_the_role_down_has_no_session_with_it_left(identity: Running):
    await identity.admin()
    second = await identity.admin("second@example.org")
    browser = await identity.log_in("second@example.org", role="admin", kind="browser")
    me = await identity.call("GET", "/users/me", token=second)
    await identity.call("PATCH", f"/users/{me['id']}", {"role": "operator"}, token=second)
    await refused(identity.call("GET", "/users", token=second), 401, "session_ended")
    await refused(
        identity.call("POST", "/refresh", {"refresh_token": browser["refresh_token"]}), 401, "refresh_invalid"
    )


async def test_an_admin_logs_somebody_out_everywhere(identity: Running):
    ana = await identity.sign_up()
    browser = await identity.log_in(kind="browser")
    token = await identity.admin()
    path = f"/users/{ana['user_id']}/sessions"
    assert await identity.call("DELETE", path, token=token) == {"ended": 2}
    await refused(identity.call("GET", "/users/me", token=ana["token"]), 401, "session_ended")
    await refused(
        identity.call("POST", "/refresh", {"refresh_token": browser["refresh_token"]}), 401, "refresh_invalid"
    )
    assert await identity.call("DELETE", path, token=token) == {"ended": 0}
    await refused(identity.call("DELETE", f"/users/{new_id()}/sessions", token=token), 404, "user_unknown")
    await identity.call("GET", "/users/me", token=token)


async def test_an_admin_who_sets_the_own_password_stays_in(identity: Running):
    token = await identity.admin()
    me = await identity.call("GET", "/users/me", token=token)
    await identity.call("PATCH", f"/users/{me['id']}", {"password": OTHER}, token=token)
    await identity.call("GET", "/users", token=token)


async def test_a_refreshed_token_is_no_fresh_login(identity: Running):
    identity.clock.move(seconds=-301)
    await identity.sign_up()
    session = await identity.log_in(kind="browser")
    identity.clock.move(seconds=301)
    session = await identity.call("POST", "/refresh", {"refresh_token": session["refresh_token"]})
    await refused(
        identity.call("POST", "/password-change", {"password": OTHER}, token=session["token"]),
        400,
        "current_password_needed",
    )


async def test_a_token_that_is_being_made_while_its_key_ends_is_ended_too(identity: Running):
    ana, ben = await a_pair(identity)
    path = f"/memberships/{ana['entity_id']}/{ben['user_id']}"
    await identity.call("PUT", path, {"role": "owner"}, token=ana["token"])
    key = await a_key(identity, {**ben, "entity_id": ana["entity_id"]})
    holding, going_on = asyncio.Event(), asyncio.Event()

    async def slow_token() -> None:
        async with identity.deps.pool.acquire() as connection, connection.transaction():
            # what `token_of` does, with a pause before its commit
            await connection.execute(
                "update api_keys set tokens_expire_at = $2 where id = $1", key["id"], datetime(2100, 1, 1, tzinfo=UTC)
            )
            holding.set()
            await going_on.wait()

    async def end() -> None:
        async with unit(identity.deps) as work:
            (person,) = [
                one
                for one in await memberships.lock_entity(work.connection, ana["entity_id"])
                if one.user_id == ben["user_id"]
            ]
            await people.end(work, None, person)

    async def waits_for_the_key() -> bool:
        return bool(
            await identity.deps.pool.fetchval(
                "select exists (select from pg_stat_activity where datname = current_database()"
                " and wait_event_type = 'Lock' and query like '%api_keys%')"
            )
        )

    making = asyncio.create_task(slow_token())
    await holding.wait()
    ending = asyncio.create_task(end())
    await eventually(waits_for_the_key, within_s=10)
    going_on.set()
    await asyncio.gather(making, ending)
    listed = (await identity.call("GET", "/revocations"))["items"]
    assert key["id"] in {item["session_id"] for item in listed}


async def test_the_last_use_of_a_key_is_shown(identity: Running):
    ana = await identity.sign_up()
    key = await a_key(identity, ana)
    assert key["last_used_at"] is None
    identity.clock.move(seconds=90)
    await token_of(identity.deps, key["id"], key["secret"], None, HERE)
    (listed,) = (await identity.call("GET", "/api-keys", token=ana["token"], entity_id=ana["entity_id"]))["items"]
    assert datetime.fromisoformat(listed["last_used_at"]) == identity.clock()
    await refused(identity.call("POST", "/oauth/token", credentials(key, client_secret="x")), 401, "invalid_client")


# --- two at once


async def test_two_owners_who_leave_at_once_leave_one(identity: Running):
    ana, ben = await a_pair(identity)
    path = f"/memberships/{ana['entity_id']}/"
    await identity.call("PUT", path + ben["user_id"], {"role": "owner"}, token=ana["token"])
    outcomes = await asyncio.gather(
        *(identity.call("DELETE", path + one["user_id"], token=one["token"]) for one in (ana, ben)),
        return_exceptions=True,
    )
    (refusal,) = [one for one in outcomes if isinstance(one, Refusal)]
    assert refusal.problems[0].code == "last_owner"


async def test_two_admins_who_unmake_each_other_at_once_leave_one(identity: Running):
    tokens = [await identity.admin(email) for email in ("one@example.org", "two@example.org")]
    ids = [(await identity.call("GET", "/users/me", token=token))["id"] for token in tokens]
    await asyncio.gather(
        *(
            identity.call("PATCH", f"/users/{other}", {"role": "member"}, token=token)
            for token, other in zip(tokens, reversed(ids), strict=True)
        ),
        return_exceptions=True,
    )
    assert await identity.deps.pool.fetchval("select count(*) from users where role = 'admin'") == 1


async def test_a_link_that_two_follow_at_once_works_for_one(identity: Running):
    ana = await identity.sign_up()
    others = [await identity.sign_up(f"{name}@example.org") for name in ("ben", "eva")]
    invitation = {"token": await invited(identity, ana, "third@example.org")}
    joined = await asyncio.gather(
        *(identity.call("POST", "/invitations/accept", invitation, token=one["token"]) for one in others),
        return_exceptions=True,
    )
    secret = await identity.link_of("verification", "ana@example.org")
    verified = await asyncio.gather(
        *(identity.call("POST", f"/verification/{secret}") for _ in range(3)), return_exceptions=True
    )
    for outcomes in (joined, verified):
        assert sum(isinstance(one, dict) for one in outcomes) == 1
        assert all(one.status == 400 for one in outcomes if isinstance(one, Refusal))


# --- passwords


async def test_two_logins_that_both_make_the_hash_anew_both_get_in(identity: Running, database):
    await identity.sign_up()
    stronger = await start(database, identity.clock, hash_passes=2)
    outcomes = await asyncio.gather(*(stronger.log_in() for _ in range(3)))
    assert len({one["session_id"] for one in outcomes}) == 3
    assert await stronger.told("login.failed.v1") == []
    await stronger.service.stop()


async def test_a_locked_account_says_the_same_for_everybody_also_for_admins(identity: Running):
    await identity.sign_up()
    await identity.admin()
    said = []
    for email, role in (
        ("ana@example.org", "member"),
        ("nobody@example.org", "member"),
        ("ADMIN@example.org", "admin"),
    ):
        for _ in range(3):
            await refused(identity.log_in(email, "wrong-Password-1", role=role), 400, "login_failed")
        said.append(str(await refused(identity.log_in(email, role=role), 429, "account_locked")))
    assert len(set(said)) == 1


async def test_nothing_of_who_left_stays_among_counted_refusals(identity: Running):
    ana = await identity.sign_up()
    for _ in range(3):
        await refused(identity.log_in(password="wrong-Password-1"), 400, "login_failed")
    await refused(identity.log_in(), 429, "account_locked")
    body = {"user_id": ana["user_id"], "role": "member", "operation": "GET /api/v1/admin/users"}
    await identity.call("POST", "/refusals", body)
    assert await identity.deps.pool.fetchval("select count(*) from refusals") == 2
    await identity.call("DELETE", f"/users/{ana['user_id']}", token=await identity.admin())
    assert await identity.deps.pool.fetchval("select count(*) from refusals") == 0
