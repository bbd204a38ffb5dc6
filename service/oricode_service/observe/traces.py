"""Whether traces are wanted, and the :class:`~..engine.tracing.Tracing` for that.

In: the environment, whose ``OTEL_*`` variables are OpenTelemetry's own. Out: spans over OTLP/HTTP, or a tracing that
does nothing. Off unless an exporter is configured; OpenTelemetry's SDK is imported only then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from ..engine.tracing import Tracing

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_log = logging.getLogger(__name__)


class NotInstalled(Exception):
    """Traces are wanted, and OpenTelemetry's SDK is not here."""


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether an exporter is configured, and nothing switches it off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter == "otlp" or (not exporter and any(environment.get(name, "").strip() for name in _ENDPOINTS))


def tracing(environment: Mapping[str, str]) -> tuple[Tracing, Callable[[], None]]:
    """The tracing, and what to call at the end. Raises :class:`NotInstalled`."""
    if not wanted(environment):
        return Tracing(), lambda: None
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        _log.warning("traces are sent as http/protobuf, not %s", protocol)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from .spans import Spans
    except ImportError as missing:
        raise NotInstalled(f"traces need the extra oricode-service[otel]: {missing}") from missing
    spans = Spans(OTLPSpanExporter())
    return spans, spans.close
