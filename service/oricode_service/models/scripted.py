"""The scripted provider: plays scripts as a model would, for the demo, tests and benchmarks alike.

In: a :class:`ModelCall` whose model names a script; turn n of a run plays scene n. Out: deltas at the script's pace.
Reads nothing of the conversation and offers no help when tools fail: it is an actor, not a model. Time comes from
outside, so tests take none.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from oricode_protocol import codec

from . import failures, port
from .port import Delta, ModelCall, Signature, Text, Thinking, ToolInput, ToolUse, Usage
from .script import Call, Fail, Pause, Say, Scene, Script, Stall, Step, Stop, Think
from .script_file import load

SCRIPTS = Path(__file__).parent / "scripts"
"""Where the scripts that come with the service lie."""
_BURST = 64
"""Deltas per list when there is no pace."""
_REMEMBERED = 4096
_AFTER_THE_END: Scene = (Say("The script has no more scenes."),)


def demo() -> Script:
    """The chunked deployment of a report in 8 parts, at human speed."""
    return load(SCRIPTS / "demo.yaml")


class ScriptedProvider:
    """One cast of scripts, by model name."""

    def __init__(
        self,
        scripts: Mapping[str, Script],
        *,
        speed: float = 1.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """``speed`` 2 plays twice as fast, ``math.inf`` without any wait; must be above 0."""
        if not speed > 0:
            raise ValueError("the speed of scripts must be above 0")
        self._scripts = dict(scripts)
        self._speed = speed
        self._sleep = sleep
        self._failed: OrderedDict[tuple[str, int, int], int] = OrderedDict()
        """How often a step of a run has failed: ``(run, turn, step)``."""

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """See :meth:`oricode_service.models.port.Provider.stream`."""
        script = self._scripts[call.model]
        scene = script.scenes[call.turn - 1] if call.turn <= len(script.scenes) else _AFTER_THE_END
        yield [Usage(input_tokens=_tokens(len(codec.dumps([call.system, call.messages]))), output_tokens=1)]
        index = -1
        reason = "end_turn"
        said = 0
        for number, step in enumerate(scene):
            match step:
                case Pause(seconds):
                    await self._wait(seconds)
                case Stall():
                    await asyncio.Event().wait()
                case Fail(code):
                    if self._fails(step, (call.run_id, call.turn, number)):
                        failure = failures.failure(failures.KINDS[code])
                        failure.retry_after = step.retry_after
                        raise failure
                case Stop():
                    reason = step.reason
                    break
                case Say() | Think() | Call():
                    index += 1
                    if isinstance(step, Call):
                        reason = "tool_use"
                    for deltas, characters in _deltas(step, index, script):
                        yield deltas
                        said += characters
                        await self._wait(characters / script.rate)
        yield [Usage(output_tokens=_tokens(said)), port.Stop(reason, call.model)]

    async def close(self) -> None:
        """Nothing is held."""

    async def _wait(self, seconds: float) -> None:
        seconds /= self._speed
        if seconds > 0:
            await self._sleep(seconds)

    def _fails(self, step: Fail, key: tuple[str, int, int]) -> bool:
        if step.times is None:
            return True
        failed = self._failed.get(key, 0)
        self._failed[key] = failed + 1
        self._failed.move_to_end(key)
        while len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)
        return failed < step.times


def _deltas(step: Step, index: int, script: Script) -> Iterator[tuple[list[Delta], int]]:
    """The step's deltas as they come over the wire, each list with the number of its characters."""
    match step:
        case Say(text):
            yield from _paced([Text(index, piece) for piece in pieces(text, script.piece)], script)
        case Think(text):
            yield from _paced([Thinking(index, piece) for piece in pieces(text, script.piece)], script)
            yield [Signature(index, "c2NyaXB0ZWQ=")], 0
        case Call(tool, input):
            yield [ToolUse(index, f"toolu_{secrets.token_hex(12)}", tool)], 0
            json_text = codec.dumps(input).decode()
            yield from _paced([ToolInput(index, piece) for piece in pieces(json_text, script.piece)], script)


def _paced(deltas: list[Text] | list[Thinking] | list[ToolInput], script: Script) -> Iterator[tuple[list[Delta], int]]:
    at_once = _BURST if math.isinf(script.rate) else 1
    for start in range(0, len(deltas), at_once):
        burst: list[Delta] = list(deltas[start : start + at_once])
        yield burst, len(burst) * script.piece


def pieces(text: str, size: int) -> list[str]:
    """``text`` in pieces of ``size`` characters; none for an empty text."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def _tokens(characters: int) -> int:
    """A plausible number: about four characters make a token."""
    return max(1, characters // 4)
