"""Figures of the one-process node: time to ready, memory at rest, two-step payments through the public API."""

import asyncio
import os
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.driving import Admin, Api, Member
from tests.e2e.running import Running, embedded

REST_S = 5.0
PAIRS = 16
PAYMENTS_S = 10.0


def pss_mb(pid: int) -> float:
    """Proportional set size of a process and all below it, in MB (Linux)."""
    total = 0
    for process in _tree(pid):
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def _tree(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += parents.get(one, [])
    return found


def start_and_memory(folder: Path) -> Running:
    """Prints the first three rows of the table; leaves a running node."""
    node = embedded(folder)
    node.start()
    print(f"  ready on an empty data folder       {node.started_in_s:6.2f} s    (reach 15)")
    node.stop()
    times = []
    for _ in range(3):
        node.start()
        times.append(node.started_in_s)
        if len(times) < 3:
            node.stop()
    print(f"  ready on a migrated data folder     {statistics.median(times):6.2f} s    (reach 5; median of 3)")
    time.sleep(REST_S)
    assert node.process is not None
    print(f"  memory at rest, PostgreSQL included {pss_mb(node.process.pid):6.0f} MB   (reach 400; PSS)")
    return node


async def _pay(session: aiohttp.ClientSession, payer: Member, payee: Member, until: float) -> int:
    done = 0
    while time.monotonic() < until:
        body: dict[str, Any] = {
            "transfer": "out",
            "initiator": payer.number,
            "receiver": payee.number,
            "amount": 0.01,
            "description": "bench",
        }
        async with session.post("transfers", json=body, headers=_bearer(payer)) as answer:
            made = await answer.json()
        url = f"transfers/{made['data']['id']}"
        async with session.patch(url, json={"action": "accept"}, headers=_bearer(payee)) as answer:
            assert answer.status == 200, await answer.text()
        done += 1
    return done


def _bearer(member: Member) -> dict[str, str]:
    return {"Authorization": f"Bearer {member.token}", "Idempotency-Key": uuid.uuid4().hex}


async def two_step(address: str, pairs: list[tuple[Member, Member]]) -> float:
    """Complete two-step payments a second through v1, one after the other in each of the pairs."""
    began = time.monotonic()
    async with aiohttp.ClientSession(base_url=f"{address}/api/v1/") as session:
        counts = await asyncio.gather(*(_pay(session, *pair, began + PAYMENTS_S) for pair in pairs))
    return sum(counts) / (time.monotonic() - began)


def main() -> None:
    """The figures, on this machine."""
    print(f"The one-process node, on {os.cpu_count()} cores:")
    with tempfile.TemporaryDirectory(prefix="mccs-bench-") as folder:
        node = start_and_memory(Path(folder))
        try:
            node.make_admin()
            api = Api(node.address)
            admin = Admin(api)
            members = [Member.signs_up(api, f"Bench {n}") for n in range(PAIRS * 2)]
            for member in members:
                admin.lets_trade(member)
            rate = asyncio.run(two_step(node.address, list(zip(members[::2], members[1::2], strict=True))))
            print(
                f"  two-step payments through v1        {rate:6.0f} /s   ({PAIRS} connections, client on the same cores)"
            )
        finally:
            node.stop()


if __name__ == "__main__":
    main()
