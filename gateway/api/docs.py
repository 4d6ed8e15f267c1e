"""The description of the API as the node serves it: the document, and a page to read it and try it."""

from typing import Any

import orjson

from gateway.api import docs_page
from gateway.api.description import describe
from gateway.api.operation import Call, RawReply, Registry

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def with_documents(described: Registry) -> Registry:
    """These operations and those that serve their description; it describes itself too."""
    registry = Registry(list(described.operations))
    made: dict[str, bytes] = {}

    def document() -> dict[str, Any]:
        return describe(registry)

    @registry.operation(
        "GET",
        "/api/openapi.json",
        summary="This description",
        who="anyone",
        tag="Node",
        statuses=(),
        media_types=("application/json",),
    )
    async def show_openapi(call: Call) -> RawReply:
        """OpenAPI 3.1."""
        if "json" not in made:
            made["json"] = orjson.dumps(document())
        return RawReply("application/json", made["json"])

    @registry.operation(
        "GET",
        "/api/docs",
        summary="This description as a page",
        who="anyone",
        tag="Node",
        statuses=(),
        media_types=("text/html",),
    )
    async def show_docs(call: Call) -> RawReply:
        """To read, and to try requests from."""
        if "html" not in made:
            made["html"] = docs_page.page(document()).encode()
        return RawReply("text/html; charset=utf-8", made["html"], {"Content-Security-Policy": _PAGE_POLICY})

    @registry.operation(
        "GET",
        "/api/docs/{file}",
        summary="Style and script of that page",
        who="anyone",
        tag="Node",
        statuses=(404,),
        media_types=("text/css", "text/javascript"),
    )
    async def show_docs_file(call: Call, file: str) -> RawReply:
        """The page loads nothing from elsewhere."""
        return docs_page.file(file)

    return registry
