"""The main job through the API: two people sign up, an admin lets them trade, they are matched, one pays the other."""

import uuid
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.driving import Admin, Api, Member, Refused, eventually
from tests.e2e.running import Running


def _somebody(api: Api, **tags: tuple[str, ...]) -> Member:
    return Member.signs_up(api, f"Wanda {uuid.uuid4().hex[:10]}", **tags)


def _letters_to(folder: Path, address: str) -> list[str]:
    """Subjects of the mails that were written to this address."""
    found = []
    for file in sorted(folder.glob("*.eml")):
        letter = message_from_bytes(file.read_bytes(), policy=policy.default)
        if address in str(letter["To"]):
            body = letter.get_body(("plain",))
            assert body is not None
            found.append(f"{letter['Subject']}\n{body.get_content()}")
    return found


def _is_told(folder: Path, address: str, words: str) -> bool:
    return any(words in letter for letter in _letters_to(folder, address))


def test_two_members_meet_and_trade(node: Running, api: Api):
    tag = f"marquetry {uuid.uuid4().hex[:6]}"
    ana, ben = _somebody(api, offers=(tag,)), _somebody(api, wants=(tag,))
    admin = Admin(api)
    assert ana.entity()["status"] == "pending"
    for member in (ana, ben):
        admin.lets_trade(member)
        assert member.entity()["status"] == "tradingAccepted"

    found = eventually(lambda: api("GET", "/entities", ben.token, offers=tag))
    assert [entity["id"] for entity in found] == [ana.entity_id]

    proposal = ben.proposes(ana, 12.5)
    assert proposal["status"] == "transferInitiated"
    assert ana.answers(proposal["id"], "accept")["status"] == "transferCompleted"
    assert (ana.balance(), ben.balance()) == (12.5, -12.5)
    for member, direction in ((ana, "in"), (ben, "out")):
        [line] = member.transfers("completed")
        assert (line["id"], line["transfer"], line["amount"]) == (proposal["id"], direction, 12.5)
    for member in (ana, ben):
        eventually(partial(_is_told, node.mail, member.email, "12.5"))


def test_each_is_shown_to_the_other_as_a_match_with_a_reason(node: Running, api: Api):
    tag = f"falconry {uuid.uuid4().hex[:6]}"
    ana, ben = _somebody(api, offers=(tag,)), _somebody(api, wants=(tag,))
    admin = Admin(api)
    for member in (ana, ben):
        admin.lets_trade(member)
    for one, other in ((ana, ben), (ben, ana)):
        [match] = eventually(partial(api, "GET", "/matches", one.token, querying_entity_id=one.entity_id))
        assert match["entity"]["id"] == other.entity_id
        assert match["reasons"]


def test_a_payment_beyond_the_limit_is_refused_and_says_what_is_possible(api: Api):
    ana, ben = _somebody(api), _somebody(api)
    admin = Admin(api)
    for member in (ana, ben):
        admin.lets_trade(member, debt=20)
    with pytest.raises(Refused) as refused:
        ben.proposes(ana, 20.01)
    assert refused.value.status == 400
    assert refused.value.codes == ["limit_reached"]
    assert "20" in refused.value.body["errors"][0]["message"]
    assert ben.balance() == 0


def test_the_same_key_pays_once(api: Api):
    ana, ben = _somebody(api), _somebody(api)
    admin = Admin(api)
    for member in (ana, ben):
        admin.lets_trade(member)
    key = uuid.uuid4().hex
    first, second = ben.proposes(ana, 5, key=key), ben.proposes(ana, 5, key=key)
    assert first["id"] == second["id"]
    assert len(ben.transfers()) == 1
    assert ana.answers(first["id"], "accept", key=key) == ana.answers(first["id"], "accept", key=key)
    with pytest.raises(Refused) as refused:
        ana.answers(first["id"], "accept")
    assert refused.value.codes == ["transfer_finished"]


def test_a_member_whose_tags_are_removed_is_no_longer_found(api: Api):
    tag = f"glassblowing {uuid.uuid4().hex[:6]}"
    ana = _somebody(api, offers=(tag,))
    Admin(api).lets_trade(ana)
    eventually(lambda: api("GET", "/entities", offers=tag))
    api("PATCH", f"/user/entities/{ana.entity_id}", ana.token, {"offers": []})
    eventually(lambda: not api("GET", "/entities", offers=tag))


def test_logging_out_ends_the_token_at_once_everywhere(api: Api):
    ana = _somebody(api)
    api("POST", "/logout", ana.token)
    for path, query in (("/user", {}), ("/user/entities", {}), ("/balance", {"querying_entity_id": ana.entity_id})):
        with pytest.raises(Refused) as refused:
            api("GET", path, ana.token, **query)
        assert refused.value.status == 401


def test_headers_of_the_client_give_no_rights(api: Api):
    ana = _somebody(api)
    answer = api._client.get("/admin/entities", headers={"admin": "true", "userID": ana.entity_id, "X-User-Id": "1"})
    assert answer.status_code == 401
    answer = api._client.get("/admin/entities", headers={"admin": "true", "Authorization": f"Bearer {ana.token}"})
    assert answer.status_code == 403
