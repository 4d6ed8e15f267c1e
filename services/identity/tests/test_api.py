"""Identity over HTTP: who may call what, shapes and statuses."""

import asyncio
from datetime import datetime

import jwt
import pytest

from libs.common.errors import Refusal
from libs.common.ids import is_id, new_id
from services.identity.tests.conftest import PASSWORD, Running, start

OTHER = "another-Good-1"


async def refused(awaitable, status, code, field=None):
    """Asserts a refusal and returns it."""
    with pytest.raises(Refusal) as caught:
        await awaitable
    assert caught.value.status == status, caught.value
    assert caught.value.problems[0].code == code
    if field is not None:
        assert caught.value.problems[0].field == field
    return caught.value


async def test_signup_answers_with_ids_and_a_token_that_opens_the_own_details(identity: Running):
    answer = await identity.sign_up(first_name="Ana", last_name="López", telephone="+34 600 000 000")
    assert is_id(answer["user_id"])
    assert is_id(answer["entity_id"])
    me = await identity.call("GET", "/users/me", token=answer["token"])
    assert (me["email"], me["first_name"], me["last_name"]) == ("ana@example.org", "Ana", "López")
    assert [(one["entity_id"], one["role"]) for one in me["memberships"]] == [(answer["entity_id"], "owner")]
    assert me["email_verified"] is False


async def test_login_tells_the_previous_login(identity: Running):
    await identity.sign_up()
    identity.clock.move(seconds=1)
    answer = await identity.log_in(email="ANA@example.org")
    assert answer["role"] == "member"
    assert answer["previous_login_address"] == "192.0.2.7"
    assert "refresh_token" not in answer


async def test_a_token_is_what_its_readers_expect(identity: Running):
    answer = await identity.sign_up()
    header = jwt.get_unverified_header(answer["token"])
    (key,) = (await identity.call("GET", "/jwks"))["keys"]
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": key["kid"]}
    claims = jwt.decode(answer["token"], jwt.PyJWK(key), algorithms=["EdDSA"], audience="mccs", issuer="mccs-identity")
    assert claims["sub"] == answer["user_id"]
    assert claims["sid"] == answer["session_id"]
    assert claims["exp"] - claims["iat"] == 86_400
    assert claims["role"] == "member"
    assert "d" not in key


async def test_a_malformed_signup_names_the_field(identity: Running):
    for body, field in (
        ({}, "email"),
        ({"email": "ana@example.org"}, "password"),
        ({"email": 1, "password": "x"}, "email"),
        ({"email": "x" * 1001, "password": "x"}, "email"),
        ({"email": "a@example.org", "password": None}, "password"),
        ({"email": "a@example.org", "password": "x", "admin": True}, "admin"),
        ({"email": "a@example.org", "password": "x", "kind": "root"}, "kind"),
        ({"email": "a@example.org", "password": "x", "profile": []}, "profile"),
        ({"email": "a@example.org", "password": "x", "profile": {"a": 10**30}}, "profile"),
    ):
        with pytest.raises(Refusal) as caught:
            await identity.call("POST", "/signup", body)
        assert caught.value.status == 400
        assert field in [problem.field for problem in caught.value.problems]


async def test_a_signup_may_not_ask_for_a_role(identity: Running):
    with pytest.raises(Refusal):
        await identity.sign_up(role="admin")


async def test_wrong_password_unknown_address_and_wrong_kind_of_account_answer_the_same(identity: Running):
    await identity.sign_up()
    await identity.admin()
    answers = [
        await refused(identity.log_in(password="wrong-Password-1"), 400, "login_failed"),
        await refused(identity.log_in(email="nobody@example.org"), 400, "login_failed"),
        await refused(identity.log_in(role="admin"), 400, "login_failed"),
        await refused(identity.log_in(email="admin@example.org", role="member"), 400, "login_failed"),
        await refused(identity.log_in(email="not an address \x7f"), 400, "login_failed"),
    ]
    assert len({str(one) for one in answers}) == 1


async def test_a_locked_account_says_when_to_try_again(identity: Running):
    for _ in range(3):
        await refused(identity.log_in(), 400, "login_failed")
    refusal = await refused(identity.log_in(), 429, "account_locked")
    assert refusal.retry_after_s == 900


async def test_logout_kills_the_token_at_once(identity: Running):
    token = (await identity.sign_up())["token"]
    await identity.call("GET", "/users/me", token=token)
    await identity.call("POST", "/logout", token=token)
    await refused(identity.call("GET", "/users/me", token=token), 401, "session_ended")
    (ended,) = await identity.told("session.ended.v1")
    (listed,) = (await identity.call("GET", "/revocations"))["items"]
    assert listed["session_id"] == ended["data"]["session_id"]


