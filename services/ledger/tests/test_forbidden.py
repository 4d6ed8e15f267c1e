"""Every forbidden statement, tried as the service's role and as the tables' owner; the list is printed."""

import sys
from typing import Any

import asyncpg
import pytest

from libs.common.database import OwnConnection, connect
from libs.common.ids import new_id
from services.ledger.domain import new_number
from services.ledger.settings import OWNER_ROLE, SERVICE_ROLE
from services.ledger.store.audit import GUARDS, SUMS, WHOLE
from services.ledger.tests.conftest import Node
from services.ledger.tests.forbidden import FORBIDDEN, SERVICE_ONLY, Forbidden

_CHECKS = SUMS | WHOLE | GUARDS
"""The auditor's own statements; each takes how many faults to name at most."""


async def _filled(node: Node) -> dict[str, str]:
    baker, smith = await node.member(), await node.member()
    done = await node.pay(baker, smith, 1000)
    await node.pay(baker, smith, 100)
    _, proposed = await node.propose(baker, smith, 500)
    ids = await node.owner.fetch("select id, number from account")
    by_number = {row["number"]: row["id"] for row in ids}
    await node.owner.execute(
        "insert into block (n, first_pos, upto_pos, count, merkle_root, previous_hash, hash, signature, leaves)"
        " values (1, 1, 2, 2, sha256('a'), sha256('b'), sha256('c'), sha512('d'), sha512('e'))"
    )
    await node.act("reject", (await node.propose(baker, smith, 5))[1]["id"], smith, key="k")
    return {
        "payer": by_number[baker.number],
        "payee": by_number[smith.number],
        "transfer": done["id"],
        "open": proposed["id"],
        "entity": baker.entity_id,
        "number": baker.number,
        "other": smith.number,
    }


async def _refused(connection: OwnConnection, one: Forbidden, names: dict[str, str]) -> str | None:
    """Why the statement was refused; None where it went through (and changed something). Nothing is kept."""
    sql = one.sql.format(**names, id=new_id(), fresh=new_number())
    held = connection.transaction()
    await held.start()
    try:
        status = await connection.execute(sql)
        if one.audit is not None:
            found = await connection.fetch(_CHECKS[one.audit], 1)
            return f"found by the audit: {found[0]['detail']}" if found else None
    except asyncpg.PostgresError as fault:
        return type(fault).__name__
    else:
        return "changed nothing" if status.endswith(" 0") else None
    finally:
        await held.rollback()


async def test_every_forbidden_statement_is_refused_to_the_service(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    names = await _filled(node)
    service = await connect(node.settings.ledger_url, role=SERVICE_ROLE)
    ordinary = await _as_ordinary_login(node)
    try:
        refusals = {one.name: await _refused(service, one, names) for one in [*FORBIDDEN, *SERVICE_ONLY[1:]]}
        refusals[SERVICE_ONLY[0].name] = await _refused(ordinary, SERVICE_ONLY[0], names)
    finally:
        await service.close()
        await ordinary.close()
    with capsys.disabled():
        _print("statements forbidden to the service", refusals)
    assert len(refusals) >= 40
    # a superuser's session keeps this one right after SET ROLE; an ordinary login's never has it
    refusals.pop("hide the guards for a session")
    assert {name for name, why in refusals.items() if why != "InsufficientPrivilegeError"} == set()


async def test_every_forbidden_statement_is_refused_to_the_owner_or_found(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    names = await _filled(node)
    owner = await connect(node.settings.ledger_url, role=OWNER_ROLE)
    try:
        for check, query in _CHECKS.items():
            assert await owner.fetch(query, 1) == [], check
        refusals = {
            one.name: await _refused(owner, one, names)
            for one in FORBIDDEN
            if one.name != "hide the guards for a session"  # no role without the superuser's right may
        }
    finally:
        await owner.close()
    with capsys.disabled():
        _print("the same as the tables' owner", refusals)
    assert {name for name, why in refusals.items() if why is None or why == "changed nothing"} == set()


def _print(title: str, refusals: dict[str, str | None]) -> None:
    sys.stdout.write(f"\n{title}:\n" + "".join(f"  {name}: {why}\n" for name, why in refusals.items()))


async def _as_ordinary_login(node: Node) -> Any:
    """A login like the service's own in an installation: a member of the roles, nothing else."""
    name = "t" + new_id().replace("-", "")[:20]
    await node.owner.execute(f"create role {name} login noinherit password '{name}' in role mccs_ledger_service")
    connection = await connect(node.settings.ledger_url)
    await connection.execute(f"set session authorization {name}")
    return connection
