"""People of entities, invitations, API keys, leaving for good, over HTTP."""

from typing import Any

import jwt
import pytest

from libs.common.errors import Refusal
from libs.common.ids import new_id
from services.identity.tests.conftest import PASSWORD, Running, migrated, start
from services.identity.tests.test_api import refused


async def invited(
    identity: Running, owner: dict[str, Any], email: str = "ben@example.org", role: str = "member"
) -> str:
    """The secret of an invitation's link."""
    body = {"entity_id": owner["entity_id"], "email": email, "role": role}
    await identity.call("POST", "/invitations", body, token=owner["token"])
    return await identity.link_of("invitation", email)


async def a_pair(identity: Running) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ana, an owner, and Ben, a member of her entity with an entity of his own."""
    ana = await identity.sign_up()
    ben = await identity.sign_up(email="ben@example.org")
    secret = await invited(identity, ana)
    await identity.call("POST", "/invitations/accept", {"token": secret}, token=ben["token"])
    return ana, ben


async def test_somebody_who_is_invited_joins_and_may_look_before(identity: Running):
    ana = await identity.sign_up()
    ben = await identity.sign_up(email="ben@example.org")
    secret = await invited(identity, ana)
    (told,) = await identity.told("invitation.sent.v1")
    assert "token" not in told["data"]
    assert (told["data"]["entity_id"], told["data"]["invited_by"]) == (ana["entity_id"], ana["user_id"])
    seen = await identity.call("POST", "/invitations/look", {"token": secret})
    assert (seen["email"], seen["role"]) == ("ben@example.org", "member")
    joined = await identity.call("POST", "/invitations/accept", {"token": secret}, token=ben["token"])
    assert (joined["entity_id"], joined["role"]) == (ana["entity_id"], "member")
    await refused(
        identity.call("POST", "/invitations/accept", {"token": secret}, token=ben["token"]), 400, "invitation_invalid"
    )
    people = await identity.call("GET", "/memberships", token=ben["token"], entity_id=ana["entity_id"])
    assert [(one["email"], one["role"]) for one in people["items"]] == [
        ("ana@example.org", "owner"),
        ("ben@example.org", "member"),
    ]


async def test_an_invitation_is_a_way_to_sign_up_with_a_confirmed_address(identity: Running):
    ana = await identity.sign_up()
    secret = await invited(identity, ana, "eva@example.org")
    body = {"email": "Eva@example.org", "password": PASSWORD, "invitation": secret}
    eva = await identity.call("POST", "/signup", body)
    assert eva["entity_id"] == ana["entity_id"]
    me = await identity.call("GET", "/users/me", token=eva["token"])
    assert me["email_verified"] is True
    assert len(await identity.told("user.registered.v1")) == 1, "no second entity begins"
    (joined,) = [row["data"] for row in await identity.told("user.joined.v1")]
    assert (joined["user_id"], joined["entity_id"]) == (eva["user_id"], ana["entity_id"])
    assert joined["verification_id"] is None
    await refused(identity.call("POST", "/signup", body | {"email": "x@example.org"}), 400, "invitation_invalid")
    await refused(identity.log_in("x@example.org"), 400, "login_failed")


async def test_who_joins_with_another_address_confirms_it_by_the_welcome(identity: Running):
    ana = await identity.sign_up()
    secret = await invited(identity, ana, "eva@example.org")
    body = {"email": "other@example.org", "password": PASSWORD, "invitation": secret}
    eva = await identity.call("POST", "/signup", body)
    (joined,) = [row["data"] for row in await identity.told("user.joined.v1")]
    assert joined["email"] == "other@example.org"
    assert await identity.told("verification.requested.v1") == [], "one mail, not two"
    issued = await identity.call("POST", f"/one-time-tokens/{joined['verification_id']}/issue", own="notifier")
    await identity.call("POST", f"/verification/{issued['token']}")
    assert (await identity.call("GET", "/users/me", token=eva["token"]))["email_verified"] is True


async def test_only_owners_invite_and_take_back(identity: Running):
    ana, ben = await a_pair(identity)
    body = {"entity_id": ana["entity_id"], "email": "eva@example.org"}
    await refused(identity.call("POST", "/invitations", body, token=ben["token"]), 403, "forbidden")
    await refused(
        identity.call("POST", "/invitations", body | {"entity_id": new_id()}, token=ana["token"]), 403, "forbidden"
    )
    await refused(
        identity.call("POST", "/invitations", body | {"email": "BEN@example.org"}, token=ana["token"]),
        409,
        "already_member",
    )
    await refused(
        identity.call("POST", "/invitations", body | {"email": "x"}, token=ana["token"]), 400, "email_invalid"
    )
    made = await identity.call("POST", "/invitations", body, token=ana["token"])
    secret = await identity.link_of("invitation", "eva@example.org")
    listed = await identity.call("GET", "/invitations", token=ben["token"], entity_id=ana["entity_id"])
    assert [one["id"] for one in listed["items"]] == [made["id"]]
    await refused(identity.call("DELETE", f"/invitations/{made['id']}", token=ben["token"]), 403, "forbidden")
    await identity.call("DELETE", f"/invitations/{made['id']}", token=ana["token"])
    await refused(identity.call("POST", "/invitations/look", {"token": secret}), 400, "invitation_invalid")


async def test_a_new_invitation_replaces_the_one_before(identity: Running):
    ana = await identity.sign_up()
    first = await invited(identity, ana)
    second = await invited(identity, ana)
    await refused(identity.call("POST", "/invitations/look", {"token": first}), 400, "invitation_invalid")
    await identity.call("POST", "/invitations/look", {"token": second})


async def test_roles_change_people_leave_and_are_removed_but_an_owner_stays(identity: Running):
    ana, ben = await a_pair(identity)
    entity = ana["entity_id"]
    own, other = f"/memberships/{entity}/{ana['user_id']}", f"/memberships/{entity}/{ben['user_id']}"
    await refused(identity.call("PUT", other, {"role": "owner"}, token=ben["token"]), 403, "forbidden")
    await refused(identity.call("DELETE", own, token=ben["token"]), 403, "forbidden")
    await refused(identity.call("DELETE", own, token=ana["token"]), 409, "last_owner")
    await refused(identity.call("PUT", own, {"role": "member"}, token=ana["token"]), 409, "last_owner")
    await identity.call("PUT", other, {"role": "owner"}, token=ana["token"])
    await identity.call("DELETE", own, token=ana["token"])
    await refused(identity.call("GET", "/memberships", token=ana["token"], entity_id=entity), 403, "forbidden")
    await refused(identity.call("PUT", own, {"role": "owner"}, token=ana["token"]), 403, "forbidden")
    told = [
        row for row in await identity.told("membership.changed.v1") if row["subject"] == f"{entity}/{ana['user_id']}"
    ]
    assert [(row["sequence"], row["data"]["role"]) for row in told] == [(1, "owner"), (2, None)]


async def test_a_sequence_goes_on_when_somebody_comes_back(identity: Running):
    ana, ben = await a_pair(identity)
    await identity.call("DELETE", f"/memberships/{ana['entity_id']}/{ben['user_id']}", token=ana["token"])
    secret = await invited(identity, ana)
    await identity.call("POST", "/invitations/accept", {"token": secret}, token=ben["token"])
    told = [row for row in await identity.told("membership.changed.v1") if row["data"]["user_id"] == ben["user_id"]]
    told = [row for row in told if row["data"]["entity_id"] == ana["entity_id"]]
    assert [(row["sequence"], row["data"]["role"]) for row in told] == [(1, "member"), (2, None), (3, "member")]


async def test_an_admin_names_exactly_the_people_of_an_entity(identity: Running):
    ana, ben = await a_pair(identity)
    admin = await identity.admin()
    path = f"/memberships/{ana['entity_id']}"
    await refused(identity.call("PUT", path, {"user_ids": [new_id()]}, token=admin), 400, "user_unknown", "user_ids")
    before = await identity.call("PUT", path, {"user_ids": [ben["user_id"]]}, token=admin, dry_run=True)
    assert len(before["items"]) == 2
    after = await identity.call("PUT", path, {"user_ids": [ben["user_id"]]}, token=admin)
    assert [(one["user_id"], one["role"]) for one in after["items"]] == [(ben["user_id"], "owner")]


async def test_an_admin_names_exactly_the_entities_of_a_user(identity: Running):
    ana, ben = await a_pair(identity)
    admin = await identity.admin()
    fresh = new_id()
    changed = await identity.call(
        "PATCH", f"/users/{ben['user_id']}", {"entity_ids": [ana["entity_id"], fresh]}, token=admin
    )
    assert {(one["entity_id"], one["role"]) for one in changed["memberships"]} == {
        (ana["entity_id"], "member"),
        (fresh, "owner"),
    }


async def test_memberships_of_others_are_not_told(identity: Running):
    ana = await identity.sign_up()
    ben = await identity.sign_up(email="ben@example.org")
    mine = await identity.call("GET", "/memberships", token=ana["token"])
    assert [one["entity_id"] for one in mine["items"]] == [ana["entity_id"]]
    await refused(identity.call("GET", "/memberships", token=ana["token"], user_id=ben["user_id"]), 403, "forbidden")
    await refused(
        identity.call("GET", "/memberships", token=ana["token"], entity_id=ben["entity_id"]), 403, "forbidden"
    )
    seen = await identity.call("GET", "/memberships", user_id=ben["user_id"])
    assert [one["entity_id"] for one in seen["items"]] == [ben["entity_id"]]


async def a_key(identity: Running, owner: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"entity_id": owner["entity_id"], "name": "the till", "scopes": ["read", "propose"]} | more
    return dict(await identity.call("POST", "/api-keys", body, token=owner["token"]))


def credentials(key: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a program sends for a token."""
    return {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]} | more


