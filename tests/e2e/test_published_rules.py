"""What the published API left open and this one decides, on a running node, as an old program would meet it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.driving import Admin, Api, Member, Refused, eventually
from tests.e2e.running import Running


@dataclass(slots=True)
class Street:
    """Three members who trade, and an admin."""

    api: Api
    admin: Admin
    ana: Member
    ben: Member
    eve: Member

    def refused(self, method: str, path: str, *given: Any, **query: Any) -> Refused:
        with pytest.raises(Refused) as caught:
            self.api(method, path, *given, **query)
        return caught.value

    def proposal(self, payer: Member, payee: Member, amount: float) -> dict[str, Any]:
        return {"transfer": "out", "initiator": payer.number, "receiver": payee.number, "amount": amount}


@pytest.fixture
def street(node: Running) -> Iterator[Street]:
    api = Api(node.address)
    admin = Admin(api)
    members = [Member.signs_up(api, f"{name} {uuid.uuid4().hex[:10]}") for name in ("Ana", "Ben", "Eve")]
    for member in members:
        admin.lets_trade(member)
    yield Street(api, admin, *members)
    api.close()


def test_a_finished_transfer_is_answered_again_only_to_the_request_that_finished_it(street: Street):
    path, accept = f"/transfers/{street.ana.proposes(street.ben, 3)['id']}", {"action": "accept"}
    first = street.api("PATCH", path, street.ben.token, accept, "one-key")
    assert first["status"] == "transferCompleted"
    assert street.api("PATCH", path, street.ben.token, accept, "one-key") == first
    for action, who in (("accept", street.ben), ("reject", street.ben), ("cancel", street.ana)):
        told = street.refused("PATCH", path, who.token, {"action": action})
        assert (told.status, told.codes) == (400, ["transfer_finished"]), action
    told = street.refused("PATCH", path, street.ben.token, {"action": "reject"}, "one-key")
    assert (told.status, told.codes[0] in {"idempotency_conflict", "transfer_finished"}) == (400, True)
    assert street.ben.balance() == 3


def test_a_key_with_another_body_is_a_400(street: Street):
    body = street.proposal(street.ana, street.ben, 2)
    first = street.api("POST", "/transfers", street.ana.token, body, "my-key")
    assert street.api("POST", "/transfers", street.ana.token, body, "my-key") == first
    told = street.refused("POST", "/transfers", street.ana.token, body | {"amount": 2.01}, "my-key")
    assert (told.status, told.codes) == (400, ["idempotency_conflict"])


def test_a_limit_reached_at_accept_cancels_the_transfer_with_a_reason(street: Street):
    asked = street.ben.proposes(street.ana, 400, pays=False)
    other = street.ana.proposes(street.eve, 300)
    street.eve.answers(other["id"], "accept")
    told = street.refused("PATCH", f"/transfers/{asked['id']}", street.ana.token, {"action": "accept"})
    assert (told.status, told.codes) == (400, ["limit_reached"])
    for member in (street.ana, street.ben):
        seen = next(each for each in member.transfers() if each["id"] == asked["id"])
        assert seen["status"] == "transferCancelled"
        assert seen["cancellationReason"]


def test_of_ones_own_limit_the_largest_amount_is_told_and_of_anothers_nothing(street: Street):
    own = street.refused("POST", "/transfers", street.ana.token, street.proposal(street.ana, street.ben, 500.01))
    assert (own.status, own.codes, own.body["errors"][0]["field"]) == (400, ["limit_reached"], "amount")
    assert "500" in own.body["errors"][0]["message"]
    street.api("PATCH", f"/admin/entities/{street.eve.entity_id}", street.admin.token, {"maxPositiveBalance": 17})
    others = street.refused("POST", "/transfers", street.ana.token, street.proposal(street.ana, street.eve, 18))
    assert (others.status, others.codes) == (400, ["limit_reached"])
    assert "17" not in str(others.body)


def test_who_is_no_party_learns_no_more_than_of_an_unknown_transfer(street: Street):
    transfer = street.ana.proposes(street.ben, 1)["id"]
    for action in ("accept", "reject", "cancel"):
        told = [
            street.refused("PATCH", f"/transfers/{each}", street.eve.token, {"action": action})
            for each in (transfer, "0199b3f0-0000-7000-8000-00000000dead")
        ]
        assert told[0].status == told[1].status == 401
        assert told[0].body == told[1].body


def knows(street: Street, asked: dict[str, str]) -> bool:
    try:
        street.api("GET", "/transfers", street.ana.token, **asked)
    except Refused:
        return False
    return True


def test_who_acts_for_both_entities_of_a_transfer_decides_for_both(street: Street):
    user = street.api("GET", "/user", street.ana.token)["id"]
    bens = street.api("GET", f"/admin/entities/{street.ben.entity_id}", street.admin.token)["users"][0]["id"]
    street.api("PATCH", f"/admin/entities/{street.ben.entity_id}", street.admin.token, {"users": [bens, user]})
    of_ben = {"querying_entity_id": street.ben.entity_id, "status": "all"}
    eventually(lambda: knows(street, of_ben))  # the ledger hears who acts for whom by event
    for action, status in (
        ("accept", "transferCompleted"),
        ("reject", "transferCancelled"),
        ("cancel", "transferCancelled"),
    ):
        transfer = street.ana.proposes(street.ben, 1)["id"]
        assert street.ana.answers(transfer, action)["status"] == status


def test_amounts_are_exact_and_judged_by_their_value(street: Street):
    for amount in (0.1, 0.2):
        street.ben.answers(street.ana.proposes(street.ben, amount)["id"], "accept")
    assert repr(street.ben.balance()) == "0.3"
    assert repr(street.ana.balance()) == "-0.3"
    assert street.ben.entity()["balance"] == 0.3


def test_a_patch_clears_by_the_empty_text_and_null_and_leaves_what_is_absent(street: Street):
    path, token = f"/user/entities/{street.ana.entity_id}", street.ana.token
    whole = {
        "city": "Town",
        "region": "North",
        "country": "Land",
        "declaredTurnover": 5,
        "offers": ["a"],
        "wants": ["b"],
    }
    assert whole.items() <= street.api("PATCH", path, token, whole).items()
    left = street.api(
        "PATCH", path, token, {"city": "", "region": None, "declaredTurnover": None, "offers": [], "wants": None}
    )
    assert not {"city", "region", "declaredTurnover"} & set(left)
    assert (left["country"], left["offers"], left["wants"]) == ("Land", [], [])
    assert street.api("PATCH", path, token, {}) == left


def test_names_of_every_script_are_kept_and_a_rename_to_one_that_exists_merges(street: Street):
    token, mark = street.admin.token, uuid.uuid4().hex[:6]
    path = f"/user/entities/{street.ana.entity_id}"
    given = ["  ! ! ! A 1 Unique Tag ! ! !  ", "3D printing", "CAFÉ", "北京", "a-1 unique tag", "!!!"]
    kept = street.api("PATCH", path, street.ana.token, {"offers": given})["offers"]
    assert kept == ["a-1-unique-tag", "3d-printing", "café", "北京"]
    for noun in ("categories", "tags"):
        ids = [
            street.api("POST", f"/admin/{noun}", token, {"name": f"{word} {mark} 3D"})["id"] for word in ("old", "new")
        ]
        merged = street.api("PATCH", f"/admin/{noun}/{ids[0]}", token, {"name": f"New {mark} 3d"})
        assert merged["name"] == f"new-{mark}-3d"
