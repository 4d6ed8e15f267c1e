"""The page that shows the API's description: plain HTML, one style sheet, one small script to try requests."""

import json
from html import escape
from pathlib import Path
from typing import Any

from gateway.api.operation import RawReply
from libs.common.errors import Refusal

_FOLDER = Path(__file__).parent / "docs_files"
_TYPES = {"docs.css": "text/css; charset=utf-8", "docs.js": "text/javascript; charset=utf-8"}
Json = dict[str, Any]


def file(name: str) -> RawReply:
    """Style or script. Raises Refusal 404 for any other name."""
    if name not in _TYPES:
        raise Refusal.of(404, "not_found", "There is nothing at this address.", "file")
    return RawReply(_TYPES[name], (_FOLDER / name).read_bytes())


def page(document: Json) -> str:
    """The whole page."""
    title = f"{escape(document['info']['title'])} API {escape(document['info']['version'])}"
    sections = "".join(_section(tag["name"], document) for tag in document["tags"])
    contents = "".join(
        f'<li><a href="#{_anchor(tag["name"])}">{escape(tag["name"])}</a></li>' for tag in document["tags"]
    )
    about = "".join(f"<p>{escape(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/api/docs/docs.css"><script src="/api/docs/docs.js" defer></script>
</head><body><header><h1>{title}</h1>{about}
<p><a href="/api/openapi.json">The same as an OpenAPI 3.1 document</a></p>
<label>Token for trying <input id="token" type="password" autocomplete="off"></label></header>
<nav aria-label="Contents"><ul>{contents}</ul></nav><main>{sections}</main></body></html>"""


def _anchor(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name.lower())


def _section(tag: str, document: Json) -> str:
    operations = "".join(
        _operation(path, method, operation, document)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    )
    return f'<section id="{_anchor(tag)}"><h2>{escape(tag)}</h2>{operations}</section>'


def _operation(path: str, method: str, operation: Json, document: Json) -> str:
    parameters = "".join(_parameter(each) for each in operation.get("parameters", ()))
    responses = "".join(
        f"<tr><th scope='row'>{status}</th><td>{escape(_resolved(answer, document)['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    who = "a token" if operation["security"] == [{"bearer": []}] else "nobody in particular"
    return f"""<details id="{escape(operation["operationId"])}"><summary><code>{method.upper()} {escape(path)}</code>
{escape(operation["summary"])}</summary><p>{escape(operation["description"])}</p><p>Needs {who}.</p>
<form class="try" data-method="{method.upper()}" data-path="{escape(path)}">
{f"<table><caption>Parameters</caption>{parameters}</table>" if parameters else ""}
{_body(operation, document)}<button type="submit">Try it</button><pre class="answer" hidden></pre></form>
<table><caption>Answers</caption>{responses}</table>{_answer(operation)}</details>"""


def _resolved(shape: Json, document: Json) -> Json:
    """What a reference to the document's components means."""
    if "$ref" not in shape:
        return shape
    found: Json = document
    for part in shape["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _answer(operation: Json) -> str:
    """The example of a success."""
    success = next(iter(operation["responses"].values()))
    examples = [each["example"] for each in success["content"].values() if each.get("example")]
    if not examples:
        return ""
    shown = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], indent=2, ensure_ascii=False)
    return f"<p>A success:</p><pre>{escape(shown)}</pre>"


def _parameter(parameter: Json) -> str:
    name, place = escape(parameter["name"]), escape(parameter["in"])
    schema = parameter["schema"]
    kind = escape(str(schema.get("format") or schema.get("type", "")))
    allowed = schema.get("enum") or schema.get("items", {}).get("enum")
    said = f" ({escape(', '.join(map(str, allowed)))})" if allowed else ""
    need = ", required" if parameter["required"] else ""
    return (
        f'<tr><th scope="row"><code>{name}</code></th><td>{place}, {kind}{need}{said}</td>'
        f'<td><input name="{name}" data-in="{place}" aria-label="{name}"></td></tr>'
    )


def _body(operation: Json, document: Json) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    example = json.dumps(content.get("example", {}), indent=2, ensure_ascii=False)
    fields = ", ".join(
        f"<code>{escape(name)}</code>{' (required)' if required else ''}"
        for name, required in _fields(content["schema"], document)
    )
    return f'<p>Body: {fields}.</p><textarea name="body" aria-label="Body" rows="8">{escape(example)}</textarea>'


def _fields(schema: Json, document: Json) -> list[tuple[str, bool]]:
    schema = _resolved(schema, document)
    required = set(schema.get("required", ()))
    return [(name, name in required) for name in schema.get("properties", {})]