async def test_an_api_key_is_shown_once_and_changed_for_a_token_of_its_scopes(identity: Running):
    ana = await identity.sign_up()
    key = await a_key(identity, ana, rate_per_minute=30)
    answer = await identity.call("POST", "/oauth/token", credentials(key), address="198.51.100.8")
    assert (answer["token_type"], answer["expires_in"], answer["rate_per_minute"]) == ("Bearer", 3600, 30)
    principal = await identity.deps.verifier.verify(answer["access_token"])
    assert (principal.kind, principal.id, principal.entity_id) == ("api_key", ana["user_id"], ana["entity_id"])
    assert principal.scopes == {"read", "propose"}
    assert principal.session_id == key["id"]
    narrow = await identity.call("POST", "/oauth/token", credentials(key, scope="read"))
    assert narrow["scope"] == "read"
    (listed,) = (await identity.call("GET", "/api-keys", token=ana["token"], entity_id=ana["entity_id"]))["items"]
    assert "secret" not in listed
    assert listed["last_used_address"] == "192.0.2.7"
    assert key["secret"].endswith(listed["hint"])
    rows = await identity.deps.pool.fetch("select row_to_json(k)::text as t from api_keys k")
    assert key["secret"] not in rows[0]["t"]


async def test_wrong_credentials_and_foreign_scopes_get_no_token(identity: Running):
    ana = await identity.sign_up()
    key = await a_key(identity, ana)
    for wrong in (credentials(key, client_secret="x"), credentials(key, client_id=new_id())):
        await refused(identity.call("POST", "/oauth/token", wrong), 401, "invalid_client")
    await refused(identity.call("POST", "/oauth/token", credentials(key, scope="accept")), 400, "invalid_scope")
    await refused(identity.call("POST", "/oauth/token", credentials(key, grant_type="password")), 400, "invalid")


