"""The operator's door of a one-machine node: every service's API under its name, on a private socket.

Each service asks for its own service token there as over HTTP; the secret that makes one lies in a file which only the
node's owner can read. So the command line speaks to a running node as it speaks to services on other machines.
"""

from collections.abc import Mapping
from typing import Any

import orjson


class OperatorDoor:
    """ASGI: `/<service>/<path>` is that service's `<path>`."""

    def __init__(self, apis: Mapping[str, Any]) -> None:
        self._apis = apis

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Hands the request on, or answers 404."""
        if scope["type"] != "http":
            return
        name, _, rest = scope["path"].removeprefix("/").partition("/")
        api = self._apis.get(name)
        if api is None:
            await _no_such_service(send)
            return
        raw = scope.get("raw_path") or scope["path"].encode()
        await api(
            scope | {"path": f"/{rest}", "raw_path": raw[len(name) + 1 :] or b"/", "root_path": ""}, receive, send
        )


async def _no_such_service(send: Any) -> None:
    body = orjson.dumps({"errors": [{"code": "not_found", "message": "There is no such service on this node."}]})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
