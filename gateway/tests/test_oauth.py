"""Tokens of partner programs by OAuth 2.0 client credentials, as libraries written for the standard ask for them."""

import base64
from typing import Any

import pytest

from gateway.tests.house import House, furnished, refusal
from libs.common.ids import new_id

FORM = {"content-type": "application/x-www-form-urlencoded"}
TOKEN = "/api/v1/oauth/token"
KEY, SECRET = new_id(), "a-secret_of~43.characters"


def basic(client_id: str, secret: str) -> dict[str, str]:
    return FORM | {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@pytest.fixture
def house() -> House:
    made = furnished(House())

    def answer(asked: Any) -> Any:
        if (asked.body["client_id"], asked.body["client_secret"]) != (KEY, SECRET):
            return refusal(401, "invalid_client")
        if asked.body.get("scope") == "accept":
            return refusal(400, "invalid_scope")
        return {"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "scope": "read"}

    made.services.on("identity", "POST", "/oauth/token", answer)
    return made


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        (FORM, f"grant_type=client_credentials&client_id={KEY}&client_secret={SECRET}"),
        (basic(KEY, SECRET), "grant_type=client_credentials"),
        (basic(KEY, "a%2Dsecret_of~43.characters"), "grant_type=client_credentials&scope="),
        (basic(KEY, SECRET), f"grant_type=client_credentials&client_id={KEY}&scope=read"),
    ],
)
async def test_a_key_is_told_in_the_form_or_in_the_header(house, headers, form):
    heard = await house("POST", TOKEN, raw=form.encode(), headers=headers)
    assert (heard.status, heard.json["access_token"]) == (200, "t")
    assert heard.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "form", "status", "error"),
    [
        (basic(KEY, "wrong"), "grant_type=client_credentials", 401, "invalid_client"),
        (FORM | {"authorization": "Basic !"}, "grant_type=client_credentials", 401, "invalid_client"),
        (FORM | {"authorization": "Basic"}, "grant_type=client_credentials", 401, "invalid_client"),
        (FORM | {"authorization": "Basic /w=="}, "grant_type=client_credentials", 401, "invalid_client"),
        (basic("", ""), "grant_type=client_credentials", 401, "invalid_client"),
        (FORM, f"grant_type=client_credentials&client_id={KEY}&client_secret=x", 401, "invalid_client"),
        (basic(KEY, SECRET), f"grant_type=client_credentials&client_secret={SECRET}", 400, "invalid_request"),
        (FORM, "grant_type=client_credentials", 400, "invalid_request"),
        (FORM, f"client_id={KEY}&client_secret={SECRET}", 400, "invalid_request"),
        (FORM, "", 400, "invalid_request"),
        (FORM, "gr\u00e4nt", 400, "invalid_request"),
        (basic(KEY, SECRET), "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        (basic(KEY, SECRET), "grant_type=password&username=a&password=b", 400, "unsupported_grant_type"),
        (basic(KEY, SECRET), "grant_type=client_credentials&scope=accept", 400, "invalid_scope"),
    ],
)
async def test_refusals_have_the_standards_words_and_ours(house, headers, form, status, error):
    heard = await house("POST", TOKEN, raw=form.encode(), headers=headers)
    assert (heard.status, heard.json["error"]) == (status, error)
    assert heard.json["errors"] == [{"message": heard.json["error_description"], "code": error}]
    assert heard.headers["cache-control"] == "no-store"
    assert heard.headers.get("www-authenticate") == ('Basic realm="mccs"' if status == 401 else None)
