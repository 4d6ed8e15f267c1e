"""The verbs of `mccs` but `run`: each takes the parsed options and returns the exit status."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from deploy.local.demo.load import load as load_demo
from deploy.local.demo.load import only_refusals
from deploy.local.node import Node
from deploy.local.operating import NodeOfPeers, operator_peers
from deploy.local.parts import DEPLOYABLES, SERVICES, part
from deploy.local.progress import Progress
from deploy.local.settings import NodeSettings
from libs.common.clock import utc_now
from libs.common.peers import Caller, Peers
from libs.common.service import StartRefused
from libs.common.settings import describe, load

REBUILD_LOOK_EVERY_S = 0.5


async def migrate(options: argparse.Namespace) -> int:
    """Brings the stores up to date: on the embedded server by starting a node without ports."""
    wanted = options.services or SERVICES
    if any(getattr(load(part(name).settings), f"{name}_url", None) == "embedded:" for name in wanted):
        node = Node(listen=False)
        await node.start()
        await node.stop()
    else:
        for name in wanted:
            await part(name).migrate(load(part(name).settings))
    print("The stores are up to date.")
    return 0


async def admin(options: argparse.Namespace) -> int:
    """`mccs admin create EMAIL`."""
    password = os.environ.get("MCCS_ADMIN_PASSWORD") or sys.stdin.readline().rstrip("\n")
    if not password:
        raise StartRefused("Give the password as one line of standard input, or in MCCS_ADMIN_PASSWORD.", status=2)
    async with operator_peers() as peers:
        await peers.call(
            "identity", "POST", "/admins", caller=Caller(), body={"email": options.email, "password": password}
        )
    print(f"{options.email} is an admin.")
    return 0


async def demo(options: argparse.Namespace) -> int:
    """`mccs demo load`."""
    async with operator_peers() as peers, only_refusals():
        print(await load_demo(NodeOfPeers(peers), utc_now()))
    return 0


async def settings(options: argparse.Namespace) -> int:
    """Every setting of every deployable, once."""
    found = describe([NodeSettings, *(part(name).settings for name in DEPLOYABLES)])
    if options.json:
        shape = [{"name": f.variable, "value": f.value, "source": f.source, "meaning": f.meaning} for f in found]
        print(json.dumps(shape, indent=2, ensure_ascii=False))
        return 0
    width = max(len(each.variable) for each in found)
    for each in found:
        print(f"{each.variable:<{width}}  {each.value or '-'}  ({each.source})\n{'':<{width}}  {each.meaning}")
    return 0


async def check(options: argparse.Namespace) -> int:
    """Audits the books and compares the search index with the directory; 1 when something is wrong."""
    async with operator_peers() as peers:
        found = {
            "books": await _ask(peers, "ledger", "/audit", "POST"),
            "search": await _ask(peers, "matcher", "/check"),
        }
    wrong = [name for name, report in found.items() if not report.get("ok")]
    if options.json:
        print(json.dumps({"ok": not wrong} | found, indent=2, ensure_ascii=False))
    else:
        for name, report in found.items():
            print(f"{name:<8} {'in order' if report.get('ok') else 'WRONG'}")
            for line in report.get("faults", []):
                print(f"         {line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)}")
    return 1 if wrong else 0


async def _ask(peers: Peers, service: str, path: str, method: str = "GET") -> dict[str, Any]:
    answer = await peers.call(service, method, path, caller=Caller(), timeout_s=300.0)
    return dict(answer.json())


async def rebuild(options: argparse.Namespace) -> int:
    """`mccs rebuild matcher`: starts it and shows how far it is."""
    async with operator_peers() as peers:
        await peers.call("matcher", "POST", "/rebuild", caller=Caller(), timeout_s=30.0)
        with Progress("Search index", 1) as bar:
            while True:
                state = await _ask(peers, "matcher", "/rebuild")
                bar.reach(int(str(state.get("done", 0))), int(str(state.get("total") or 1)))
                if state.get("state") not in ("running", "waiting"):
                    break
                await asyncio.sleep(REBUILD_LOOK_EVERY_S)
    print(f"The search index: {state.get('state')}.")
    return 0 if state.get("state") in ("done", "ready") else 1


async def dead(options: argparse.Namespace) -> int:
    """Dead letters of one service: list, show, replay, drop."""
    from deploy.local.letters import handle

    return await handle(options)


async def verify_statement(options: argparse.Namespace) -> int:
    """Checks a downloaded statement; needs nothing but the file."""
    from services.ledger.statement_proof import verify

    verdict = verify(_content(Path(options.file)), public_key=options.key)
    print("\n".join(verdict.lines if options.lines else ()), end="\n" if options.lines and verdict.lines else "")
    print(verdict.sentence)
    return 0 if verdict.holds else 1


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise StartRefused(f"There is no file {file}.", status=2)
    return file.read_bytes()


VERBS: dict[str, Callable[[argparse.Namespace], Coroutine[Any, Any, int]]] = {
    "migrate": migrate,
    "admin": admin,
    "demo": demo,
    "settings": settings,
    "check": check,
    "rebuild": rebuild,
    "dead": dead,
    "verify-statement": verify_statement,
}
