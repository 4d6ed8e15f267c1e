"""Generated requests against a running node, by our own description and by the two published documents: no 5xx, no status
that is not described, and our own answers in the described shapes. Short here; `make soak` runs the long form."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.e2e.driving import PASSWORD, Admin, Api, Member
from tests.e2e.running import Running, embedded

CONTRACT = Path(__file__).parents[2] / "gateway" / "tests" / "contract"
# what the published documents forgot: a malformed parameter is a 400 everywhere, 413 and 503 may come anywhere
ADDED = {400: ("/entities", "/categories", "/tags", "/admin/users", "/admin/entities")}
EXAMPLES = {"own": 2, "member": 1, "admin": 1}
EXAMPLES_LONG = 200
# what would end the session that the others use, or run for long, is fuzzed without a token
ENDS_A_SESSION = ("logout", "sessions", "password-change", "/user/export", "admins")
_made: dict[str, Any] = {}


def _document(name: str) -> dict[str, Any]:
    # one shape of a signup contains the other, so that nothing could ever be just one of them
    text = (CONTRACT / f"mccs-v1-{name}.openapi.json").read_text().replace('"oneOf"', '"anyOf"')
    document: dict[str, Any] = json.loads(text)
    document["servers"] = [{"url": "/api/v1"}]
    error = {"content": {"application/json": {"schema": {"type": "object"}}}, "description": ""}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status in (413, 503, *(status for status, paths in ADDED.items() if path in paths)):
                operation["responses"].setdefault(str(status), error)
    return document


DOCUMENTS = {
    "own": json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text()),
    "member": _document("member"),
    "admin": _document("admin"),
}


def _operations() -> list[tuple[str, str, str]]:
    found = []
    for name, document in DOCUMENTS.items():
        for path, methods in document["paths"].items():
            found += [(name, method.upper(), path) for method in methods]
    return found


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A node of its own: what generated requests leave there (rules of fees, names of categories) disturbs nobody."""
    running = embedded(tmp_path_factory.mktemp("fuzzed"))
    running.start()
    running.make_admin()
    yield running
    assert running.stop() == 0, running.tail()


@pytest.fixture(scope="module")
def tokens(node: Running) -> dict[str, str]:
    """A member's and an admin's."""
    api = Api(node.address)
    admin = Admin(api)
    fuzz = Member.signs_up(api, f"Fuzz {id(api)}")
    admin.lets_trade(fuzz)
    api.close()
    return {"member": fuzz.token, "admin": admin.token}


def _is_admins(document: str, path: str) -> bool:
    return document == "admin" or "/admin/" in path


@pytest.mark.parametrize(("document", "method", "path"), _operations(), ids=str)
def test_no_generated_request_gets_an_answer_that_is_not_described(
    node: Running, tokens: dict[str, str], document: str, method: str, path: str, request: pytest.FixtureRequest
):
    if document not in _made:
        _made[document] = schemathesis.openapi.from_dict(DOCUMENTS[document])
    operation = _made[document][path][method]
    token = tokens["admin" if _is_admins(document, path) else "member"]
    headers = {} if any(part in path for part in ENDS_A_SESSION) else {"Authorization": f"Bearer {token}"}
    base = node.address if document == "own" else f"{node.address}/api/v1"
    examples = EXAMPLES_LONG if request.config.getoption("-m") == "slow" else EXAMPLES[document]

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy())
    def run(case: Any) -> None:
        response = case.call(base_url=base, headers=headers, timeout=30)
        checks = [not_a_server_error, status_code_conformance]
        if document == "own":
            checks.append(response_schema_conformance)
        if response.status_code == 503:
            checks = checks[1:]
        try:
            case.validate_response(response, checks=checks)
        except (Failure, FailureGroup) as failure:
            pytest.fail(f"{failure}\n{response.content[:500]!r}")

    run()


def test_the_node_still_works_after_all_that(node: Running, tokens: dict[str, str]):
    api = Api(node.address)
    assert api("GET", "/user/entities", tokens["member"])
    assert api("POST", "/signup", None, {"userEmail": f"after{id(api)}@people.example", "password": PASSWORD})
    api.close()