async def test_own_sessions_are_listed_and_ended_one_by_one_or_all(identity: Running):
    first = await identity.sign_up()
    second = await identity.log_in(kind="browser", address="198.51.100.4")
    other = await identity.sign_up(email="ben@example.org")
    listed = (await identity.call("GET", "/sessions", token=second["token"]))["items"]
    assert {(one["id"], one["current"]) for one in listed} == {
        (first["session_id"], False),
        (second["session_id"], True),
    }
    assert {one["address"] for one in listed} == {"192.0.2.7", "198.51.100.4"}
    await refused(
        identity.call("DELETE", f"/sessions/{first['session_id']}", token=other["token"]), 404, "session_unknown"
    )
    await identity.call("DELETE", f"/sessions/{first['session_id']}", token=second["token"])
    await refused(identity.call("GET", "/users/me", token=first["token"]), 401, "session_ended")
    third = await identity.log_in()
    answer = await identity.call("DELETE", "/sessions", token=third["token"], keep_current=True)
    assert answer == {"ended": 1}
    assert await identity.call("DELETE", "/sessions", token=third["token"]) == {"ended": 1}
    await refused(identity.call("GET", "/users/me", token=third["token"]), 401, "session_ended")


async def test_a_browser_gets_a_short_token_and_a_refresh_token_that_rotates(identity: Running):
    await identity.sign_up()
    first = await identity.log_in(kind="browser")
    second = await identity.call("POST", "/refresh", {"refresh_token": first["refresh_token"]})
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    expires = datetime.fromisoformat(second["expires_at"]) - identity.clock()
    assert expires.total_seconds() == 900
    third = await identity.call("POST", "/refresh", {"refresh_token": second["refresh_token"]})
    await identity.call("GET", "/users/me", token=third["token"])


async def test_a_stolen_refresh_token_ends_the_session(identity: Running):
    await identity.sign_up()
    first = await identity.log_in(kind="browser")
    second = await identity.call("POST", "/refresh", {"refresh_token": first["refresh_token"]})
    identity.clock.move(seconds=11)
    await refused(identity.call("POST", "/refresh", {"refresh_token": first["refresh_token"]}), 401, "refresh_reused")
    await refused(identity.call("POST", "/refresh", {"refresh_token": second["refresh_token"]}), 401, "refresh_invalid")
    await refused(identity.call("GET", "/users/me", token=second["token"]), 401, "session_ended")


async def test_overlapping_refreshes_of_one_browser_all_go_on(identity: Running):
    await identity.sign_up()
    first = await identity.log_in(kind="browser")
    answers = await asyncio.gather(
        *(identity.call("POST", "/refresh", {"refresh_token": first["refresh_token"]}) for _ in range(5))
    )
    for answer in answers:
        await identity.call("POST", "/refresh", {"refresh_token": answer["refresh_token"]})


async def test_a_refresh_token_that_nobody_made_is_refused(identity: Running):
    await refused(identity.call("POST", "/refresh", {"refresh_token": "x"}), 401, "refresh_invalid")


async def test_what_services_do_is_not_for_people_and_the_other_way_round(identity: Running):
    token = (await identity.sign_up())["token"]
    for method, path, body in (
        ("POST", "/signup", {"email": "b@example.org", "password": PASSWORD}),
        ("POST", "/login", {"email": "b@example.org", "password": PASSWORD}),
        ("POST", "/refresh", {"refresh_token": "x"}),
        ("POST", "/password-reset", {"email": "b@example.org"}),
        ("POST", "/password-reset/x", {"password": OTHER}),
        ("POST", "/verification/x", None),
        ("POST", f"/one-time-tokens/{new_id()}/issue", None),
        ("GET", "/revocations", None),
        ("POST", "/admins", {"email": "b@example.org", "password": PASSWORD}),
        ("POST", "/keys/rotate", None),
        ("GET", "/users", None),
        ("GET", f"/users/{new_id()}", None),
        ("PATCH", f"/users/{new_id()}", {"first_name": "x"}),
        ("DELETE", f"/users/{new_id()}", None),
        ("DELETE", f"/users/{new_id()}/sessions", None),
        ("POST", "/users/fetch", {"ids": []}),
        ("POST", f"/users/{new_id()}/departure", {"password": PASSWORD}),
        ("PUT", f"/memberships/{new_id()}", {"user_ids": []}),
        ("POST", "/oauth/token", {"grant_type": "client_credentials", "client_id": "x", "client_secret": "x"}),
    ):
        await refused(identity.call(method, path, body, token=token), 403, "forbidden")
    for method, path, body in (
        ("POST", "/logout", None),
        ("GET", "/users/me", None),
        ("GET", "/sessions", None),
        ("POST", "/password-change", {"password": OTHER}),
        ("POST", "/admins", {"email": "b@example.org", "password": PASSWORD}),
    ):
        await refused(identity.call(method, path, body), 403, "forbidden")


