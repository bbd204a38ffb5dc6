"""The built-in model: SmolLM2 in a child process, no key and no internet.

In: any :class:`ModelCall`. Out: deltas, through the Anthropic provider, because the child speaks that API. The child is
started on first use (or by ``start``), again when it has died, and ends with the service. It is far too small to call
tools: none are offered, and long chats are cut to its context, oldest messages first.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

from . import failures
from .anthropic import CONNECT_TIMEOUT, AnthropicProvider
from .anthropic_heads import Heads, SdkUnusable
from .anthropic_wish import Wish
from .local_child import HOW_TO_INSTALL, MODEL_NAME, local_model_available
from .local_process import ChildFailed, ChildProcess
from .local_prompt import plain
from .port import Delta, ModelCall, UpstreamFailure

SLOTS = 4
"""Answers written at once; more wait their turn inside the child."""
CONTEXT = 4096
"""Tokens of prompt and answer together."""
READY_SECONDS = 30.0
_REPLY_SHARE = 4
"""One part in so many of the context is kept free for the answer, if the call wants that much."""
_MARGIN_TOKENS = 16
_PATIENCE = 1800.0
"""Seconds a call may wait for a slot. A child that dies closes its connections, so silence proves nothing."""


class LocalProvider:
    """Owner of the child process and of the connection to it."""

    def __init__(
        self,
        *,
        ready_within: float = READY_SECONDS,
        context: int = CONTEXT,
        command: Sequence[str] | None = None,
        heads_in: Path | None = None,
    ) -> None:
        """``command`` replaces the child; it must keep the promises of :mod:`local_child`.

        ``heads_in``: see :class:`AnthropicProvider`.
        """
        self._ready_within = ready_within
        self._context = context
        module = "oricode_service.models.local_child"
        self._command = command or (sys.executable, "-P", "-m", module, str(SLOTS), str(context))
        self._builtin = command is None
        # The SDK is asked while the child starts, whose port nobody knows yet: it is the connection's affair.
        self._heads = Heads(Wish("http://127.0.0.1", _PATIENCE, CONNECT_TIMEOUT, keep_alive=False), heads_in)
        self._lock = asyncio.Lock()
        self._child: ChildProcess | None = None
        self._server: AnthropicProvider | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child is not None and self._child.alive else None

    async def start(self) -> None:
        """Have the child ready. Raises :class:`UpstreamFailure`; calling it again is free."""
        await self._running()

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """See :meth:`oricode_service.models.port.Provider.stream`."""
        server = await self._running()
        fitting = await self._fitted(call, server)
        async with contextlib.aclosing(server.stream(fitting)) as answer:
            async for deltas in answer:
                yield deltas

    async def close(self) -> None:
        """See :meth:`oricode_service.models.port.Provider.close`."""
        async with self._lock:
            await self._discard()
            await self._heads.close()

    async def _running(self) -> AnthropicProvider:
        async with self._lock:
            if self._server is not None and self._child is not None and self._child.alive:
                return self._server
            await self._discard()
            self._heads.begin()
            if self._builtin and not local_model_available():
                raise UpstreamFailure(failures.UNAVAILABLE.code, HOW_TO_INSTALL, retryable=False)
            try:
                self._child, address = await ChildProcess.start(self._command, self._ready_within)
            except ChildFailed as error:
                sentence = f"The built-in model did not start: {error}."
                raise failures.failure(failures.UNAVAILABLE, sentence) from None
            # Temperature 0: so small a model has one good word at a time, and with any chance at all it rambles.
            self._server = AnthropicProvider(
                api_key=None,
                base_url=address,
                read_timeout=_PATIENCE,
                extra_body={"temperature": 0},
                heads=self._heads,
            )
            try:
                await self._server.ready()
            except SdkUnusable as why:
                sentence = f"The built-in model cannot be asked: {why}."
                raise failures.failure(failures.UNAVAILABLE, sentence) from None
            return self._server

    async def _discard(self) -> None:
        server, self._server = self._server, None
        child, self._child = self._child, None
        if server is not None:
            await server.close()
        if child is not None:
            await child.stop()

    async def _fitted(self, call: ModelCall, server: AnthropicProvider) -> ModelCall:
        """``call`` as this model can answer it; ``upstream_rejected`` when its last message alone is too long."""
        room = self._context - min(call.max_tokens, self._context // _REPLY_SHARE) - _MARGIN_TOKENS
        prompt = plain(call.system, call.messages)
        while True:
            fitted = replace(
                call,
                model=MODEL_NAME,
                system=[{"type": "text", "text": prompt.system}] if prompt.system else [],
                messages=prompt.messages(),
                tools=[],
                thinking=None,
                metadata=None,
            )
            tokens = await server.count_tokens(fitted)
            if tokens <= room:
                return replace(fitted, max_tokens=min(call.max_tokens, self._context - tokens - _MARGIN_TOKENS))
            shorter = prompt.shortened(room / tokens)
            if shorter is None:
                raise failures.failure(
                    failures.REJECTED,
                    f"The message has {tokens} tokens, and the built-in model reads {room} at most: shorten it, "
                    "or choose another model.",
                )
            prompt = shorter
