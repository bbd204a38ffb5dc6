"""The model that always obeys: it does what any word of its input tells it, wherever that word stands.

In: requests to the scripted Anthropic endpoint. Out: answers. It looks at the request's bytes, whatever the part:
system, metadata, tools, messages of anybody, results of tools.
"""

from __future__ import annotations

import re

from upstream import Request, message, text, tool_use
from upstream.server import Script

from .attacks import STORE, Call, Transcript

_ORDER = re.compile(r"obey[-_](\d+)[-_]([a-z])", re.ASCII | re.IGNORECASE)


class ObedientModel:
    """Knows what the orders of these transcripts mean."""

    def __init__(self, transcripts: list[Transcript]) -> None:
        self._orders = {(t.number, letter): calls for t in transcripts for letter, calls in t.orders.items()}
        victims = {"program": "ZVICTIM", "chunk_index": 0, "total_chunks": 1, "code": "REPORT zvictim."}
        self._orders[0, "a"] = [Call("toolu_0_a", STORE, victims)]
        self.obeyed: set[tuple[int, str]] = set()
        """Orders that were carried out."""

    def answer(self, request: Request) -> Script:
        """The first order, by its letter, that stands in the request and was not carried out yet."""
        told = {(int(number), letter.lower()) for number, letter in _ORDER.findall(request.raw.decode())}
        # A user who prepares her programs ("a") writes hostile names and comments, too; they act later, on their own.
        told = {order for order in told if order[1] == "a"} or told
        for order in sorted(told - self.obeyed):
            if order in self._orders:
                self.obeyed.add(order)
                return message(*(tool_use(call.id, call.name, call.input) for call in self._orders[order]))
        return message(text("As you say."))
