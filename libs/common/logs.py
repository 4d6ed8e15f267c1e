"""Structured logs: one line per fact, with the request id, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from libs.common import context
from libs.common.clock import rfc3339, utc_now
from libs.common.settings import CommonSettings

_SECRET_NAME = re.compile(r"password|secret|token|authorization|cookie|(^|_)key$", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(Bearer\s+)[\w.~+/=-]+|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?<=://)([^/\s:@]*):[^/\s@]+@")
_HIDDEN = "********"
_log = structlog.get_logger("request")
_request_lines: bool | None = None
"""How a request's line is written: directly, not at all, or (None) as structlog is configured."""


def start(service: str, *, level: str = "info", form: str = "json") -> None:
    """Logs to standard error from now on: JSON lines, or `console` for the eye. Other libraries' logs come along."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _Origin(service),
    ]
    last: Any = structlog.processors.JSONRenderer()
    if form == "console":  # never with the local variables of a traceback: they hold tokens
        last = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    global _request_lines  # noqa: PLW0603  one destination per process, as logging has it
    _request_lines = level in ("debug", "info") if form == "json" else None
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "aiormq", "aio_pika", "alembic", "elastic_transport", "pymongo"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def request(service: str, method: str, route: str, status: int, took_s: float) -> None:
    """The line of one answered request; there is one for each, so it is written without the other lines' detours."""
    if _request_lines is False:
        return
    took_ms = round(took_s * 1000, 1)
    if _request_lines is None:
        _log.info("request", service=service, method=method, route=route, status=status, took_ms=took_ms)
    else:
        line = orjson.dumps(
            {
                "method": method,
                "route": route,
                "status": status,
                "took_ms": took_ms,
                "event": "request",
                "level": "info",
                "timestamp": rfc3339(utc_now()),
                "service": service,
                "request_id": context.request_id.get(),
            }
        )
        sys.stderr.write(f"{line.decode()}\n")


class _Origin:
    """Adds the process's service and the request id."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", self._service)
        request_id = context.request_id.get()
        if request_id is not None:
            event.setdefault("request_id", request_id)
        return event


def without_secrets(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides what is called like a secret, and what looks like one inside texts."""
    for key, value in event.items():
        if _SECRET_NAME.search(key):
            event[key] = _HIDDEN
        elif isinstance(value, str):
            event[key] = _SECRET_TEXT.sub(_hide, value)
    return event


def _hide(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1]}{_HIDDEN}"
    return f"{match[2]}:{_HIDDEN}@" if match[2] is not None else _HIDDEN


def set_up(settings: CommonSettings, service: str = "node") -> None:
    """As the settings say."""
    start(service, level=settings.log_level, form=settings.log_format)
