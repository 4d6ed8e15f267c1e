"""Every writing operation beside the published ones, done once on a running node: its status and the shape of its answer."""

import base64
import email
import email.policy
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pyotp
import pytest

from gateway.api.operations import all_operations
from gateway.tests.test_description import OPERATIONS, undescribed
from tests.e2e.driving import PASSWORD, Admin, Api, Member, eventually
from tests.e2e.running import Running
from tests.e2e.test_public_api import odd

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WRITES = {
    f"{each.method} {each.path.removeprefix('/api/v1')}": each
    for each in all_operations().operations
    if not each.published and each.method != "GET"
}


@dataclass(slots=True)
class Doer:
    """Does operations by name and holds each answer to the description."""

    client: httpx2.Client
    done: set[str] = field(default_factory=set)

    def __call__(
        self, name: str, token: str | None = None, body: Any = None, /, *, data: Any = None, **given: Any
    ) -> Any:
        """Answers `data`. Path ids and parameters are told apart by the operation's path; `data` is a raw body."""
        operation = WRITES[name]
        ids = {each: given.pop(each) for each in operation.path_names}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if isinstance(data, bytes):
            headers["Content-Type"] = operation.raw_types[0]
        content = {"content": data} if isinstance(data, bytes) else {"data": data} if data else {"json": body}
        heard = self.client.request(
            operation.method, operation.path.format(**ids), headers=headers, params=given, **content
        )
        assert heard.status_code == operation.status, (name, heard.status_code, heard.text)
        answer = json.loads(heard.text, parse_float=Decimal)
        schema = OPERATIONS[name]["responses"][str(operation.status)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema).validate(heard.json())
        assert (undescribed(answer, schema), odd(answer)) == ([], []), name
        assert ("data" in answer) is (operation.answers is not None), name
        self.done.add(name)
        return heard.json().get("data", heard.json())


@dataclass(slots=True)
class Town:
    """Who is needed for all of it."""

    do: Doer
    api: Api
    admin: Admin
    mail: Path
    mark: str

    def joins(self, name: str, *, trades: bool = True) -> Member:
        member = Member.signs_up(self.api, f"{name} {self.mark}", offers=(f"tiles {self.mark}",))
        if trades:
            self.admin.lets_trade(member)
        return member

    def token_mailed_to(self, address: str, word: str) -> str:
        """The secret of the newest link of this kind in a mail to this address."""

        def look() -> str:
            for file in sorted(self.mail.glob("*.eml"), reverse=True):
                letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
                plain = letter.get_body(("plain",))
                found = re.search(rf"/{word}/([\w-]+)", plain.get_content()) if plain else None
                if address in str(letter["To"]) and found:
                    return found[1]
            return ""

        return eventually(look, within_s=20)


@pytest.fixture
def town(node: Running) -> Iterator[Town]:
    api = Api(node.address)
    with httpx2.Client(base_url=node.address, timeout=30) as client:
        yield Town(Doer(client), api, Admin(api), node.mail, uuid.uuid4().hex[:8])
    api.close()


def of_the_login(town: Town, ana: Member) -> None:
    do, password = town.do, {"currentPassword": PASSWORD}
    do("POST /verification", ana.token, {})
    assert (
        do("POST /verification/confirm", None, {"token": town.token_mailed_to(ana.email, "verify")})["email"]
        == ana.email
    )
    secret = do("POST /second-factor", ana.token, password)["secret"]
    codes = do("POST /second-factor/confirm", ana.token, {"code": pyotp.TOTP(secret).now()})["recoveryCodes"]
    codes = do("POST /second-factor/recovery-codes", ana.token, {"code": codes[0]})["recoveryCodes"]
    do("POST /second-factor/remove", ana.token, password | {"code": codes[0]})
    for _ in range(2):
        town.api("POST", "/login", None, {"email": ana.email, "password": PASSWORD})
    others = [each["id"] for each in town.api("GET", "/sessions", ana.token) if not each["current"]]
    do("DELETE /sessions/{sessionID}", ana.token, sessionID=others[0])
    assert do("DELETE /sessions", ana.token, keep_current="true") == {"ended": len(others) - 1}


def of_people_and_keys(town: Town, ana: Member, ben: Member) -> None:
    do, own = town.do, {"entityID": ana.entity_id}
    invited = do("POST /entities/{entityID}/invitations", ana.token, {"email": "zoe@people.example"}, **own)
    do("DELETE /invitations/{invitationID}", ana.token, invitationID=invited["id"])
    do("POST /entities/{entityID}/invitations", ana.token, {"email": ben.email}, **own)
    secret = town.token_mailed_to(ben.email, "invitations")
    user = do("POST /invitations/accept", ben.token, {"token": secret})["userID"]
    do("PUT /entities/{entityID}/people/{userID}", ana.token, {"role": "owner"}, userID=user, **own)
    do("DELETE /entities/{entityID}/people/{userID}", ana.token, userID=user, **own)
    key = do("POST /entities/{entityID}/keys", ana.token, {"name": "till", "scopes": ["read"]}, **own)
    form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]}
    assert do("POST /oauth/token", data=form)["token_type"] == "Bearer"
    do("DELETE /keys/{keyID}", ana.token, keyID=key["id"])


