"""Log lines with the request id and without secrets; traces that go through HTTP and bus."""

import io
import json
import logging

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.common import context, logs, telemetry
from libs.common.contracts.identity import UserDeletedV1
from libs.common.settings import CommonSettings
from libs.common.testing import eventually
from libs.common.testing.asgi import Client
from libs.common.testing.clocks import FixedClock
from libs.common.testing.tokens import TokenMaker
from libs.common.web import create_app, json_response, router


@pytest.fixture
def lines():
    root, config = logging.getLogger(), structlog.get_config()
    before, level = list(root.handlers), root.level
    written = io.StringIO()

    def begin(form="json"):
        logs.start("ledger", form=form)
        assert isinstance(root.handlers[0], logging.StreamHandler)
        root.handlers[0].setStream(written)
        return written

    yield begin
    root.handlers, root.level = before, level
    structlog.configure(**config)


def test_a_line_is_json_with_service_level_time_and_request_id(lines):
    written = lines()
    mark = context.request_id.set("r-1")
    structlog.get_logger("x").info("paid", amount_minor=5)
    logging.getLogger("a.library").warning("old style %s", "text")
    context.request_id.reset(mark)
    ours, theirs = (json.loads(line) for line in written.getvalue().splitlines())
    assert {
        "event": "paid",
        "amount_minor": 5,
        "service": "ledger",
        "level": "info",
        "request_id": "r-1",
    }.items() <= ours.items()
    assert ours["timestamp"].endswith("Z")
    assert {"event": "old style text", "level": "warning", "request_id": "r-1"}.items() <= theirs.items()


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_never_reach_a_line(lines, form):
    written = lines(form)
    log = structlog.get_logger("x")
    token = TokenMaker().user()
    log.info("a", password="hush-1", api_key="hush-2", authorization="hush-3", session_token="hush-4")
    log.info("called", headers=f"Authorization: Bearer {token}", url="postgresql://owner:hush-5@db/x")
    try:
        _connect(token)
    except ValueError:
        log.exception("failed")
    logging.getLogger("lib").warning("connecting to %s", "amqp://guest:hush-7@host/")
    assert "failed" in written.getvalue()
    assert "hush" not in written.getvalue()
    assert token not in written.getvalue()
    assert "guest:********@host" in written.getvalue()


def _connect(token):
    raise ValueError(f"cannot connect to amqp://guest:hush-6@host with {token}")


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.use(provider)
    yield exporter
    telemetry.stop()


def test_switched_off_there_is_no_trace_to_continue():
    with telemetry.span("x"):
        assert telemetry.traceparent() is None


async def test_one_trace_goes_from_request_to_request_to_event_to_handler(spans, memory_bus):
    maker, told = TokenMaker(), []
    routes = router()

    @routes.get("/inner")
    async def inner():
        event = UserDeletedV1(user_id="u-1").envelope(subject="u-1", sequence=1, time=FixedClock()())
        await memory_bus.publish([event])
        return json_response(None)

    async def handler(envelope):
        told.append(telemetry.traceparent())

    api = create_app("identity", CommonSettings(), maker.verifier("identity"), {}, {})
    api.include_router(routes)
    await memory_bus.subscribe("directory", {UserDeletedV1.TYPE: handler})
    with telemetry.span("outer"):
        await Client(api, "identity")("GET", "/inner")
    await eventually(lambda: told)
    await eventually(lambda: len(spans.get_finished_spans()) == 3)
    finished = {span.name: span for span in spans.get_finished_spans()}
    assert set(finished) == {"outer", "GET identity", f"directory {UserDeletedV1.TYPE}"}
    assert len({span.context.trace_id for span in finished.values()}) == 1
    assert finished["GET identity"].parent.span_id == finished["outer"].context.span_id
    assert finished[f"directory {UserDeletedV1.TYPE}"].parent.span_id == finished["GET identity"].context.span_id
