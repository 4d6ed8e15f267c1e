"""Bodies and parameters read into their shapes, with every problem named at once."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import ValidationError

from gateway.api.operation import Given
from libs.common.errors import Problem, Refusal
from libs.common.strictjson import loads

PARAMETERS_MAX = 100
_SENTENCES = {"missing": ("required", "This is required.")}


def problems_of(fault: ValidationError) -> list[Problem]:
    """Every problem, with the field as the sender named it; a list's item is named by its list."""
    found: dict[tuple[str, str], Problem] = {}
    for error in fault.errors(include_url=False, include_context=False, include_input=False):
        name = _field(error["loc"])
        code, sentence = _SENTENCES.get(error["type"], (error["type"], error["msg"]))
        found.setdefault((name, code), Problem(code, f"{name}: {sentence}" if name else sentence, name or None))
    return list(found.values())


def _field(loc: tuple[int | str, ...]) -> str:
    parts = list(loc)
    while parts and isinstance(parts[-1], int):
        parts.pop()
    return ".".join(str(part) for part in parts)


def read_body(shape: type[Given], raw: bytes) -> tuple[Given | None, list[Problem]]:
    """The body in its shape, or what is wrong with it. Raises Refusal 400 `malformed_body` where it is not JSON."""
    if not raw.strip():
        return None, [Problem("malformed_body", "The request needs a body in JSON.")]
    value = loads(raw)
    if not isinstance(value, dict):
        return None, [Problem("malformed_body", "The body must be a JSON object.")]
    return _read(shape, value)


def right_fields(raw: bytes, wrong: Sequence[Problem]) -> dict[str, Any]:
    """Of a body with these problems the fields that have none."""
    names = {problem.field for problem in wrong}
    value = loads(raw) if raw.strip() else None
    return {name: each for name, each in value.items() if name not in names} if isinstance(value, dict) else {}


def read_query(shape: type[Given], raw: bytes) -> tuple[Given | None, list[Problem]]:
    """The parameters in their shape, or what is wrong with them. An empty one counts as absent."""
    values, problems = _parameters(shape, raw)
    if problems:
        return None, problems
    return _read(shape, values)


def _read(shape: type[Given], value: dict[str, Any]) -> tuple[Given | None, list[Problem]]:
    try:
        return shape.model_validate(value), []
    except ValidationError as fault:
        return None, problems_of(fault)


def _parameters(shape: type[Given], raw: bytes) -> tuple[dict[str, Any], list[Problem]]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except ValueError:
        raise Refusal.of(400, "malformed_query", "The parameters cannot be read.", _not_text(raw)) from None
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    names = _names(shape)
    for name, text in pairs:
        if name not in names or text == "":
            continue
        if "\x00" in text:
            problems.append(Problem("control_character", f"{name}: This must not hold control characters.", name))
        elif name not in values:
            values[name] = text
        elif names[name]:
            earlier = values[name]
            values[name] = [*earlier, text] if isinstance(earlier, list) else [earlier, text]
        else:
            problems.append(Problem("repeated", f"{name}: This may be given once only.", name))
    return values, problems


def _not_text(raw: bytes) -> str | None:
    """The name of the parameter that is not UTF-8, where it is one's value."""
    for pair in raw.split(b"&", PARAMETERS_MAX):
        name, _, value = pair.partition(b"=")
        try:
            unquote_to_bytes(value).decode()
        except UnicodeDecodeError:
            return name.decode("ascii") if name.isalnum() or name.replace(b"_", b"").isalnum() else None
    return None


_names_of: dict[type[Given], dict[str, bool]] = {}


def _names(shape: type[Given]) -> dict[str, bool]:
    """Names of a shape's parameters, and whether they may be repeated."""
    if shape not in _names_of:
        _names_of[shape] = {
            about.alias or name: any(getattr(rule, "schema", {}).get("x-several") for rule in about.metadata)
            for name, about in shape.model_fields.items()
        }
    return _names_of[shape]
