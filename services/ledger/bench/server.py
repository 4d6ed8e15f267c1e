"""The ledger's API by itself for the bench: the real application, the real verification of tokens, on one port."""

import asyncio
import os
import signal
import sys
from typing import cast

from libs.common import logs
from libs.common.auth import JwksVerifier, ServiceTokens
from libs.common.bus.port import Bus
from libs.common.clock import utc_now
from libs.common.lasting import lasting
from libs.common.peers_http import HttpPeers
from libs.common.service import Wiring
from libs.common.serving import Serving, bind
from services.ledger.app import build
from services.ledger.settings import Settings


async def _serve(port: int) -> None:
    settings = Settings()
    logs.start("ledger", level=settings.log_level)
    secret = settings.service_secret.get_secret_value()
    peers = HttpPeers(settings.api_urls, ServiceTokens(secret, "ledger"))
    verifier = JwksVerifier("ledger", secret, peers)
    no_bus = cast("Bus", None)  # the role `api` publishes nothing itself
    with lasting():  # as every service starts
        service = build(settings, Wiring(bus=no_bus, peers=peers, verifier=verifier, clock=utc_now))
        await service.start("api")
        serving = Serving(service.api, bind("127.0.0.1", port), stop_timeout_s=5)
        await serving.start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    print("ready", flush=True)
    await stopping.wait()
    writers = service.ledger
    if writers is not None:
        for name in ("paying", "proposing", "accepting"):
            writer = getattr(writers, name)
            if writer.calls:
                print(f"{name}: {writer.items / writer.calls:.1f} items a call", file=sys.stderr)
    await serving.stop()
    await service.stop()
    await peers.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(os.environ["BENCH_PORT"])))