async def test_a_key_opens_nothing_of_the_person_who_made_it(identity: Running):
    ana = await identity.sign_up()
    key = await a_key(identity, ana)
    token = (await identity.call("POST", "/oauth/token", credentials(key)))["access_token"]
    for method, path in (("GET", "/users/me"), ("GET", "/sessions"), ("GET", "/memberships"), ("POST", "/logout")):
        await refused(identity.call(method, path, token=token), 403, "forbidden")


async def test_a_revoked_key_and_its_tokens_are_over_at_once(identity: Running):
    ana, ben = await a_pair(identity)
    key = await a_key(identity, ana)
    token = (await identity.call("POST", "/oauth/token", credentials(key)))["access_token"]
    await refused(identity.call("DELETE", f"/api-keys/{key['id']}", token=ben["token"]), 403, "forbidden")
    await identity.call("DELETE", f"/api-keys/{key['id']}", token=ana["token"])
    await refused(identity.call("GET", "/memberships", token=token), 401, "session_ended")
    await refused(identity.call("POST", "/oauth/token", credentials(key)), 401, "invalid_client")
    assert (await identity.told("session.ended.v1"))[-1]["data"]["session_id"] == key["id"]


async def test_keys_are_for_owners_and_end_with_them(identity: Running):
    ana, ben = await a_pair(identity)
    body = {"entity_id": ana["entity_id"], "name": "x", "scopes": ["read"]}
    await refused(identity.call("POST", "/api-keys", body, token=ben["token"]), 403, "forbidden")
    await refused(identity.call("GET", "/api-keys", token=ben["token"], entity_id=ana["entity_id"]), 403, "forbidden")
    wrong: dict[str, Any]
    for wrong in ({"scopes": []}, {"scopes": ["admin"]}, {"name": ""}, {"name": "x" * 61}, {"rate_per_minute": 0}):
        await refused_any(identity, body | wrong, ana["token"])
    key = await a_key(identity, ana)
    await identity.call(
        "PUT", f"/memberships/{ana['entity_id']}/{ben['user_id']}", {"role": "owner"}, token=ana["token"]
    )
    await identity.call("DELETE", f"/memberships/{ana['entity_id']}/{ana['user_id']}", token=ana["token"])
    await refused(identity.call("POST", "/oauth/token", credentials(key)), 401, "invalid_client")


