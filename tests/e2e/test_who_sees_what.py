"""What people see of each other on a running node, with everything that is kept on the way: it follows every change."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.driving import Admin, Api, Member, Refused, eventually
from tests.e2e.running import Running


@dataclass(frozen=True, slots=True)
class Street:
    """Ana and Ben trade; Eve is let in, but not to that."""

    api: Api
    admin: Admin
    ana: Member
    ben: Member
    eve: Member
    tag: str

    @property
    def tokens(self) -> list[str | None]:
        return [self.ana.token, self.ben.token, self.eve.token, None]

    def look(self, member: Member, token: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Somebody alone and in a search; nothing where they are not there for these eyes."""
        try:
            alone = dict(self.api("GET", f"/entities/{member.entity_id}", token))
        except Refused:
            alone = {}
        listed = self.api("GET", "/entities", token, offers=self.tag)
        # the index may be a moment behind
        return alone, next((each for each in listed if each["id"] == member.entity_id), alone)

    def sets(self, member: Member, **changes: Any) -> None:
        self.api("PATCH", f"/admin/entities/{member.entity_id}", self.admin.token, changes)

    def who_sees(self, member: Member, field: str) -> str:
        """Their first letters, V is the visitor; both ways of looking where they differ."""
        looks = [self.look(member, token) for token in self.tokens]
        alone, listed = (
            "".join(who for who, look in zip("ABEV", looks, strict=True) if look[way].get(field)) for way in (0, 1)
        )
        return alone if alone == listed else f"{alone}, in a list {listed}"


@pytest.fixture(scope="module")
def built(node: Running) -> Iterator[Street]:
    """All three signed up."""
    api, mark = Api(node.address), uuid.uuid4().hex[:8]
    tag = f"weaving-{mark}"
    ana, ben, eve = (Member.signs_up(api, f"{name} {mark}", offers=(tag,)) for name in ("Ana", "Ben", "Eve"))
    yield Street(api, Admin(api), ana, ben, eve, tag)
    api.close()


@pytest.fixture
def street(built: Street) -> Street:
    """Everybody is let in, has details and has looked at everybody."""
    for member, status in ((built.ana, "tradingAccepted"), (built.ben, "tradingAccepted"), (built.eve, "accepted")):
        built.sets(member, status=status)
    given = {"telephone": "+1 555 0142", "email": "ben@people.example", "receiveDailyMatchNotificationEmail": False}
    built.api("PATCH", f"/user/entities/{built.ben.entity_id}", built.ben.token, given)
    eventually(lambda: len(built.api("GET", "/entities", offers=built.tag)) == 3)
    for _ in range(2):
        for member in (built.ana, built.ben, built.eve):
            built.who_sees(member, "name")
    return built


def test_addresses_are_for_traders_and_telephones_for_members_at_every_moment(street: Street):
    ben = street.ben
    seen = {field: street.who_sees(ben, field) for field in ("name", "telephone", "email", "accountNumber")}
    assert seen == {"name": "ABEV", "telephone": "ABE", "email": "AB", "accountNumber": "ABE"}
    assert street.who_sees(ben, "receiveDailyMatchNotificationEmail") == ""
    street.api(
        "PATCH",
        f"/user/entities/{ben.entity_id}",
        ben.token,
        {"receiveDailyMatchNotificationEmail": True, "telephone": ""},
    )
    assert (street.who_sees(ben, "receiveDailyMatchNotificationEmail"), street.who_sees(ben, "telephone")) == ("B", "")
    street.api("PATCH", f"/user/entities/{ben.entity_id}", ben.token, {"email": ""})
    assert street.who_sees(ben, "email") == ""
    assert "email" not in ben.entity()
    street.api("PATCH", f"/user/entities/{ben.entity_id}", ben.token, {"email": "ben@people.example"})
    assert street.who_sees(ben, "email") == "AB"
    assert ben.entity()["email"] == "ben@people.example"


def test_who_may_trade_no_more_sees_no_addresses_from_that_moment(street: Street):
    street.sets(street.ana, status="tradingRejected")
    assert street.who_sees(street.ben, "email") == "B"
    street.sets(street.ana, status="tradingAccepted")
    street.sets(street.eve, status="tradingAccepted")
    assert street.who_sees(street.ben, "email") == "ABE"
    street.sets(street.ben, status="accepted")
    assert street.who_sees(street.ben, "email") == "B"


def test_who_acts_for_an_entity_no_more_sees_of_it_what_others_see(street: Street):
    api, ben = street.api, street.ben
    ids = [api("GET", "/user", member.token)["id"] for member in (ben, street.eve)]
    field = "receiveDailyMatchNotificationEmail"
    api("PATCH", f"/user/entities/{ben.entity_id}", ben.token, {field: True})
    street.sets(ben, users=ids)
    eventually(lambda: street.who_sees(ben, field) == "BE")
    eventually(lambda: len(api("GET", "/user/entities", street.eve.token)) == 2)
    # she looks with the eyes of somebody who trades now
    assert street.who_sees(street.ana, "email") == "ABE"
    street.sets(ben, users=ids[:1])
    eventually(lambda: street.who_sees(ben, field) == "B")
    assert street.who_sees(street.ana, "email") == "AB"
    assert len(api("GET", "/user/entities", street.eve.token)) == 1


def test_who_is_listed_no_more_or_deleted_is_seen_by_nobody_from_that_moment(street: Street):
    street.sets(street.ben, status="rejected")
    assert street.who_sees(street.ben, "name") == "B"
    street.sets(street.ben, status="accepted")
    assert street.who_sees(street.ben, "name") == "ABEV"
    street.api("DELETE", f"/admin/entities/{street.ben.entity_id}", street.admin.token)
    assert street.who_sees(street.ben, "name") == ""