async def test_who_is_refused_for_want_of_a_right_is_in_the_activity_log_a_few_times(identity: Running):
    token = (await identity.sign_up())["token"]
    for _ in range(5):
        await refused(identity.call("GET", "/users", token=token), 403, "forbidden")
    told = [row["data"] for row in await identity.told("audit.recorded.v1") if row["data"]["action"] == "forbidden"]
    assert [line["actor_email"] for line in told] == ["ana@example.org"] * 3
    assert told[0]["detail"] == "Was refused GET /users."


async def test_a_person_cannot_say_where_the_client_is(identity: Running):
    token = (await identity.sign_up())["token"]
    body = {"password": OTHER, "current_password": "wrong-Password-1"}
    await refused(
        identity.call("POST", "/password-change", body, token=token, address="203.0.113.9"),
        400,
        "current_password_wrong",
    )
    assert await identity.told("login.failed.v1")
    assert not any(row["data"]["address"] == "203.0.113.9" for row in await identity.told("login.failed.v1"))


async def test_own_details_are_edited_and_cleared(identity: Running):
    token = (await identity.sign_up(first_name="Ana", telephone="1"))["token"]
    me = await identity.call("PATCH", "/users/me", {"last_name": " López ", "telephone": None}, token=token)
    assert (me["first_name"], me["last_name"], me["telephone"]) == ("Ana", "López", "")
    me = await identity.call("PATCH", "/users/me", {"first_name": "", "language": "es"}, token=token)
    assert (me["first_name"], me["language"]) == ("", "es")
    await refused(
        identity.call("PATCH", "/users/me", {"telephone": "1" * 26}, token=token), 400, "too_long", "telephone"
    )
    await refused(identity.call("PATCH", "/users/me", {"email": "x@example.org"}, token=token), 400, "unknown_field")
    await refused(
        identity.call("PATCH", "/users/me", {"last_name": "a\x07b"}, token=token), 400, "control_character", "last_name"
    )


async def test_admins_find_and_edit_users(identity: Running):
    ana = await identity.sign_up(last_name="O_Neill 100%")
    await identity.sign_up(email="ben@example.org", last_name="ONeill")
    token = await identity.admin()
    found = await identity.call("GET", "/users", token=token, last_name="o_n")
    assert [one["email"] for one in found["items"]] == ["ana@example.org"]
    assert (await identity.call("GET", "/users", token=token, last_name="100%"))["total"] == 1
    assert (await identity.call("GET", "/users", token=token, email="EXAMPLE", page_size=1, page=2))["total"] == 3
    changed = await identity.call(
        "PATCH", f"/users/{ana['user_id']}", {"email": "neu@example.org", "password": OTHER}, token=token
    )
    assert changed["email"] == "neu@example.org"
    await refused(identity.call("GET", "/users/me", token=ana["token"]), 401, "session_ended")
    await identity.log_in("neu@example.org", OTHER)
    for body, code in (({"email": "BEN@example.org"}, "email_taken"), ({"password": "weak"}, "password_weak")):
        await refused(identity.call("PATCH", f"/users/{ana['user_id']}", body, token=token), 400, code)
    await refused(identity.call("PATCH", f"/users/{new_id()}", {"first_name": "x"}, token=token), 404, "user_unknown")


async def test_a_dry_run_judges_and_changes_nothing(identity: Running):
    ana = await identity.sign_up()
    await identity.sign_up(email="ben@example.org")
    token = await identity.admin()
    path = f"/users/{ana['user_id']}"
    await identity.call("PATCH", path, {"first_name": "X"}, token=token, dry_run=True)
    assert (await identity.call("GET", path, token=token))["first_name"] == ""
    await refused(
        identity.call("PATCH", path, {"email": "ben@example.org"}, token=token, dry_run=True), 400, "email_taken"
    )


async def test_a_deleted_user_is_gone_everywhere(identity: Running):
    ana = await identity.sign_up()
    token = await identity.admin()
    gone = await identity.call("DELETE", f"/users/{ana['user_id']}", token=token)
    assert gone["email"] == "ana@example.org"
    await refused(identity.call("GET", "/users/me", token=ana["token"]), 401, "session_ended")
    await refused(identity.call("GET", f"/users/{ana['user_id']}", token=token), 404, "user_unknown")
    assert len(await identity.told("user.deleted.v1")) == 1
    assert (await identity.told("membership.changed.v1"))[-1]["data"]["role"] is None
    await identity.sign_up()


