"""The heads of requests to one Anthropic server: asked of the SDK once, kept for the next start.

In: a :class:`Wish`, and the file to keep the answer in. Out: a :class:`Head` for each path, or :class:`SdkUnusable`.
The SDK is asked in a child process, which ends with its answer: nothing of it stays in the service, and nobody waits
for its import but the first calls of the first start. The kept answer counts as long as it was given to the same
question by the same SDK on the same Python. Where the environment speaks to the SDK (``ANTHROPIC_CUSTOM_HEADERS``,
which may be secret), nothing is kept. A process that has imported the SDK for other reasons (tests do) asks it there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oricode_protocol import codec

from .anthropic_wish import Head, Wish, heads_of

ANSWER_SECONDS = 120.0
"""For the SDK's answer; on a busy machine its import alone takes ten."""
_SDK = "oricode_service.models.anthropic_sdk"
_OURS = frozenset({"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"})
"""Variables of the SDK that the service reads itself; the SDK is told, and does not look."""
_SECRET = ("ANTHROPIC_API_KEY", "ORICODE_", "DATABASE_")
"""Beginnings of variables that the child does not need to know."""
_LONGEST_REASON = 300


class SdkUnusable(Exception):
    """The SDK does not answer; the text is half a sentence that says why."""


class Heads:
    """One wish and its answer. Belongs to the event loop's thread."""

    def __init__(self, wish: Wish, kept_in: Path | None = None, command: tuple[str, ...] = ()) -> None:
        """``kept_in`` None: nothing is kept. ``command`` replaces the child; it does what :mod:`anthropic_sdk` does."""
        self._wish = wish
        self._kept_in = kept_in if _OURS.issuperset(name for name in os.environ if _speaks(name)) else None
        self._command = command
        self._known: dict[str, Head] | None = None
        self._asking: asyncio.Task[dict[str, Head]] | None = None

    def begin(self) -> None:
        """Read what is kept, or else begin to ask. Calling it again is free."""
        if self._known is None and self._asking is None:
            self._known = self._kept()
            if self._known is None:
                self._asking = asyncio.create_task(self._ask(), name="heads of the Anthropic SDK")
                self._asking.add_done_callback(_looked_at)

    async def known(self) -> dict[str, Head]:
        """The answer, when it is there. Raises :class:`SdkUnusable`; who calls again then has the SDK asked again."""
        self.begin()
        if self._known is None:
            asking = self._asking
            assert asking is not None
            try:
                self._known = await asyncio.shield(asking)
            except SdkUnusable:
                if self._asking is asking:
                    self._asking = None
                raise
        return self._known

    async def close(self) -> None:
        """End a child that is still asked."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.wait([asking])

    async def _ask(self) -> dict[str, Head]:
        if not self._command and "anthropic" in sys.modules:
            from . import anthropic_sdk

            found = await anthropic_sdk.heads(self._wish)
        else:
            found = await self._child()
        self._keep(found)
        return found

    async def _child(self) -> dict[str, Head]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}
        try:
            child = await asyncio.create_subprocess_exec(
                *(self._command or (sys.executable, "-P", "-m", _SDK)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # Ctrl+C is for the service, which ends the child
            )
        except OSError as error:
            raise SdkUnusable(f"it cannot be started ({error.strerror})") from None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                said, complaints = await child.communicate(codec.dumps(self._wish.json()))
        except TimeoutError:
            raise SdkUnusable(f"it did not answer within {ANSWER_SECONDS:g} s") from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode != 0:
            lines = complaints.decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), f"it ended with {child.returncode}")
            raise SdkUnusable(last[:_LONGEST_REASON])
        try:
            return heads_of(codec.loads(said), self._wish.paths)
        except ValueError:
            raise SdkUnusable("its answer is not understood") from None

    def _question(self) -> dict[str, Any]:
        """Everything that the answer depends on."""
        from importlib.metadata import version

        sdk = {name: version(name) for name in ("anthropic", "httpx2")}
        return {"wish": self._wish.json(), "sdk": sdk, "python": sys.version, "machine": platform.machine()}

    def _kept(self) -> dict[str, Head] | None:
        if self._kept_in is None:
            return None
        try:
            kept = codec.loads(self._kept_in.read_bytes())
            if not isinstance(kept, Mapping) or kept.get("question") != self._question():
                return None
            return heads_of(kept.get("heads"), self._wish.paths)
        except (
            OSError,
            ValueError,
            ImportError,
        ):  # not there, torn, of another version, or an SDK that is not installed
            return None

    def _keep(self, found: dict[str, Head]) -> None:
        if self._kept_in is None:
            return
        kept = codec.dumps({"question": self._question(), "heads": {path: list(head) for path, head in found.items()}})
        beside = self._kept_in.with_name(f"{self._kept_in.name}.{os.getpid()}")
        # A folder that takes no file costs the next start its head start, and nothing else.
        with contextlib.suppress(OSError):
            try:
                beside.write_bytes(kept)
                beside.replace(self._kept_in)
            finally:
                beside.unlink(missing_ok=True)


def _speaks(name: str) -> bool:
    return name.startswith("ANTHROPIC_")


def _looked_at(asking: asyncio.Task[dict[str, Head]]) -> None:
    """Whoever needs the answer hears of a failure; nobody may."""
    if not asking.cancelled():
        asking.exception()
