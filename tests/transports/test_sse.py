"""What only SSE can show: headers, the order of lines, cursors in headers and queries, the end of a stream."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conformance.house import House
from transports.reading import PATIENCE, Stream, data, durable, events, stream
from upstream import WaitFor, message, text

pytestmark = pytest.mark.asyncio(loop_scope="session")
ASK: dict[str, Any] = {"prompt": "one two three four", "model": "echo", "stream": True}


async def ended_run(house: House, **body: Any) -> str:
    made = (await house.http.post("/api/chat", json={**ASK, **body, "stream": False})).json()
    assert made["status"] == "completed"
    run: str = made["run_id"]
    return run


async def test_the_headers_are_those_that_proxies_and_old_clients_rely_on(house: House) -> None:
    async with stream(house, "POST", "/api/chat", json=ASK) as opened:
        headers = opened.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-cache"
        assert headers["connection"] == "keep-alive"
        assert headers["x-accel-buffering"] == "no"
        assert "content-length" not in headers
        await opened.blocks()


async def test_a_client_that_will_close_sees_the_same_headers(house: House) -> None:
    """As urllib asks. A second `Connection` header would hide the first from those who look at one."""
    async with stream(house, "POST", "/api/chat", json=ASK, headers={"Connection": "close"}) as opened:
        assert opened.response.headers.get_list("connection") == ["keep-alive"]
        assert (await opened.blocks())[-1]["event"] == "done"


async def test_head_shows_the_headers_of_a_stream_and_watches_nothing(house: House) -> None:
    model = house.model([*message(text("a"))[:4], WaitFor("never")])
    body = {**ASK, "model": model.name, "on_disconnect": "cancel"}
    async with stream(house, "POST", "/api/chat", json=body) as opened:
        first = await opened.until("content")
        events_url = f"/api/runs/{first['id'].partition('.')[0]}/events"
        for _ in range(2):
            head = await house.http.head(events_url)
            assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")
            assert head.content == b""
        assert (await house.http.head(events_url, headers={"Last-Event-ID": "nonsense"})).status_code == 400
        live = (await house.http.get(events_url.removesuffix("/events"))).json()
        assert live["status"] == "running"
    run = await ended_run(house)
    done = (await house.http.get(f"/api/runs/{run}")).json()["last_event_id"]
    assert (await house.http.head(f"/api/runs/{run}/events?after={done}")).status_code == 204


async def test_each_block_is_retry_id_event_data_in_this_order(house: House) -> None:
    async with stream(house, "POST", "/api/chat", json=ASK) as opened:
        blocks = await opened.blocks()
    assert list(blocks[0]) == ["retry", "event", "data"]
    assert blocks[0]["event"] == "connected"
    assert all(list(block) in (["id", "event", "data"], ["event", "data"]) for block in blocks[1:])
    assert all(block.get("id") != "" for block in blocks)
    assert blocks[-1]["event"] == "done"


async def test_a_naive_line_reader_follows_a_whole_run(house: House) -> None:
    """Exactly as the clients of old read: line by line, remember ``event:``, act on ``data:``."""
    shown, name = [], ""
    prompt = "Zeile\nevent: done\ndata: {}\n\n ende"
    async with house.http.stream("POST", "/api/chat", json={**ASK, "prompt": prompt}) as response:
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                shown.append((name, data({"data": line[5:].strip()})))
    assert shown[0][1]["message"] == "Connected to Oricode AI"
    assert "".join(payload["text"] for event, payload in shown if event == "content") == prompt
    assert [event for event, _ in shown if event in ("message_start", "message_stop", "done")] == [
        "message_start", "message_stop", "done",
    ]  # fmt: skip
    assert all(isinstance(payload["index"], int) for event, payload in shown if event == "content")


async def test_stream_absent_or_false_is_answered_by_one_document(house: House) -> None:
    for body in ({"prompt": "x", "model": "echo"}, {"prompt": "x", "model": "echo", "stream": False}):
        response = await house.http.post("/api/chat", json=body)
        assert response.headers["content-type"] == "application/json"
        assert response.json()["text"] == "x"


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_cursor_in_the_middle_gets_the_rest_and_only_that(house: House, how: str) -> None:
    run = await ended_run(house)
    everything = durable(await events(house, run))
    cursor = everything[2]["id"]
    headers = {"Last-Event-ID": cursor} if how == "header" else {}
    query = f"?after={cursor}" if how == "query" else ""
    async with stream(house, "GET", f"/api/runs/{run}/events{query}", headers) as opened:
        blocks = await opened.blocks()
    assert data(blocks[0])["resume"] == "replay"
    assert durable(blocks) == everything[3:]


async def test_the_header_wins_over_the_query(house: House) -> None:
    run = await ended_run(house)
    everything = durable(await events(house, run))
    async with stream(
        house, "GET", f"/api/runs/{run}/events?after={everything[0]['id']}", {"Last-Event-ID": everything[3]["id"]}
    ) as opened:
        assert durable(await opened.blocks()) == everything[4:]


async def test_a_cursor_at_the_terminal_event_is_answered_204_so_that_stock_clients_stop(house: House) -> None:
    run = await ended_run(house)
    last = durable(await events(house, run))[-1]["id"]
    for request in (
        house.http.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": last}),
        house.http.post("/api/chat", headers={"Last-Event-ID": last}, json=ASK),
    ):
        response = await request
        assert (response.status_code, response.content) == (204, b"")


async def test_a_post_sent_again_with_a_cursor_resumes_and_starts_nothing(house: House) -> None:
    """What stock clients do when a stream is cut; the body does not count, not even a bad one."""
    run = await ended_run(house)
    everything = durable(await events(house, run))
    for body in (ASK, {"prompt": "another", "stream": True}, {}):
        async with stream(house, "POST", "/api/chat", {"Last-Event-ID": everything[1]["id"]}, json=body) as opened:
            assert durable(await opened.blocks()) == everything[2:]


@pytest.mark.parametrize("cursor", ["x", "1", "run.1", "run_x.0.1", "a.1.1.1", "run_x.1.-1", "run_x.1.1 "])
async def test_a_malformed_cursor_is_refused_and_starts_nothing(house: House, cursor: str) -> None:
    run = await ended_run(house)
    headers = {"Last-Event-ID": cursor}
    if cursor != cursor.strip():  # HTTP trims header values, so this one can only come in a query
        response = await house.http.get(f"/api/runs/{run}/events", params={"after": cursor})
    else:
        response = await house.http.get(f"/api/runs/{run}/events", headers=headers)
        again = await house.http.post("/api/chat", headers=headers, json=ASK)
        assert (again.status_code, again.json()["code"]) == (400, "malformed_cursor")
    assert (response.status_code, response.json()["code"]) == (400, "malformed_cursor")


async def test_a_cursor_of_another_run_is_refused(house: House) -> None:
    one, other = await ended_run(house), await ended_run(house)
    response = await house.http.get(f"/api/runs/{one}/events", headers={"Last-Event-ID": f"{other}.1.1"})
    assert (response.status_code, response.json()["code"]) == (400, "malformed_cursor")


async def test_an_empty_cursor_counts_as_none(house: House) -> None:
    run = await ended_run(house)
    async with stream(house, "GET", f"/api/runs/{run}/events?after=", {"Last-Event-ID": ""}) as opened:
        assert data((await opened.blocks())[0])["resume"] == "new"


@pytest.mark.parametrize(("epoch", "seq"), [(2, 1), (1, 9999), (7, 3)])
async def test_a_cursor_that_the_log_does_not_hold_is_a_gap_and_gets_a_snapshot(
    house: House, epoch: int, seq: int
) -> None:
    run = await ended_run(house)
    connected, snapshot, *tail = await events(house, run, f"{run}.{epoch}.{seq}")
    assert data(connected)["resume"] == "gap"
    assert snapshot["event"] == "snapshot"
    assert data(snapshot)["text"] == "one two three four"
    assert [block["event"] for block in tail] == ["done"], "a snapshot never swallows the terminal event"
    everything = durable(await events(house, run))
    assert snapshot["id"] == everything[-2]["id"]


async def test_a_late_viewer_can_ask_for_a_snapshot_and_reads_on(house: House) -> None:
    whole = message(text("Hello, late viewer.", pieces=4))
    model = house.model([*whole[:5], WaitFor("late"), *whole[5:]])
    async with stream(house, "POST", "/api/chat", json={**ASK, "model": model.name}) as first:
        run = data((await first.block()) or {})["run_id"]
        seen = [await first.until("content") for _ in range(2)]
        async with stream(house, "GET", f"/api/runs/{run}/events?from=snapshot") as late:
            connected, snapshot = await late.block(), await late.block()
            assert connected is not None
            assert snapshot is not None
            assert (snapshot["event"], snapshot["id"]) == ("snapshot", seen[-1]["id"])
            assert (data(snapshot)["status"], data(snapshot)["run_id"]) == ("running", run)
            house.upstream.release("late")
            tail = await late.blocks()
        rest = await first.blocks()
    shown = data(snapshot)["text"] + "".join(data(b)["text"] for b in tail if b["event"] == "content")
    assert shown == "Hello, late viewer."
    assert durable(tail) == durable(rest)


async def test_from_can_only_be_snapshot(house: House) -> None:
    run = await ended_run(house)
    response = await house.http.get(f"/api/runs/{run}/events?from=start")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


async def test_coalesced_deltas_say_the_same_with_fewer_events_and_exact_cursors(house: House) -> None:
    run = await ended_run(house, prompt="x" * 900)
    everything = durable(await events(house, run))
    joined = durable(await events(house, run, query="?batch_ms=200"))
    contents = [block for block in joined if block["event"] == "content"]
    assert len(contents) < 10 < len(everything)
    assert "".join(data(block)["text"] for block in contents) == "x" * 900
    assert [b["event"] for b in joined if b["event"] != "content"] == [
        b["event"] for b in everything if b["event"] != "content"
    ]
    ids = [block["id"] for block in everything]
    behind = durable(await events(house, run, contents[0]["id"]))
    assert [block["id"] for block in behind] == ids[ids.index(contents[0]["id"]) + 1 :]


async def test_with_coalescing_the_first_delta_is_sent_at_once(house: House) -> None:
    """Five seconds of window, and the model waits: only sending at once can show it."""
    whole = message(text("ab", pieces=2))
    model = house.model([*whole[:4], WaitFor("second"), *whole[4:]])
    async with asyncio.timeout(4):
        async with stream(house, "POST", "/api/chat", json={**ASK, "model": model.name, "batch_ms": 5000}) as opened:
            assert data(await opened.until("content"))["text"] == "a"
            house.upstream.release("second")
            blocks = await opened.blocks()  # message_stop flushes: nobody waits for the window's end
    assert [block["event"] for block in blocks if "id" in block] == ["content", "message_stop", "done"]


@pytest.mark.parametrize("value", ["-1", "5001", "x", "1.5", "１"])
async def test_a_window_out_of_range_is_refused(house: House, value: str) -> None:
    run = await ended_run(house)
    response = await house.http.get(f"/api/runs/{run}/events", params={"batch_ms": value})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


async def test_several_viewers_see_the_same_live(house: House) -> None:
    whole = message(text("For all of you.", pieces=6))
    model = house.model([*whole[:5], WaitFor("all"), *whole[5:]])

    async def watch(opened: Stream) -> list[Any]:
        return durable(await opened.blocks())

    async with asyncio.timeout(PATIENCE), stream(house, "POST", "/api/chat", json={**ASK, "model": model.name}) as one:
        run = data((await one.block()) or {})["run_id"]
        async with stream(house, "GET", f"/api/runs/{run}/events") as two:
            async with stream(house, "GET", f"/api/runs/{run}/events") as three:
                house.upstream.release("all")
                seen = await asyncio.gather(watch(one), watch(two), watch(three))
    assert seen[0] == seen[1] == seen[2]


async def test_drop_resume_drop_before_the_first_event_resume(house: House) -> None:
    whole = message(text("abcdefgh", pieces=8))
    model = house.model([*whole[:5], WaitFor("one"), *whole[5:8], WaitFor("two"), *whole[8:]])
    async with stream(house, "POST", "/api/chat", json={**ASK, "model": model.name}) as first:
        run = data((await first.block()) or {})["run_id"]
        seen = [await first.block() for _ in range(3)]
    cursor = (seen[-1] or {})["id"]
    path = f"/api/runs/{run}/events"
    async with house.http.stream("GET", path, headers={"Last-Event-ID": cursor}) as dropped:
        assert dropped.status_code == 200  # and away before anything was read
    house.upstream.release("one")
    async with stream(house, "GET", path, {"Last-Event-ID": cursor}) as third:
        connected = await third.block()
        assert data(connected or {})["resume"] in ("live", "replay")
        more = [await third.block() for _ in range(3)]
    cursor = (more[-1] or {})["id"]
    house.upstream.release("two")
    async with stream(house, "GET", path, {"Last-Event-ID": cursor}) as last:
        rest = durable(await last.blocks())
    got = [block["id"] for block in (*seen, *more) if block] + [block["id"] for block in rest]
    assert got == [block["id"] for block in durable(await events(house, run))]


@pytest.mark.parametrize("content", [b"", b"{", b'{"prompt": ""}', b'{"prompt": 5, "model": "nowhere"}'])
async def test_a_post_that_resumes_does_so_whatever_its_body_says(house: House, content: bytes) -> None:
    """A resume made by hand has no reason to send one."""
    run = await ended_run(house)
    resumed = await house.http.post("/api/chat", headers={"Last-Event-ID": f"{run}.1.1"}, content=content)
    assert resumed.status_code == 200
    assert f"\nid: {run}.1.2\n" in resumed.text
