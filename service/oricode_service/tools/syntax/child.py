"""The child process that parses Python, JSON, XML, YAML and (as a fallback) ABAP.

In: one JSON object per line on stdin, ``{id, language, name, source}``. Out: first ``{"ready": true}``, then for each
``{id, checker, findings}``. A process of its own because parsers of foreign text may be slow, hungry or crash: it is
limited in memory, may be killed at any time, and ends by itself when stdin closes, even in the middle of a check.
Run as ``python -m oricode_service.tools.syntax.child``.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson

from . import abap_statements, data_formats, python_source
from .findings import Finding

MEMORY = 1 << 30
MOST_FINDINGS = 1000

_CHECKS: dict[str, tuple[str, Callable[[str, str], list[Finding]]]] = {
    "python": (python_source.CHECKER, python_source.check),
    "json": (data_formats.JSON_CHECKER, data_formats.check_json),
    "xml": (data_formats.XML_CHECKER, data_formats.check_xml),
    "yaml": (data_formats.YAML_CHECKER, data_formats.check_yaml),
    "abap": (abap_statements.CHECKER, abap_statements.check),
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Check one text; languages are those of ``_CHECKS``."""
    checker, check = _CHECKS[request["language"]]
    findings = check(request["name"], request["source"])[:MOST_FINDINGS]
    return {"id": request["id"], "checker": checker, "findings": [asdict(f) for f in findings]}


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system: the time limit is the only bound there
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(lines: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)  # the service is gone; whatever is being checked interests nobody any more


def main() -> None:
    _limit_memory()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    _write({"ready": True})
    while True:
        _write(answer(orjson.loads(lines.get())))


def _write(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
