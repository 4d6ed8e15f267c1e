"""Writes the API's description to docs/openapi.json: `python -m gateway.openapi`."""

import json
import sys
from pathlib import Path
from typing import Any

from gateway.api.description import describe
from gateway.api.docs import with_documents
from gateway.api.operations import all_operations

FILE = Path("docs/openapi.json")


def document() -> dict[str, Any]:
    """The description of everything the gateway serves under /api."""
    return describe(with_documents(all_operations()))


def text() -> str:
    """The document as it is kept."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE}: {len(document()['paths'])} addresses\n")
