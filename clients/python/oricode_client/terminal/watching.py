"""Shows one run to its end: feeds a view, asks for approvals, and turns Ctrl-C into "stop", then "leave".

In: a run and a view. Out: how it went, as an exit code: 0 completed, 1 failed, 130 stopped or left.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from oricode_protocol import codec

from ..errors import Conflict, OricodeClientError
from ..events import ApprovalRequired
from ..run import Run
from .ask import ask_line
from .live_view import LiveView
from .view import View, blamed, harmless

COMPLETED, FAILED, STOPPED = 0, 1, 130
_TICKS_PER_SECOND = 8


class Left(Exception):
    """The second Ctrl-C: the person leaves, the run goes on."""


async def watch(run: Run, view: View, *, may_cancel: bool = True, answers: bool = False) -> int:
    """Show ``run`` until it ends; its exit code.

    ``may_cancel``: the first Ctrl-C stops the run (else it leaves at once). ``answers``: a person is there to decide
    about approvals. Raises :class:`Left`, or what ended the reading for good.
    """
    presses = _Presses(run, view, may_cancel)
    with _on_interrupt(presses.press):
        reading = asyncio.ensure_future(_read(run, view, answers))
        presses.reading = reading
        ticking = asyncio.ensure_future(_tick(view))
        try:
            await reading
        except asyncio.CancelledError:
            if not presses.left:
                raise
            raise Left from None
        finally:
            ticking.cancel()
            reading.cancel()
            await presses.close()
            view.close()
    return {"completed": COMPLETED, "cancelled": STOPPED}.get(run.status, FAILED)


async def _read(run: Run, view: View, answers: bool) -> None:
    async for event in run:
        view.take(event)
        if answers and isinstance(event, ApprovalRequired):
            view.pause()
            await _decide(run, view, event)


async def _decide(run: Run, view: View, asked: ApprovalRequired) -> None:
    """Show what would run, ask, and send the answer."""
    calls = {call["tool_call_id"]: call for call in run.state()["tool_calls"]}
    call = calls.get(asked.tool_call_id, {})
    view.say(f"{call.get('name', 'A tool')} wants to run with {_input(call)}")
    view.pause()
    answer = (await ask_line("Approve? [y/N] ")).strip().lower()
    try:
        await run.approve(asked.approval_id, "approve" if answer in ("y", "yes") else "deny")
    except Conflict as conflict:
        view.say(blamed(conflict))


def _input(call: dict[str, object]) -> str:
    """The call's input, readable; as it was streamed when it is not known yet in full."""
    value = call.get("input") or call.get("partial_json") or "{}"
    text = value if isinstance(value, str) else codec.dumps(value).decode()
    text = harmless(text)
    return text if len(text) <= 2000 else text[:2000] + f"… ({len(text):,} characters)"


async def _tick(view: View) -> None:
    while isinstance(view, LiveView):
        await asyncio.sleep(1 / _TICKS_PER_SECOND)
        view.tick()


class _Presses:
    """Counts Ctrl-C."""

    def __init__(self, run: Run, view: View, may_cancel: bool) -> None:
        self._run = run
        self._view = view
        self._may_cancel = may_cancel
        self._cancelling: asyncio.Task[None] | None = None
        self.reading: asyncio.Future[None] | None = None
        self.left = False

    def press(self) -> None:
        if self._may_cancel and self._cancelling is None and self._run.run_id is not None:
            self._view.say("Stopping... press Ctrl-C again to leave.")
            self._cancelling = asyncio.ensure_future(self._cancel())
            return
        self.left = True
        if self.reading is not None:
            self.reading.cancel()

    async def _cancel(self) -> None:
        try:
            await self._run.cancel()
        except OricodeClientError as error:
            self._view.say(f"It could not be stopped. {blamed(error)}")

    async def close(self) -> None:
        if self._cancelling is not None:
            self._cancelling.cancel()
            await asyncio.gather(self._cancelling, return_exceptions=True)


@contextlib.contextmanager
def _on_interrupt(press: Callable[[], None]) -> Iterator[None]:
    """Call ``press`` in the loop at each Ctrl-C, wherever the main thread is. Works on Windows too."""
    loop = asyncio.get_running_loop()

    def handler(signal_number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(press)

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
