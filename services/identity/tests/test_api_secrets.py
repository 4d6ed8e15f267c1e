"""Passwords, confirmed addresses, second factors and signing keys over HTTP."""

from urllib.parse import parse_qs, urlsplit

import jwt
import pyotp
import pytest

from libs.common.service import StartRefused
from services.identity.tests.conftest import PASSWORD, Running, start
from services.identity.tests.test_api import refused

OTHER = "another-Good-1"


async def test_a_password_set_by_an_admin_ends_the_lock(identity: Running):
    ana = await identity.sign_up()
    for _ in range(3):
        await refused(identity.log_in(password="wrong-Password-1"), 400, "login_failed")
    token = await identity.admin()
    path = f"/users/{ana['user_id']}"
    assert (await identity.call("GET", path, token=token))["locked_until"]
    await identity.call("PATCH", path, {"password": OTHER}, token=token)
    await identity.log_in(password=OTHER)


async def test_a_password_is_changed_with_the_current_one_and_other_sessions_end(identity: Running):
    token = (await identity.sign_up())["token"]
    other = (await identity.log_in())["token"]
    wrong = {"password": OTHER, "current_password": "wrong-Password-1"}
    await refused(identity.call("POST", "/password-change", wrong, token=token), 400, "current_password_wrong")
    await identity.call("POST", "/password-change", {"password": OTHER, "current_password": PASSWORD}, token=token)
    await identity.call("GET", "/users/me", token=token)
    await refused(identity.call("GET", "/users/me", token=other), 401, "session_ended")
    await identity.log_in(password=OTHER)


async def test_without_the_current_password_only_a_fresh_login_changes_it(identity: Running):
    token = (await identity.sign_up())["token"]
    await identity.call("POST", "/password-change", {"password": OTHER}, token=token)
    identity.clock.move(seconds=301)
    await refused(
        identity.call("POST", "/password-change", {"password": PASSWORD}, token=token), 400, "current_password_needed"
    )


async def test_wrong_current_passwords_lock_too(identity: Running):
    token = (await identity.sign_up())["token"]
    body = {"password": OTHER, "current_password": "wrong-Password-1"}
    for _ in range(3):
        await refused(identity.call("POST", "/password-change", body, token=token), 400, "current_password_wrong")
    await refused(identity.call("POST", "/password-change", body, token=token), 429, "account_locked")


async def test_the_welcome_link_confirms_the_address_once(identity: Running):
    await identity.sign_up()
    secret = await identity.link_of("verification", "ana@example.org")
    assert (await identity.call("POST", f"/verification/{secret}"))["email_verified"] is True
    await refused(identity.call("POST", f"/verification/{secret}"), 400, "token_invalid")
    changed = (await identity.told("user.changed.v1"))[-1]
    assert (changed["data"]["email_verified"], changed["sequence"]) == (True, 2)


async def test_a_new_address_becomes_the_users_once_it_is_confirmed(identity: Running):
    token = (await identity.sign_up())["token"]
    await identity.sign_up(email="taken@example.org")
    ask = {"email": "new@example.org", "current_password": PASSWORD}
    await refused(
        identity.call("POST", "/verification", {"email": "new@example.org"}, token=token),
        400,
        "current_password_needed",
    )
    await identity.call("POST", "/verification", ask, token=token)
    assert (await identity.call("GET", "/users/me", token=token))["email"] == "ana@example.org"
    secret = await identity.link_of("verification", "new@example.org")
    assert (await identity.call("POST", f"/verification/{secret}"))["email"] == "new@example.org"
    await identity.call("POST", "/verification", ask | {"email": "taken@example.org"}, token=token)
    secret = await identity.link_of("verification", "taken@example.org")
    await refused(identity.call("POST", f"/verification/{secret}"), 400, "email_taken")


async def test_a_verification_mail_can_be_asked_for_again_but_not_without_end(identity: Running):
    token = (await identity.sign_up())["token"]
    for _ in range(4):
        await identity.call("POST", "/verification", {}, token=token)
    assert (await refused(identity.call("POST", "/verification", {}, token=token), 429, "too_many")).retry_after_s


