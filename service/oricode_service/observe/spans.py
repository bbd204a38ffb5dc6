"""Traces by OpenTelemetry: request -> run -> turn -> model call and tool call, with the GenAI semantic conventions.

In: the calls of :class:`~..engine.tracing.Tracing`. Out: spans, to whatever exporter the standard ``OTEL_*`` variables
name. Attributes hold ids, names, counts and codes, never what people or models wrote: no exception is recorded, because
its message may quote a prompt. Imported only when an exporter is configured (:mod:`.traces`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..engine.observer import IDS, RunEnd
from ..engine.tracing import Tracing
from ..models.port import Draft, ModelCall
from ..store.rows import RunRow
from .labels import client_type

AGENT = "oricode"
_FLUSH_SECONDS = 3.0
_TRACE = ("traceparent", "tracestate")
_USAGE = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_creation_input_tokens": "gen_ai.usage.cache_creation.input_tokens",
}
_ADDED_TO_INPUT = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Anthropic counts these beside ``input_tokens``; the conventions' input tokens include them."""
_PROPAGATOR = TraceContextTextMapPropagator()
_RUN: ContextVar[Span] = ContextVar("the span of the run that this task works on")
Attributes = dict[str, Any]


class Spans(Tracing):
    """One per process."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: AGENT}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("oricode")

    def close(self) -> None:
        """Send what is left, for a bounded time: a collector that is away must not hold up the end."""
        flushing = Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        flushing.start()
        flushing.join(_FLUSH_SECONDS)

    @contextmanager
    def _span(self, name: str, kind: SpanKind, known: Attributes, parent: Context | None = None) -> Iterator[Span]:
        scope = self._tracer.start_as_current_span(
            name, parent, kind, known, record_exception=False, set_status_on_exception=False
        )
        with scope as span:
            try:
                yield span
            except BaseException as failed:
                _fail(span, getattr(failed, "code", None) or type(failed).__name__)
                raise

    @contextmanager
    def request(self, name: str, header: Callable[[bytes], str | None]) -> Iterator[Callable[..., None]]:
        carrier = {key: value for key in _TRACE if (value := header(key.encode())) is not None}
        known = {"oricode.request.id": IDS.get().get("request", "")}
        with self._span(name, SpanKind.SERVER, known, _PROPAGATOR.extract(carrier)) as span:

            def told(route: str | None, status: int) -> None:
                if route is not None:
                    span.update_name(f"{name} {route}")
                    span.set_attribute("http.route", route)
                span.set_attributes({"http.request.method": name, "http.response.status_code": status})
                if status >= 500:
                    _fail(span, str(status))

            yield told

    def origin(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier

    @contextmanager
    def run(self, row: RunRow, labels: Mapping[str, str]) -> Iterator[None]:
        model = labels.get("model", "")
        known = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": AGENT,
            "gen_ai.provider.name": _provider(model),
            "gen_ai.request.model": model,
            "gen_ai.conversation.id": row.chat_id,
            "user.id": row.user,
            "oricode.run.id": row.id,
            "oricode.run.epoch": row.epoch,
            "oricode.transport": labels.get("transport", ""),
            "oricode.arm": labels.get("arm", ""),
            "oricode.client_type": client_type(labels.get("client_type")),
        }
        carrier = {key: labels[key] for key in _TRACE if key in labels}
        with self._span(f"invoke_agent {AGENT}", SpanKind.INTERNAL, known, _PROPAGATOR.extract(carrier)) as span:
            _RUN.set(span)
            yield

    def run_ended(self, end: RunEnd) -> None:
        span = _RUN.get()
        span.set_attribute("oricode.run.status", end.status)
        span.set_attributes(_usage(end.usage))
        if end.code is not None:
            _fail(span, end.code)

    @contextmanager
    def turns(self) -> Iterator[Callable[[int], None]]:
        current: list[tuple[int, Any]] = []

        def leave() -> None:
            if current:
                current.pop()[1].__exit__(None, None, None)

        def begin(number: int) -> None:
            if current and current[0][0] == number:
                return
            leave()
            scope = self._span("turn", SpanKind.INTERNAL, {"oricode.turn": number})
            scope.__enter__()
            current.append((number, scope))

        try:
            yield begin
        finally:
            leave()

    @contextmanager
    def call(self, call: ModelCall, attempt: int) -> Iterator[Callable[[Draft], None]]:
        known = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _provider(call.model),
            "gen_ai.request.model": call.model,
            "gen_ai.request.max_tokens": call.max_tokens,
            "gen_ai.request.stream": True,
            "gen_ai.conversation.id": IDS.get().get("chat", ""),
            "oricode.attempt": attempt,
        }
        with self._span(f"chat {call.model}", SpanKind.CLIENT, known) as span:

            def told(draft: Draft) -> None:
                span.set_attributes(_usage(draft.usage))
                span.set_attribute("gen_ai.response.model", draft.model or call.model)
                if draft.stop_reason is not None:
                    span.set_attribute("gen_ai.response.finish_reasons", [draft.stop_reason])

            yield told

    @contextmanager
    def tool(self, name: str, tool_call_id: str) -> Iterator[Callable[[str, str], None]]:
        known = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": tool_call_id,
        }
        with self._span(f"execute_tool {name}", SpanKind.INTERNAL, known) as span:

            def told(runs: str, status: str) -> None:
                kind = "function" if runs == "client" else "extension"
                span.set_attributes(
                    {"gen_ai.tool.type": kind, "oricode.tool.runs": runs, "oricode.tool.status": status}
                )
                if status != "ok":
                    _fail(span, status)

            yield told


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _provider(model: str) -> str:
    """Whose conventions hold; the demo and the local model are the service's own."""
    return "anthropic" if model.startswith("claude") else AGENT


def _usage(usage: Mapping[str, int]) -> Attributes:
    found = {name: usage[key] for key, name in _USAGE.items() if key in usage}
    if "input_tokens" in usage:
        found["gen_ai.usage.input_tokens"] += sum(usage.get(key, 0) for key in _ADDED_TO_INPUT)
    return found
