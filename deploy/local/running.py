"""`mccs run`: the whole node, or single services, until a signal ends it."""

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Sequence

from deploy.local.demo.load import load as load_demo
from deploy.local.demo.load import only_refusals
from deploy.local.demo.town import ADMIN_EMAIL, PASSWORD, members
from deploy.local.node import Node
from deploy.local.operating import NodeOfPeers
from deploy.local.settings import NodeSettings
from libs.common import serving
from libs.common.clock import utc_now
from libs.common.errors import Refusal
from libs.common.lasting import lasting
from libs.common.logs import set_up as set_up_logs
from libs.common.service import Role
from libs.common.settings import load

SHOWN_LOGINS = 4


def run(services: Sequence[str], role: Role) -> int:
    """Runs until SIGTERM or SIGINT; 0 after a clean stop. Raises StartRefused."""
    if services:
        from libs.common.run import run_services

        return run_services(services, role)
    settings = load(NodeSettings)
    set_up_logs(_for_people(settings) if sys.stderr.isatty() else settings)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the gateway logs the demo's requests already
    return serving.run(_run_node(settings))


def _for_people(settings: NodeSettings) -> NodeSettings:
    """At a terminal only what somebody should see, in lines for the eye; what is set stays as it is set."""
    wanted = {"log_level": "warning", "log_format": "console"}
    return settings.model_copy(update={k: v for k, v in wanted.items() if k not in settings.model_fields_set})


async def _run_node(settings: NodeSettings) -> int:
    began = time.monotonic()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    node = Node(say=_say)
    with lasting():
        starting = asyncio.create_task(node.start())
        await _first_of(starting, stopping)
    if stopping.is_set():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await node.stop()
        return 0
    starting.result()
    _say(f"MCCS is ready at {node.address} after {time.monotonic() - began:.1f} s. Ctrl-C stops it.")
    demo = asyncio.create_task(_demo(node)) if settings.wants_demo else None
    await stopping.wait()
    _say("Stopping …")
    if demo is not None:
        demo.cancel()
        await asyncio.gather(demo, return_exceptions=True)
    await node.stop()
    _say("Stopped; everything is kept in " + str(settings.data) + ".")
    return 0


async def _first_of(task: "asyncio.Task[None]", event: asyncio.Event) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting


async def _demo(node: Node) -> None:
    """The demo community and its logins; a failure says so and leaves the node running."""
    try:
        async with only_refusals():
            said = await load_demo(NodeOfPeers(node.peers), utc_now())
    except Refusal as refusal:
        _say(f"The demo community could not be loaded: {refusal}. `mccs demo load` tries again.")
        return
    _say(said)
    _say(f"  admin    {ADMIN_EMAIL}   {PASSWORD}   {node.address}/admin")
    for member in [each for each in members() if each.status == "tradingAccepted"][:SHOWN_LOGINS]:
        _say(f"  member   {member.email}   {PASSWORD}   {member.name}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