def of_the_directory(town: Town, ana: Member, ben: Member) -> None:
    do, new = town.do, town.joins("New", trades=False)
    place = {
        "description": "Tiles",
        "address": "1 Street",
        "city": "Town",
        "region": "N",
        "postalCode": "1",
        "country": "L",
    }
    town.api("PATCH", f"/admin/entities/{new.entity_id}", town.admin.token, {"status": "accepted"})
    person = {"firstName": "N", "lastName": "W", "telephone": "+1 555 0100", "agreement": True, "incType": "sole"}
    applied = do("POST /entities/{entityID}/application", new.token, person | place, entityID=new.entity_id)
    assert applied["status"] == "tradingPending"
    picture = do("POST /entities/{entityID}/pictures", ana.token, data=PNG, entityID=ana.entity_id)
    do("DELETE /entities/{entityID}/pictures/{name}", ana.token, entityID=ana.entity_id, name=picture["name"])
    do("POST /matches/dismissals", ana.token, {"entityID": ana.entity_id, "otherEntityID": ben.entity_id})


def of_money(town: Town, ana: Member, ben: Member) -> None:
    do = town.do
    proposal = {
        "transfer": "out",
        "initiator": ana.number,
        "receiver": ben.number,
        "amount": 0.3,
        "description": "Tiles",
    }
    assert do("POST /transfers/preview", ana.token, proposal)["total"] == 0.3
    paid = ana.proposes(ben, 2)["id"]
    ben.answers(paid, "accept")
    back = do("POST /transfers/{transferID}/refund", ben.token, {"amount": 0.5}, transferID=paid)
    do("POST /admin/transfers/{transferID}/cancel", town.admin.token, {"reason": "By mistake"}, transferID=back["id"])
    assert do("POST /transfers/batch", ana.token, {"transfers": [proposal]})["accepted"] == 1
    table = f"direction,receiver,amount,description\nout,{ben.number},1.10,Dues\nout,{ben.number},x,Dues\n".encode()
    lines = do("POST /transfers/batch", ana.token, data=table, initiator=ana.number)
    assert (lines["accepted"], lines["refused"]) == (1, 1)
    body = {"initiator": ana.number, "transfers": [{"payer": ana.number, "payee": ben.number, "amount": 1}]}
    group = do("POST /transfer-groups", ana.token, body)["id"]
    done = do("POST /transfer-groups/{groupID}/accept", ben.token, {"entityID": ben.entity_id}, groupID=group)
    assert done["status"] == "completed"
    other = do("POST /transfer-groups", ana.token, body)["id"]
    do("POST /transfer-groups/{groupID}/end", ben.token, {"reason": "Not now"}, groupID=other)


def of_notices(town: Town, ana: Member) -> None:
    do = town.do
    do("POST /notices/read", ana.token, {})
    do("PUT /preferences", ana.token, {"preferences": [{"kind": "contact_message", "mail": False}]})
    hook = do("POST /webhooks", ana.token, {"url": "https://192.0.2.10/told", "entityID": ana.entity_id})
    do("DELETE /webhooks/{webhookID}", ana.token, webhookID=hook["id"])


def of_the_office(town: Town, ana: Member, ben: Member) -> None:
    do, admin = town.do, town.admin.token
    limits = {"maxNegativeBalance": 600, "maxPositiveBalance": 1100, "reason": "A good year"}
    assert (
        do("PUT /admin/entities/{entityID}/limits", admin, limits, entityID=ana.entity_id)["maxNegativeBalance"] == 600
    )
    past = f"2025-11-30,{ben.number},{ana.number},0.20,Long ago\n".encode()
    assert len(do("POST /admin/imports/transfers", admin, data=past)["lines"]) == 1
    fee = do("POST /admin/fees", admin, {"name": f"Upkeep {town.mark}", "sharePpm": 5000})["id"]
    do("DELETE /admin/fees/{feeID}", admin, feeID=fee)
    do("POST /admin/search-index/rebuild", admin)
    made = do("POST /admin/admins", admin, {"email": f"{town.mark}@node.example", "password": PASSWORD})
    assert made["email"] == f"{town.mark}@node.example"
    user = town.api("GET", "/user", ben.token)["id"]
    do("DELETE /admin/users/{userID}/sessions", admin, userID=user)


def test_every_new_writing_operation_answers_as_it_is_described(town: Town):
    ana, ben = town.joins("Ana"), town.joins("Ben")
    of_the_login(town, ana)
    of_people_and_keys(town, ana, ben)
    of_the_directory(town, ana, ben)
    of_money(town, ana, ben)
    of_notices(town, ana)
    of_the_office(town, ana, ben)
    town.do("DELETE /user", town.joins("Leaver").token, {"password": PASSWORD})
    assert town.do.done == set(WRITES)
