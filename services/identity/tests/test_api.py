"""Identity over HTTP: who may call what, shapes and statuses."""


from libs.common.ids import is_id
from services.identity.tests.conftest import PASSWORD, Running


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
    assert PASSWORD not in str(answer)