async def test_the_last_admin_cannot_be_deleted_or_made_a_member(identity: Running):
    token = await identity.admin()
    me = await identity.call("GET", "/users/me", token=token)
    await refused(identity.call("DELETE", f"/users/{me['id']}", token=token), 409, "last_admin")
    await refused(identity.call("PATCH", f"/users/{me['id']}", {"role": "member"}, token=token), 409, "last_admin")
    body = {"email": "second@example.org", "password": PASSWORD}
    second = await identity.call("POST", "/admins", body, token=token)
    await identity.call("PATCH", f"/users/{second['id']}", {"role": "operator"}, token=token)
    operator = await identity.log_in("second@example.org", role="admin")
    assert operator["role"] == "operator"
    await refused(identity.call("GET", "/users", token=operator["token"]), 403, "forbidden")


async def test_users_are_fetched_by_ids_and_by_entities(identity: Running):
    ana = await identity.sign_up()
    ben = await identity.sign_up(email="ben@example.org")
    found = await identity.call("POST", "/users/fetch", {"ids": [ben["user_id"], new_id(), ana["user_id"]]})
    assert [one["id"] for one in found["items"]] == [ben["user_id"], ana["user_id"]]
    found = await identity.call("POST", "/users/fetch", {"entity_ids": [ana["entity_id"]]})
    assert [one["email"] for one in found["items"]] == ["ana@example.org"]


async def test_the_gateway_notes_whom_it_refused_what(identity: Running):
    ana = await identity.sign_up()
    body = {"user_id": ana["user_id"], "role": "member", "operation": "GET /api/v1/admin/entities/{entityID}"}
    for _ in range(3):
        await identity.call("POST", "/refusals", body)
    (line,) = [row["data"] for row in await identity.told("audit.recorded.v1") if row["data"]["action"] == "forbidden"]
    assert (line["actor_id"], line["actor_email"], line["category"]) == (ana["user_id"], "ana@example.org", "user")
    assert line["detail"] == "Was refused GET /api/v1/admin/entities/{entityID} from 192.0.2.7."
    await refused(identity.call("POST", "/refusals", body, token=ana["token"]), 403, "forbidden")
    for wrong in (
        {"operation": "GET /a\nb"},
        {"operation": "x" * 151},
        {"role": "root"},
        {"user_id": "ana"},
        {"times": 0},
    ):
        with pytest.raises(Refusal) as caught:
            await identity.call("POST", "/refusals", body | wrong)
        assert (caught.value.status, caught.value.problems[0].field) == (400, next(iter(wrong)))


async def test_of_too_many_sessions_the_one_used_longest_ago_ends(identity: Running, database: str):
    capped = await start(database, identity.clock, sessions_per_user_max=3)
    try:
        first = await capped.sign_up(kind="browser")
        capped.clock.move(seconds=1)
        second = await capped.log_in()
        other = await capped.sign_up(email="ben@example.org")
        capped.clock.move(seconds=1)
        first = await capped.call("POST", "/refresh", {"refresh_token": first["refresh_token"]})
        capped.clock.move(seconds=1)
        third = await capped.log_in()
        for each in (first, second, third, other):
            await capped.call("GET", "/users/me", token=each["token"])
        fourth = await capped.log_in()
        await refused(capped.call("GET", "/users/me", token=second["token"]), 401, "session_ended")
        for each in (first, third, fourth, other):
            await capped.call("GET", "/users/me", token=each["token"])
        (ended,) = await capped.told("session.ended.v1")
        assert (ended["data"]["session_id"], ended["data"]["reason"]) == (second["session_id"], "too_many")
        assert len((await capped.call("GET", "/sessions", token=fourth["token"]))["items"]) == 3
    finally:
        await capped.service.stop()


async def test_a_signup_is_judged_without_being_made(identity: Running):
    await identity.sign_up()
    body = {"email": "ana@example.org", "password": PASSWORD, "first_name": "Ana"}
    assert await identity.call("POST", "/signup/check", body) is None, "whether the address is free is not told"
    wrong = {"email": "x", "password": "weak", "first_name": "x" * 101, "language": "english"}
    with pytest.raises(Refusal) as caught:
        await identity.call("POST", "/signup/check", wrong)
    assert {problem.field for problem in caught.value.problems} == set(wrong)
    assert await identity.deps.pool.fetchval("select count(*) from users") == 1
