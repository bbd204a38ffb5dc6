"""Log lines for people or for machines, with the ids of what they belong to; never with what people wrote.

In: records of the standard library's logging. Out: one line a record on stderr, as text or as JSON
(``ORICODE_LOG_FORMAT``). The ids of the request, the run, its chat and its user come from a context variable that is
set as they become known; tasks that are started inherit it. An exception is logged by the files and lines it passed and
by its type: its message may quote a prompt or a key, so it is left out of JSON lines.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Literal, TextIO

from oricode_protocol import codec

from ..engine.observer import IDS

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: str, form: Literal["text", "json"], stream: TextIO | None = None) -> None:
    """Send all records of ``level`` and above to ``stream`` (stderr)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Json() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # At their own INFO these write addresses of requests, and at DEBUG bodies with prompts and keys.
    for library in ("anthropic", "httpx", "httpx2", "httpcore", "mcp", "websockets", "asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(IDS.get())
        line.update(getattr(record, "known", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(record.exc_info[2])]
        return codec.dumps(line).decode()
