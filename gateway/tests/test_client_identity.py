"""Identity's client asks what it says, as whom it says."""

import inspect
from typing import Any

import orjson

from gateway.clients.identity import IdentityClient
from libs.common.peers import Answer, Caller

PERSON = Caller(token="a-token", request_id="r1", client_address="192.0.2.7", user_agent="a browser")
NOTHING_TO_GIVE = {
    "email": "ana@example.org", "password": "green-Tomatoes-42", "refresh_token": "r", "session_id": "s", "token": "t",
    "code": "1", "current_password": "p", "changes": {"first_name": "Ana"}, "user_id": "u", "entity_id": "e",
    "user_ids": ["u"], "invitation_id": "i", "name": "till", "scopes": ["read"], "key_id": "k", "client_id": "c",
    "client_secret": "x", "token_id": "o", "profile": {"name": "Ana's"}, "role": "member",
    "operation": "GET /a",
}  # fmt: skip


class Recorded:
    """Peers that answer everything with one shape and keep what was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def call(self, service: str, method: str, path: str, **rest: Any) -> Answer:
        self.asked.append({"service": service, "method": method, "path": path, **rest})
        shape = {"items": [], "total": 0, "ended": 2, "recovery_codes": ["a"], "id": "u"}
        return Answer(200, {}, orjson.dumps(shape))

    def stream(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("identity streams nothing")

    async def close(self) -> None: ...


SPEAKING_FOR_ITSELF = {
    "signup", "login", "refresh", "request_password_reset", "check_password_reset", "reset_password", "verify_email",
    "enrol_second_factor", "delete_account", "look_at_invitation", "client_credentials", "issue_one_time_token",
    "revocations", "note_refusal", "check_signup",
}  # fmt: skip


async def test_each_method_asks_identity_once_and_hides_the_persons_token_where_the_gateway_speaks():
    peers = Recorded()
    client = IdentityClient(peers)
    for name, method in inspect.getmembers(client, inspect.iscoroutinefunction):
        if name.startswith("_"):
            continue
        needed = {
            each: NOTHING_TO_GIVE[each]
            for parameter in list(inspect.signature(method).parameters.values())[1:]
            if parameter.default is inspect.Parameter.empty or parameter.name == "profile"
            for each in (("email", "password") if parameter.name == "person" else (parameter.name,))
        }
        await method(PERSON, **needed)
        asked = peers.asked.pop()
        assert not peers.asked
        assert asked["service"] == "identity"
        assert (asked["caller"].token is None) == (name in SPEAKING_FOR_ITSELF), name
        assert asked["caller"].client_address == "192.0.2.7"


async def test_what_was_not_given_is_not_sent():
    peers = Recorded()
    client = IdentityClient(peers)
    await client.login(PERSON, email="ana@example.org", password="x")
    assert peers.asked[-1]["body"] == {"email": "ana@example.org", "password": "x", "role": "member", "kind": "api"}
    await client.update_me(PERSON, {"telephone": None})
    assert peers.asked[-1]["body"] == {"telephone": None}
    await client.signup(PERSON, email="a@example.org", password="x", profile={"name": "x"}, invitation="t")
    assert "profile" not in peers.asked[-1]["body"]


async def test_a_quiet_signup_of_a_taken_address_is_an_empty_answer():
    class Silent(Recorded):
        async def call(self, service: str, method: str, path: str, **rest: Any) -> Answer:
            return Answer(202, {}, b"")

    client = IdentityClient(Silent())
    assert await client.signup(PERSON, email="a@example.org", password="x", profile={}, quiet=True) == {}
