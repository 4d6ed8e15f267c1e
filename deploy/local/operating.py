"""How the command line reaches a node: its private socket while it runs, services over HTTP, or a node without ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from deploy.local.demo.transport import PeersTransport
from deploy.local.folder import DataFolder
from deploy.local.node import EMBEDDED, Node
from deploy.local.parts import DEPLOYABLES, SQL_STORES, part
from libs.client.mccs_client import AsyncClient
from libs.common.auth import ServiceTokens
from libs.common.errors import Refusal
from libs.common.peers import Caller, Peers
from libs.common.peers_http import HttpPeers
from libs.common.settings import DEVELOPMENT_SECRET, CommonSettings, load

OPERATOR = "operator"
IMPORT_TIMEOUT_S = 300.0


@asynccontextmanager
async def operator_peers() -> AsyncIterator[Peers]:
    """The node's services, spoken to as its operator. Raises StartRefused where there is no way to them."""
    settings = load(CommonSettings)
    if not any(getattr(load(part(name).settings), f"{name}_url") == EMBEDDED for name in SQL_STORES):
        urls = settings.api_urls | {"gateway": f"http://{settings.host}:{settings.port}"}
        async with _closing(
            HttpPeers(urls, ServiceTokens(settings.service_secret.get_secret_value(), OPERATOR))
        ) as peers:
            yield peers
        return
    folder = DataFolder(settings.data)
    folder.prepare()
    if await _answers(folder):
        urls = {name: f"http://node/{name}" for name in DEPLOYABLES}
        tokens = ServiceTokens(_secret(settings, folder), OPERATOR)
        async with _closing(HttpPeers(urls, tokens, unix_socket=str(folder.operator_socket))) as peers:
            yield peers
        return
    node = Node(listen=False)
    await node.start()
    try:
        yield node.peers
    finally:
        await node.stop()


def _secret(settings: CommonSettings, folder: DataFolder) -> str:
    given = settings.service_secret.get_secret_value()
    return folder.secret("service") if given == DEVELOPMENT_SECRET else given


async def _answers(folder: DataFolder) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(folder.operator_socket))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@asynccontextmanager
async def _closing(peers: HttpPeers) -> AsyncIterator[HttpPeers]:
    try:
        yield peers
    finally:
        await peers.close()


class NodeOfPeers:
    """What the demo loader asks of a node, over its peers (`deploy.local.demo.load.Node`)."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def client(self) -> AsyncClient:
        """A client of the public API, in the name of the node."""
        return AsyncClient("http://node", transport=PeersTransport(self._peers))

    async def create_admin(self, email: str, password: str) -> None:
        """Makes an admin; fine when there is one with this address already."""
        try:
            await self._peers.call(
                "identity", "POST", "/admins", caller=Caller(), body={"email": email, "password": password}
            )
        except Refusal as refusal:
            if "email_taken" not in {problem.code for problem in refusal.problems}:
                raise

    async def import_past(self, table: bytes) -> Any:
        """The ledger's import of dated transfers; its report."""
        answer = await self._peers.call(
            "ledger",
            "POST",
            "/imports/transfers",
            caller=Caller(),
            raw=table,
            content_type="text/csv",
            timeout_s=IMPORT_TIMEOUT_S,
        )
        return answer.json()
