"""A conversation at the terminal: a prompt, an answer, again; and the commands that begin with a slash.

The event loop runs while an answer is shown and rests while a person types, so that line editing and Ctrl-C at the
prompt are the terminal's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ..client import OricodeClient
from ..errors import OricodeClientError
from ..run import Run
from ..transports import TransportName
from .markdown_tail import Answer
from .options import TRANSPORTS
from .view import blamed, harmless

if TYPE_CHECKING:
    from ..wire import JsonObject

_SHOWN_MESSAGES = 20


class Conversation:
    """One person, one service, one chat at a time."""

    def __init__(
        self,
        client: OricodeClient,
        console: Console,
        transport: TransportName,
        chat_id: str | None = None,
        model: str | None = None,
    ) -> None:
        self._client = client
        self._console = console
        self._transport: TransportName = transport
        self._chat_id = chat_id
        self._model = model
        self._last_run: str | None = None
        self._commands: dict[str, tuple[Callable[[str], Awaitable[None]], str]] = {
            "/help": (self._help, "this list"),
            "/history": (self._history, "what was said in this chat"),
            "/chats": (self._chats, "your chats; /chats ID goes on in one"),
            "/new": (self._new, "begin another chat"),
            "/resume": (self._resume, "watch this chat's live run, the last run, or /resume RUN"),
            "/transport": (self._switch, f"how events come in: {', '.join(TRANSPORTS)}"),
            "/model": (self._choose, "show the models, or ask another one: /model NAME"),
            "/quit": (self._help, "leave (Ctrl-D)"),
        }

    def talk(self) -> int:
        """Until the person leaves; the exit code."""
        with contextlib.suppress(ImportError):  # Windows' console edits lines by itself
            import readline  # noqa: F401  - line editing and history for input()

        self._console.print(Text("Oricode. /help tells the commands, Ctrl-D leaves.", style="dim"))
        with asyncio.Runner() as runner:
            try:
                if self._chat_id is not None:
                    runner.run(self._safely(self._history("")))
                while (line := self._prompt()) is not None:
                    if line == "/quit":
                        break
                    if line:
                        runner.run(self._safely(self._obey(line)))
            finally:
                runner.run(self._client.aclose())
        return 0

    def _prompt(self) -> str | None:
        """A line, stripped; empty after Ctrl-C; None at the end."""
        try:
            return input("› ").strip()
        except KeyboardInterrupt:
            self._console.print(Text("\n(/quit or Ctrl-D leaves)", style="dim"))
            return ""
        except EOFError:
            self._console.print()
            return None

    async def _safely(self, work: Awaitable[None]) -> None:
        try:
            await work
        except OricodeClientError as error:
            self._console.print(Text(blamed(error), style="red"))

    async def _obey(self, line: str) -> None:
        if not line.startswith("/"):
            await self._show(self._client.chat(
                line, chat_id=self._chat_id, model=self._model, transport=self._transport, approvals=True
            ))  # fmt: skip
            return
        name, _, argument = line.partition(" ")
        if name not in self._commands:
            self._say(f"There is no {name}; /help tells the commands.")
            return
        await self._commands[name][0](argument.strip())

    async def _show(self, run: Run) -> None:
        from .chat import make_view, show

        self._console.print()
        await show(run, make_view(self._console, self._transport), answers=True)
        self._console.print()
        self._chat_id = run.chat_id or self._chat_id
        self._last_run = run.run_id or self._last_run

    # Commands: each takes what was typed behind its name.

    async def _help(self, _: str) -> None:
        for name, (_command, meaning) in self._commands.items():
            self._console.print(Text.assemble((f"{name:<12}", "bold"), meaning))
        self._console.print(Text("Ctrl-C stops an answer; twice leaves, and the run goes on.", style="dim"))

    async def _history(self, _: str) -> None:
        if self._chat_id is None:
            self._say("This chat is empty. /chats lists the others.")
            return
        messages: list[JsonObject] = []
        after: str | None = None
        while True:
            page = await self._client.messages(self._chat_id, limit=100, after=after)
            messages = [*messages, *page["messages"]][-_SHOWN_MESSAGES:]
            after = page.get("next")
            if after is None:
                break
        self._say(f"{page.get('title') or self._chat_id}")
        for message in messages:
            if text := harmless(_text(message["content"])):  # results of tools have none
                asked = message["role"] == "user"
                self._console.print()
                self._console.print(Text(f"› {text}", style="bold") if asked else Answer(text))
        self._console.print()

    async def _chats(self, chat_id: str) -> None:
        if chat_id:
            self._chat_id = chat_id
            await self._history("")
            return
        chats = (await self._client.chats())["chats"]
        for chat in chats:
            live = " (live)" if chat.get("live_run") else ""
            self._console.print(Text.assemble((chat["chat_id"], "dim"), f"  {harmless(chat['title'] or '')}{live}"))
        if not chats:
            self._say("No chats yet.")

    async def _new(self, _: str) -> None:
        self._chat_id = None
        self._say("A new chat.")

    async def _resume(self, run_id: str) -> None:
        run_id = run_id or await self._live_run() or self._last_run or ""
        if not run_id:
            self._say("There is no run to resume; /resume RUN names one.")
            return
        await self._show(self._client.attach(run_id, transport=self._transport))

    async def _live_run(self) -> str | None:
        """The live run of this chat, else of the most recent chat that has one."""
        chats = (await self._client.chats())["chats"]
        live = [chat for chat in chats if chat.get("live_run")]
        live.sort(key=lambda chat: chat["chat_id"] != self._chat_id)
        return live[0]["live_run"] if live else None

    async def _switch(self, name: str) -> None:
        if name in TRANSPORTS:
            self._transport = name
        elif name:
            self._say(f"It must be one of {', '.join(TRANSPORTS)}.")
        self._say(f"Events come by {self._transport}.")

    async def _choose(self, name: str) -> None:
        if name:
            self._model = name
            self._say(f"Asking {name} from now on.")
            return
        offer = await self._client.models()
        chosen = self._model or offer["default"]
        for model in offer["models"]:
            self._console.print(Text(("● " if model == chosen else "  ") + model))

    def _say(self, sentence: str) -> None:
        self._console.print(Text(sentence, style="dim"))


def _text(content: str | list[JsonObject]) -> str:
    """A stored message's text."""
    if isinstance(content, str):
        return content
    return "\n\n".join(block["text"] for block in content if block.get("type") == "text")
