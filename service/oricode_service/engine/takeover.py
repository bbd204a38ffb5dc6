"""How a run changes hands: brought to where its log ends by the process that takes it, given up by the one that leaves.

In: a claimed run of which only the log and the committed steps are known; or runs of this process that others shall go
on with. Out: a run that the loop can drive like a fresh one; or none here that writes any more, and all free to claim.
"""

from __future__ import annotations

import asyncio
from functools import partial

from oricode_protocol import codec
from oricode_protocol.lifecycle import RunState, advance

from ..log.run_log import PAGE_BYTES
from ..store.patience import until_available
from .ports import Ports
from .run import Run


async def replay(run: Run, ports: Ports) -> None:
    """Bring a taken-over run's fold and lifecycle to where its log ends."""
    state, seq = RunState.NEW, 0
    while seq < run.writer.seq:
        page = await until_available(partial(ports.logs.store.read, run.row.no, seq, PAGE_BYTES))
        for record in page:
            state = advance(state, record.event)
            for data in record.datas():
                run.fold.apply(record.event, codec.loads(data))
            seq = record.seq
        await asyncio.sleep(0)
    run.writer.state = state
    for message in await until_available(lambda: ports.runs.messages(run.row.no)):
        run.count(codec.loads(message.meta).get("usage", {}))
    run.calls_seen.update(call["tool_call_id"] for call in run.fold.state()["tool_calls"])


async def give_up(runs: list[Run], ports: Ports, effect_seconds: float) -> None:
    """Stop these runs without an end, and let others claim them.

    ``effect_seconds``: for effects in the air to come down; after it they will be unknown.
    """
    for run in runs:
        run.abandon()
    flying = [run for run in runs if run.in_the_air]
    await _leave([run for run in runs if not run.in_the_air], ports)
    timers = [asyncio.get_running_loop().call_later(effect_seconds, _take_down, run) for run in flying]
    await asyncio.gather(*(_leave([run], ports) for run in flying))
    for timer in timers:
        timer.cancel()


async def _leave(runs: list[Run], ports: Ports) -> None:
    """Wait until these have stopped, and give them to whoever claims them."""
    tasks = [run.task for run in runs if run.task is not None]
    if tasks:
        await asyncio.wait(tasks)
    await ports.logs.commit.flushed()
    if runs:
        await ports.runs.release([run.row.no for run in runs])
        ports.logs.leave(run.row.no for run in runs)


def _take_down(run: Run) -> None:
    """An effect took too long to come down."""
    run.abandon(at_once=True)
