"""Traces across HTTP and bus (OpenTelemetry, W3C `traceparent`); switched off they cost one test of a name."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

_tracer: Any = None
_provider: Any = None
_NONE = nullcontext()


def start(service: str, otlp_url: str) -> None:
    """Sends spans to this address from now on (OTLP over HTTP); an empty one leaves tracing off."""
    global _tracer, _provider  # noqa: PLW0603  one exporter per process, as OpenTelemetry has it
    if not otlp_url or _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    _provider = TracerProvider(resource=Resource.create({"service.name": f"mccs-{service}"}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_url.rstrip("/") + "/v1/traces")))
    _tracer = _provider.get_tracer("mccs")


def stop() -> None:
    """Sends what is left."""
    global _tracer, _provider  # noqa: PLW0603
    if _provider is not None:
        _provider.shutdown()
    _tracer = _provider = None


def use(provider: Any) -> None:
    """Traces by this provider: what tests hand in."""
    global _tracer, _provider  # noqa: PLW0603
    _provider = provider
    _tracer = provider.get_tracer("mccs")


def span(name: str, traceparent: str | None = None, **attributes: str | int) -> AbstractContextManager[None]:
    """A span around the block: a child of `traceparent`, or of the one that is open."""
    return _NONE if _tracer is None else _span(name, traceparent, attributes)


@contextmanager
def _span(name: str, traceparent: str | None, attributes: dict[str, str | int]) -> Iterator[None]:
    from opentelemetry.propagate import extract

    parent = extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=parent, attributes=attributes):
        yield


def traceparent() -> str | None:
    """The open span as others continue it; None where tracing is off."""
    if _tracer is None:
        return None
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")
