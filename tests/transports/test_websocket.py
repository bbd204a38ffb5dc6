"""What only WebSocket can show: replies before events, several runs at once, keys in subprotocols, close codes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from typing import Any

import pytest
from conformance.house import House
from conformance.wires import PATIENCE, Socket, socket
from upstream import WaitFor, message, text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

pytestmark = pytest.mark.asyncio(loop_scope="session")


def address(house: House) -> str:
    return house.url.replace("http", "ws", 1) + "/api/ws"


async def first_event(house: House, *subprotocols: str, **more: Any) -> dict[str, Any]:
    """Connect with these subprotocols and no header; the first event."""
    offered = [Subprotocol(name) for name in ("oricode.v1", *subprotocols)]
    async with asyncio.timeout(PATIENCE), connect(address(house), subprotocols=offered, **more) as connection:
        assert connection.subprotocol == "oricode.v1", "a key must never be echoed"
        frame: dict[str, Any] = json.loads(await connection.recv())
        return frame


def in_base64url(key: str, padding: bool = False) -> str:
    made = base64.urlsafe_b64encode(key.encode()).decode()
    return made if padding else made.rstrip("=")


# Who may come in.


async def test_a_key_in_a_subprotocol_opens_the_connection(house: House) -> None:
    frame = await first_event(house, f"oricode.key.{in_base64url(house.key)}")
    assert frame["event"] == "connected"
    assert "run" not in frame
    assert "run_id" not in frame["data"]


async def test_a_ticket_opens_one_connection_and_no_second(house: House) -> None:
    ticket = (await house.http.post("/api/tickets")).json()["ticket"]
    assert (await first_event(house, f"oricode.ticket.{ticket}"))["event"] == "connected"
    with pytest.raises(InvalidStatus) as refused:
        await first_event(house, f"oricode.ticket.{ticket}")
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("subprotocols", [(), ("oricode.key.d3Jvbmc",), ("oricode.key.!!",), ("oricode.ticket.nope",)])
async def test_without_a_valid_key_the_handshake_is_refused_with_a_problem(
    house: House, subprotocols: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await first_event(house, *subprotocols)
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.body or b"")["code"] == "unauthorized"


async def test_a_browser_sees_a_close_code_because_it_cannot_see_a_status(house: House) -> None:
    offered = [Subprotocol("oricode.v1")]
    async with asyncio.timeout(PATIENCE), connect(
        address(house), subprotocols=offered, origin=house.url  # type: ignore[arg-type]
    ) as connection:  # fmt: skip
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert (connection.close_code, connection.close_reason) == (4401, "unauthorized")


async def test_a_key_in_the_address_is_not_looked_at(house: House) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(f"{address(house)}?key={house.key}&X-API-Key={house.key}"):
            pass


async def test_auth_in_place_names_the_user_and_refuses_other_users_and_wrong_keys(house: House) -> None:
    async with socket(house) as opened:
        same = await opened.call("auth", key=house.key)
        assert same["data"]["user"]
        assert (await opened.call("auth", key="wrong"))["error"]["code"] == "unauthorized"
        assert (await opened.call("auth", key=house.other_key))["error"]["code"] == "forbidden"
        assert (await opened.call("chat", prompt="still me", model="echo"))["ok"], "a refused auth changes nothing"


# Commands and events.


async def test_a_command_is_answered_before_any_event_it_causes(house: House) -> None:
    async with socket(house) as opened:
        for _ in range(20):
            await opened.connection.send(
                json.dumps({"command": "chat", "ref": 7, "data": {"prompt": "x", "model": "echo"}})
            )
            frames: list[dict[str, Any]] = []
            while not frames or frames[-1].get("event") != "done":
                frames.append(await opened.told())
            assert frames[0]["ref"] == 7
            assert [f["event"] for f in frames[1:3]] == ["connected", "message_start"]
            assert {f["run"] for f in frames[1:]} == {frames[0]["data"]["run_id"]}


async def test_several_runs_share_a_connection_and_each_is_whole(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        prompts = [f"prompt {n} " * 20 for n in range(8)]
        runs = [(await opened.call("chat", prompt=p, model="echo"))["data"]["run_id"] for p in prompts]
        texts = dict.fromkeys(runs, "")
        ended: set[str] = set()
        while len(ended) < len(runs):
            frame = opened.frames.pop(0) if opened.frames else await opened.receive()
            if frame.get("event") == "content":
                texts[frame["run"]] += frame["data"]["text"]
            elif frame.get("event") == "done":
                ended.add(frame["run"])
    assert [texts[run] for run in runs] == prompts


async def held(house: House, opened: Socket, milestone: str) -> str:
    """A run that stands still behind its first delta."""
    whole = message(text("ab", pieces=2))
    model = house.model([*whole[:4], WaitFor(milestone), *whole[4:]])
    run: str = (await opened.call("chat", prompt="x", model=model.name))["data"]["run_id"]
    while (await opened.next(run)).name != "content":
        pass
    return run


async def test_detaching_stops_the_events_and_not_the_run(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        run = await held(house, opened, "detach")
        assert (await opened.call("detach", run=run))["data"] == {"run_id": run}
        opened.frames.clear()
        house.upstream.release("detach")
        ended = (await house.http.get(f"/api/runs/{run}/events?from=snapshot")).text
        assert "event: done" in ended
        beat = await opened.receive()
        assert beat["event"] == "heartbeat", "the first frame since then is the idle connection's sign of life"
        assert "run" not in beat


async def test_detaching_what_is_not_attached_is_refused(house: House) -> None:
    async with socket(house) as opened:
        assert (await opened.call("detach", run="run_x"))["error"]["code"] == "not_attached"


async def test_attaching_says_what_was_missed_and_whether_the_run_has_ended(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        run = await held(house, opened, "attach")
        live = (await opened.call("attach", run=run, after=f"{run}.1.2"))["data"]
        assert (live["resume"], live["ended"], live["run_id"]) == ("live", False, run)
        missed = (await opened.call("attach", run=run, after=f"{run}.1.1"))["data"]
        assert missed["resume"] == "replay"
        gap = (await opened.call("attach", run=run, after=f"{run}.9.2"))["data"]
        assert gap["resume"] == "gap"
        assert (await opened.next(run)).name in ("connected", "content")
        await opened.call("attach", run=run)
        house.upstream.release("attach")
        while (last := await opened.next(run)).name != "done":
            pass
        after = (await opened.call("attach", run=run, after=last.id))["data"]
        assert (after["resume"], after["ended"]) == ("live", True)


async def test_attaching_from_a_snapshot_folds_first(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        run = await held(house, opened, "ws-snapshot")
        await opened.call("detach", run=run)
        opened.frames.clear()
        await opened.call("attach", **{"run": run, "from": "snapshot"})
        connected, snapshot = await opened.next(run), await opened.next(run)
        assert (connected.name, snapshot.name) == ("connected", "snapshot")
        assert (snapshot.id, snapshot.data["text"]) == (f"{run}.1.2", "a")
        house.upstream.release("ws-snapshot")
        content = await opened.next(run)
        assert (content.name, content.data["text"]) == ("content", "b")


async def test_what_is_not_there_and_what_is_somebody_else_s_are_refused_alike(house: House) -> None:
    async with house.client(house.other_key) as other:
        theirs = (await other.post("/api/chat", json={"prompt": "x", "model": "echo"})).json()["run_id"]
    async with socket(house) as opened:
        for command, more in (
            ("attach", {}),
            ("cancel", {}),
            ("tool_result", {"tool_call_id": "t", "content": "c"}),
            ("approve", {"approval_id": "a", "decision": "approve"}),
        ):
            foreign = (await opened.call(command, run=theirs, **more))["error"]
            absent = (await opened.call(command, run="run_absent", **more))["error"]
            assert foreign == absent
            assert foreign["code"] == "not_found"


# Bad frames.


@pytest.mark.parametrize(
    ("frame", "code", "ref"),
    [
        ("{", "malformed_json", None),
        ("[]", "invalid_request", None),
        ('{"ref":1,"command":"fly"}', "unknown_command", 1),
        ('{"ref":"a","command":"chat","data":{"prompt":5}}', "invalid_request", "a"),
        ('{"ref":"a","command":"chat","data":{}}', "empty_prompt", "a"),
        ('{"ref":"a","command":"chat","data":{"prompt":"x","model":"gpt"}}', "unknown_model", "a"),
        ('{"ref":"a","command":"chat","data":{"prompt":"x","model":"echo","batch_ms":9999}}', "invalid_request", "a"),
        ('{"ref":"a","command":"attach","data":{"run":"r","after":"x"}}', "not_found", "a"),
        ('{"ref":"a","command":"attach","data":{}}', "invalid_request", "a"),
        ('{"ref":"a","command":"cancel","data":{"run":"../x"}}', "not_found", "a"),
    ],
)
async def test_a_bad_frame_is_refused_and_the_connection_lives_on(
    house: House, frame: str, code: str, ref: Any
) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        await opened.connection.send(frame)
        refused = await opened.told()
        assert (refused["ok"], refused["ref"], refused["error"]["code"]) == (False, ref, code)
        assert refused["error"]["detail"]
        assert (await opened.call("chat", prompt="x", model="echo"))["ok"]


async def test_a_malformed_cursor_is_refused_and_the_connection_lives_on(house: House) -> None:
    async with socket(house) as opened:
        run = (await opened.call("chat", prompt="x", model="echo"))["data"]["run_id"]
        assert (await opened.call("attach", run=run, after="x"))["error"]["code"] == "malformed_cursor"
        assert (await opened.call("attach", run=run, after="run_other.1.1"))["error"]["code"] == "malformed_cursor"
        assert (await opened.call("attach", run=run))["ok"]


async def test_a_refused_attach_leaves_the_reader_that_was_there(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        run = await held(house, opened, "refused-attach")
        assert not (await opened.call("attach", run=run, after="run_other.1.1"))["ok"]
        house.upstream.release("refused-attach")
        while (await opened.next(run)).name != "done":
            pass


async def test_a_binary_frame_is_refused_and_closes_the_connection(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        await opened.connection.send(b"\x00\x01")
        refused = await opened.told()
        assert (refused["ok"], refused["error"]["code"]) == (False, "bad_frame")
        await opened.connection.wait_closed()
        assert opened.connection.close_code == 4400


async def test_a_frame_over_the_limit_closes_the_connection(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        with contextlib.suppress(ConnectionClosed):  # it may be closed before all of it was sent
            await opened.connection.send(json.dumps({"command": "chat", "data": {"prompt": "x" * (2 * 1024 * 1024)}}))
        await opened.connection.wait_closed()
        assert opened.connection.close_code == 1009


async def test_a_frame_of_nested_lists_does_no_harm(house: House) -> None:
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        deep = '{"ref":1,"command":"chat","data":{"prompt":"x","metadata":{"a":' + "[" * 900 + "]" * 900 + "}}}"
        await opened.connection.send(deep)
        refused = await opened.told()
        assert (refused["ok"], refused["error"]["code"]) == (False, "invalid_request")


async def test_unknown_fields_are_ignored(house: House) -> None:
    async with socket(house) as opened:
        await opened.connection.send(
            '{"command":"chat","ref":1,"v":9,"data":{"prompt":"x","model":"echo","sparkle":{"a":1}}}'
        )
        assert (await opened.told())["ok"]