async def refused_any(identity: Running, body: dict[str, Any], token: str) -> None:
    """Asserts that a key cannot be made like this."""
    with pytest.raises(Refusal) as caught:
        await identity.call("POST", "/api-keys", body, token=token)
    assert caught.value.status == 400


async def test_a_user_takes_all_own_data_along(identity: Running):
    ana = await identity.sign_up()
    await a_key(identity, ana)
    found = await identity.call("GET", "/users/me/export", token=ana["token"])
    assert found["user"]["email"] == "ana@example.org"
    assert [one["id"] for one in found["sessions"]] == [ana["session_id"]]
    assert [one["name"] for one in found["api_keys"]] == ["the till"]
    assert "hash" not in str(found)


async def test_a_user_leaves_for_good_and_personal_data_goes(identity: Running):
    ana, ben = await a_pair(identity)
    path = f"/users/{ana['user_id']}/departure"
    await refused(identity.call("POST", path, {"password": "wrong-Password-1"}), 400, "current_password_wrong")
    await refused(identity.call("POST", path, {"password": PASSWORD}), 409, "last_owner")
    body = {"password": PASSWORD, "closed_entity_ids": [ana["entity_id"]]}
    await identity.call("POST", path, body)
    await refused(identity.call("GET", "/users/me", token=ana["token"]), 401, "session_ended")
    for table in ("users", "attempts", "one_time_tokens", "pending_profiles", "devices", "sessions"):
        rows = await identity.deps.pool.fetch(f"select row_to_json(t)::text as t from {table} t")
        assert not any("ana@example.org" in row["t"] or ana["user_id"] in row["t"] for row in rows), table
    assert (await identity.call("GET", "/users/me", token=ben["token"]))["email"] == "ben@example.org"


async def test_signing_up_with_a_profile_and_an_invitation_at_once_is_refused(identity: Running):
    body = {"email": "x@example.org", "password": PASSWORD, "profile": {}, "invitation": "x"}
    await refused(identity.call("POST", "/signup", body), 400, "invalid")


async def test_tokens_of_another_node_are_worth_nothing(identity: Running, database, postgres_from):
    elsewhere = await start(await postgres_from("identity", migrated), identity.clock)
    token = (await elsewhere.sign_up())["token"]
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    await refused(identity.call("GET", "/users/me", token=token), 401, "token_invalid")
    await elsewhere.service.stop()
