"""A person or program in a journey: the public API in the words of the features."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from tests.e2e.running import ADMIN

PASSWORD = "Long-enough-7"
Found = TypeVar("Found")


class Refused(AssertionError):  # noqa: N818  an answer
    """An answer of 400 or above, with its whole body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body

    @property
    def codes(self) -> list[str]:
        return [problem.get("code", "") for problem in self.body.get("errors", [])]


class Api:
    """The v1 API of one node."""

    def __init__(self, address: str) -> None:
        self._client = httpx2.Client(base_url=f"{address}/api/v1", timeout=30)

    def __call__(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: object = None,
        key: str | None = None,
        **query: Any,
    ) -> Any:
        """The answer's `data`; raises Refused."""
        answer = self.whole(method, path, token, body, key, **query)
        return answer.get("data")

    def whole(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: object = None,
        key: str | None = None,
        **query: Any,
    ) -> Any:
        """The whole answer; raises Refused."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        response = self._client.request(method, path, headers=headers, json=body, params=query)
        if response.status_code >= 400:
            raise Refused(response.status_code, response.json())
        return response.json() if response.content else {}

    def close(self) -> None:
        self._client.close()


@dataclass
class Member:
    """Somebody who signed up."""

    api: Api
    email: str
    name: str
    entity_id: str
    token: str
    number: str = ""

    @classmethod
    def signs_up(cls, api: Api, name: str, *, offers: tuple[str, ...] = (), wants: tuple[str, ...] = ()) -> "Member":
        email = f"{name.lower().replace(' ', '.')}@people.example"
        made = api(
            "POST",
            "/signup",
            body={
                "userEmail": email,
                "password": PASSWORD,
                "firstName": name.split(maxsplit=1)[0],
                "entityName": name,
                "entityEmail": email,
                "offers": list(offers),
                "wants": list(wants),
            },
        )
        return cls(api, email, name, made["entityID"], made["token"])

    def entity(self) -> dict[str, Any]:
        return dict(self.api("GET", "/user/entities", self.token)[0])

    def balance(self) -> float:
        return float(self.api("GET", "/balance", self.token, querying_entity_id=self.entity_id)["balance"])

    def proposes(self, other: "Member", amount: float, *, pays: bool = True, key: str | None = None) -> dict[str, Any]:
        body = {
            "transfer": "out" if pays else "in",
            "initiator": self.number,
            "receiver": other.number,
            "amount": amount,
            "description": f"{amount} for a day's work",
        }
        return dict(self.api("POST", "/transfers", self.token, body, key))

    def answers(self, transfer_id: str, action: str, key: str | None = None) -> dict[str, Any]:
        return dict(self.api("PATCH", f"/transfers/{transfer_id}", self.token, {"action": action}, key))

    def transfers(self, status: str = "all") -> list[dict[str, Any]]:
        return list(
            self.api("GET", "/transfers", self.token, status=status, querying_entity_id=self.entity_id, page_size=100)
        )


class Admin:
    """The node's admin."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.token = api("POST", "/admin/login", body={"email": ADMIN[0], "password": ADMIN[1]})["token"]

    def lets_trade(self, member: Member, *, debt: int = 500, credit: int = 1000) -> None:
        entity = self.api(
            "PATCH",
            f"/admin/entities/{member.entity_id}",
            self.token,
            {"status": "tradingAccepted", "maxNegativeBalance": debt, "maxPositiveBalance": credit},
        )
        member.number = entity["accountNumber"]


def eventually(look: Callable[[], Found], *, within_s: float = 10.0) -> Found:
    """What `look` finds, as soon as it finds anything; asserts that it does within the time."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {within_s} s"
        time.sleep(0.05)
