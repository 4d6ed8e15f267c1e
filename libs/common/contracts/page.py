"""Writes the page of all events (`docs/events.md`) and the stored schemas: `python -m libs.common.contracts.page`."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from libs.common.contracts import Event
from libs.common.contracts.consumers import BROADCAST, CONSUMERS
from libs.common.contracts.registry import SCHEMAS, events, schema_text

PAGE = Path(__file__).parents[3] / "docs" / "events.md"
_HEAD = """# Events

Generated from `libs/common/contracts` by `make events`; a test holds it against the code.

Envelopes are CloudEvents 1.0 in JSON: `id`, `type` (also the routing key), `source`, `subject`, `time`, `sequence` (rising
by one per subject and type), `correlationid` (the request), `causationid` (the message that caused it), `traceparent`,
`data`. Amounts are integers in minor units. Each consuming service has one queue, `<service>.events`, and the
matcher a second, `matches.events`, from which it tells matches; a **broadcast** also reaches every running process. Schemas lie in `libs/common/contracts/schemas`, example messages in `…/examples`.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_overview()]
    producer = ""
    for kind, event in events().items():
        if kind.split(".")[0] != producer:
            producer = kind.split(".")[0]
            parts.append(f"\n## Told by {producer}\n")
        parts += _section(kind, event)
    return "\n".join(parts).rstrip() + "\n"


def _overview() -> Iterator[str]:
    yield "| event | told by | heard by |\n|---|---|---|"
    for kind in events():
        yield f"| [`{kind}`](#{kind.replace('.', '')}) | {kind.split('.')[0]} | {_listeners(kind)} |"


def _listeners(kind: str) -> str:
    names = [*CONSUMERS[kind], *(["every process"] if kind in BROADCAST else [])]
    return ", ".join(names) or "nobody yet"


def _section(kind: str, event: type[Event]) -> Iterator[str]:
    yield f"\n### {kind}\n"
    yield inspect.getdoc(event) or ""
    queues = ", ".join(f"`{name}.events`" for name in CONSUMERS[kind])
    broadcast = "an exclusive queue of every process" if kind in BROADCAST else ""
    yield f"\nQueues: {', '.join(filter(None, (queues, broadcast))) or 'none yet'}.\n"
    yield "| field | type | meaning |\n|---|---|---|"
    said = _said(event)
    schema = event.model_json_schema()
    for name, about in schema["properties"].items():
        default = "" if name in schema.get("required", ()) else f" (default `{about.get('default')!r}`)"
        yield f"| `{name}` | {_type(about)}{default} | {said.get(name, '')} |"


def _type(about: dict[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(_type(part) for part in about["anyOf"])
    if "$ref" in about:
        return str(about["$ref"].rsplit("/", 1)[-1])
    if about.get("type") == "array":
        return f"list of {_type(about.get('items', {}))}"
    return str(about.get("format") or about.get("type") or "any")


def _said(event: type[Event]) -> dict[str, str]:
    """The docstrings below the fields, of the class and what it stands on."""
    found: dict[str, str] = {}
    for kind in reversed(event.__mro__):
        if not issubclass(kind, Event) or kind is Event:
            continue
        body = ast.parse(inspect.getsource(kind)).body[0]
        assert isinstance(body, ast.ClassDef)
        field = ""
        for node in body.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                field = node.target.id
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and field:
                found[field] = " ".join(str(node.value.value).split())
    return found


def main() -> None:
    """Writes page and schemas."""
    SCHEMAS.mkdir(exist_ok=True)
    for kind, event in events().items():
        (SCHEMAS / f"{kind}.json").write_text(schema_text(event), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