async def test_a_second_factor_is_set_up_used_and_removed(identity: Running):
    token = (await identity.sign_up())["token"]
    ask = {"current_password": PASSWORD}
    secret = await identity.call("POST", "/second-factor", ask, token=token)
    assert parse_qs(urlsplit(secret["uri"]).query)["secret"] == [secret["secret"]]
    totp = pyotp.TOTP(secret["secret"])
    await refused(
        identity.call("POST", "/second-factor/confirm", {"code": "000000"}, token=token), 400, "second_factor_wrong"
    )
    code = totp.at(identity.clock())
    codes = (await identity.call("POST", "/second-factor/confirm", {"code": code}, token=token))["recovery_codes"]
    assert len(set(codes)) == 10
    assert {len(code.replace("-", "")) for code in codes} == {24}, "120 bits each, as a plain hash asks for"
    await refused(identity.log_in(), 400, "second_factor_needed")
    await refused(identity.log_in(code=code), 400, "second_factor_wrong")
    identity.clock.move(seconds=30)
    await identity.log_in(code=totp.at(identity.clock()))
    await identity.log_in(code=codes[0].upper())
    await refused(identity.log_in(code=codes[0]), 400, "second_factor_wrong")
    state = await identity.call("GET", "/second-factor", token=token)
    assert state == {"enabled": True, "required": False, "recovery_codes_left": 9}
    renewed = await identity.call("POST", "/second-factor/recovery-codes", {"code": codes[1]}, token=token)
    await identity.call("POST", "/second-factor/remove", ask | {"code": renewed["recovery_codes"][0]}, token=token)
    await identity.log_in()
    stored = await identity.deps.pool.fetchval("select count(*) from second_factors")
    assert stored == 0


async def test_wrong_codes_lock_as_wrong_passwords_do(identity: Running):
    token = (await identity.sign_up())["token"]
    secret = await identity.call("POST", "/second-factor", {"current_password": PASSWORD}, token=token)
    code = pyotp.TOTP(secret["secret"]).at(identity.clock())
    await identity.call("POST", "/second-factor/confirm", {"code": code}, token=token)
    for _ in range(3):
        await refused(identity.log_in(code="000000"), 400, "second_factor_wrong")
    await refused(identity.log_in(code="000000"), 429, "account_locked")


async def test_admins_who_must_have_a_second_factor_set_it_up_at_their_login(database, now_clock):
    identity = await start(database, now_clock, admin_second_factor=True)
    await identity.call("POST", "/admins", {"email": "admin@example.org", "password": PASSWORD}, own="operator")
    await refused(identity.log_in("admin@example.org", role="admin"), 400, "second_factor_setup_needed")
    body = {"email": "admin@example.org", "password": PASSWORD}
    await refused(
        identity.call("POST", "/second-factor/enrol", body | {"password": "wrong-Password-1"}), 400, "login_failed"
    )
    secret = await identity.call("POST", "/second-factor/enrol", body)
    code = pyotp.TOTP(secret["secret"]).at(identity.clock())
    answer = await identity.log_in("admin@example.org", role="admin", code=code)
    assert len(answer["recovery_codes"]) == 10
    await refused(identity.log_in("admin@example.org", role="admin"), 400, "second_factor_needed")
    remove = {"current_password": PASSWORD, "code": answer["recovery_codes"][0]}
    await refused(
        identity.call("POST", "/second-factor/remove", remove, token=answer["token"]), 409, "second_factor_required"
    )
    await identity.service.stop()


async def test_keys_rotate_without_logging_anyone_out(database, now_clock):
    identity = await start(database, now_clock, key_overlap_s=60)
    old = await identity.sign_up()
    (first,) = (await identity.call("GET", "/jwks"))["keys"]
    kids = (await identity.call("POST", "/keys/rotate", own="operator"))["kids"]
    assert {key["kid"] for key in (await identity.call("GET", "/jwks"))["keys"]} == set(kids) > {first["kid"]}
    during = await identity.log_in()
    assert jwt.get_unverified_header(during["token"])["kid"] == first["kid"], "the new key is published before it signs"
    identity.clock.move(seconds=60)
    after = await identity.log_in()
    assert jwt.get_unverified_header(after["token"])["kid"] != first["kid"]
    await identity.call("GET", "/users/me", token=old["token"])
    other = await start(database, now_clock)
    assert sorted(other.deps.keyring.kids) == sorted(kids)
    identity.clock.move(days=2)
    third = await start(database, now_clock)
    assert first["kid"] not in third.deps.keyring.kids
    for running in (identity, other, third):
        await running.service.stop()


async def test_private_keys_and_second_factors_do_not_lie_open_in_the_database(identity: Running, database):
    sealed = await identity.deps.pool.fetchval("select private_sealed from signing_keys")
    assert len(sealed) == 12 + 32 + 16
    with pytest.raises(StartRefused, match="MCCS_IDENTITY_SECRET"):
        await start(database, identity.clock, identity_secret="another secret than before, long enough")
