"""All events there are, their JSON Schemas, and what a change of one may not do to its readers."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from libs.common.contracts import Event, directory, identity, ledger, matcher, notifier

FOLDER = Path(__file__).parent
SCHEMAS = FOLDER / "schemas"
EXAMPLES = FOLDER / "examples"
_SAID_ONLY = ("title", "description", "default", "examples")


def events() -> dict[str, type[Event]]:
    """Every event class by its type name, in order."""
    found: dict[str, type[Event]] = {}
    for module in (identity, directory, ledger, matcher, notifier):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and value.__dict__.get("TYPE"):
                found[value.TYPE] = value
    return found


def schema_text(event: type[Event]) -> str:
    """The JSON Schema of an event's data, as it is stored."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.TYPE} | event.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of a changed schema would break a reader of the old one, or the reading of an old message."""
    return list(_breaks(old, new, old, new, "data"))


def _breaks(
    old: Mapping[str, Any], new: Mapping[str, Any], old_root: Mapping[str, Any], new_root: Mapping[str, Any], at: str
) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    before, after = old.get("properties", {}), new.get("properties", {})
    if bool(before) != bool(after):
        yield f"{at}: its type was changed"
        return
    for name in before.keys() - after.keys():
        yield f"{at}.{name}: the field was removed"
    for name in set(new.get("required", ())) - set(old.get("required", ())):
        yield f"{at}.{name}: the field is required now"
    for name in before.keys() & after.keys():
        yield from _breaks(before[name], after[name], old_root, new_root, f"{at}.{name}")
    if not before:
        yield from _breaks_of_value(old, new, old_root, new_root, at)


def _breaks_of_value(
    old: Mapping[str, Any], new: Mapping[str, Any], old_root: Mapping[str, Any], new_root: Mapping[str, Any], at: str
) -> Iterator[str]:
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
            yield from _breaks(old[part], new[part], old_root, new_root, f"{at}[]")
            old, new = _without(old, part), _without(new, part)
    choices, offered = old.get("anyOf"), new.get("anyOf")
    if choices and offered and len(choices) == len(offered):
        for one, other in zip(choices, offered, strict=True):
            yield from _breaks(one, other, old_root, new_root, at)
        old, new = _without(old, "anyOf"), _without(new, "anyOf")
    if _without(old, *_SAID_ONLY) != _without(new, *_SAID_ONLY):
        yield f"{at}: its type was changed"


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return root["$defs"][reference.rsplit("/", 1)[-1]] if reference else schema


def _without(schema: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in names}
