"""The sockets that servers listen on."""

import asyncio
import socket

from libs.common.serving import bind


async def test_an_answer_on_an_accepted_connection_leaves_at_once():
    listening = bind("127.0.0.1", 0)
    delays: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delays.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    server = await asyncio.start_server(accepted, sock=listening)
    _, writer = await asyncio.open_connection(*listening.getsockname())
    assert await delays
    writer.close()
    server.close()
    await server.wait_closed()
