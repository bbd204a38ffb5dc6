"""What a reader sees when connections fail, over both streaming transports."""

from __future__ import annotations

import asyncio

import pytest
from clients.scripted_service import (
    DROP,
    END,
    GARBAGE,
    HOLD,
    RUN,
    SILENCE,
    Act,
    Fault,
    Refusal,
    Said,
    ScriptedService,
    connected,
    heartbeat,
    story,
)
from oricode_client import OricodeClient, Pace, Run, errors, events

STORY = story("Hel", "lo ", "wor", "ld")


async def watch(run: Run) -> list[events.Event]:
    """All events of a run; bounded."""
    async with asyncio.timeout(10):
        return [event async for event in run]


def names(seen: list[events.Event]) -> list[str]:
    return [event.event for event in seen]


async def test_a_healthy_run_yields_its_events_in_order(service: ScriptedService, client: OricodeClient) -> None:
    service.plays(Act(connected(), *STORY))
    async with client.chat("hi") as run:
        assert run.run_id == RUN
        assert names(await watch(run)) == ["connected", *(said.event for said in STORY)]
        assert (run.text, run.status, run.usage) == ("Hello world", "completed", STORY[-1].data["usage"])


@pytest.mark.parametrize("fault", [DROP, END])
@pytest.mark.parametrize("cut", range(len(STORY)))
async def test_a_cut_anywhere_loses_and_doubles_nothing(
    service: ScriptedService, client: OricodeClient, cut: int, fault: str
) -> None:
    service.plays(Act(connected(), *STORY[:cut], fault), Act(connected("replay"), *STORY[cut:]))  # type: ignore[arg-type]
    async with client.chat("hi") as run:
        seen = await watch(run)
        assert [e for e in names(seen) if e not in ("connected", "reconnecting")] == [s.event for s in STORY]
        assert names(seen).count("reconnecting") == 1
        assert run.text == "Hello world"
    first, second = service.starts_and_resumes
    assert first.idempotency_key
    assert second.after == (STORY[cut - 1].id if cut else "")


async def test_two_cuts_without_an_event_between_resume_from_the_same_place(
    service: ScriptedService, client: OricodeClient
) -> None:
    service.plays(
        Act(connected(), *STORY[:2], DROP),
        Act(connected("replay"), DROP),
        Act(connected("replay"), *STORY[2:4], DROP),
        Act(connected("replay"), *STORY[4:]),
    )
    async with client.chat("hi") as run:
        seen = await watch(run)
        assert run.text == "Hello world"
    assert [a.after for a in service.starts_and_resumes[1:]] == [STORY[1].id, STORY[1].id, STORY[3].id]
    assert [e.attempt for e in seen if isinstance(e, events.Reconnecting)] == [1, 2, 1]


RESUMES: dict[str, list[int | None]] = {
    "drop, resume, drop before the first event, resume": [2, 0, 2],
    "two empty resumes": [2, 0, 0, 1],
    "three empty resumes behind nothing": [0, 0, 0, 0],
    "an event at a time, with an empty resume behind each": [1, 0, 1, 0, 1, 0],
    "not even connected, twice": [3, None, None, 1],
    "not even connected before the first event": [0, None, 0, None],
}
"""How many events each connection shows before it drops; None: it drops without an answer. The last one shows the rest.

Twins: ``resume.test.ts``, ``ChatRunContract.java``. Others' clients forget the cursor at the second drop, or get events
again.
"""


@pytest.mark.parametrize("shown", RESUMES.values(), ids=RESUMES)
async def test_the_cursor_survives_resumes_that_brought_nothing(
    service: ScriptedService, client: OricodeClient, shown: list[int | None]
) -> None:
    acts, cursors, at = [], [], 0
    for count in shown:
        hello = [] if count is None else [connected("replay" if acts else "new")]
        acts.append(Act(*hello, *STORY[at : (at := at + (count or 0))], DROP))
        cursors.append(STORY[at - 1].id if at else "")
    service.plays(*acts, Act(connected("replay"), *STORY[at:]))
    async with client.chat("hi") as run:
        seen = await watch(run)
        assert [e for e in names(seen) if e not in ("connected", "reconnecting")] == [s.event for s in STORY]
        assert run.text == "Hello world"
    assert [asked.after for asked in service.starts_and_resumes[1:]] == cursors
    assert len({asked.idempotency_key for asked in service.starts_and_resumes} - {""}) == 1, "one start"


async def test_a_start_whose_answer_was_lost_is_sent_again_with_the_same_key(
    service: ScriptedService, client: OricodeClient
) -> None:
    service.plays(Act(DROP), Act(connected(), *STORY))
    async with client.chat("hi") as run:
        await watch(run)
    first, second = service.starts_and_resumes
    assert first.idempotency_key == second.idempotency_key != ""
    assert first.body == second.body or first.method == "WS"


async def test_silence_beyond_the_heartbeat_is_a_lost_connection(
    service: ScriptedService, client: OricodeClient
) -> None:
    service.plays(Act(connected(), *STORY[:3], SILENCE), Act(connected("replay"), *STORY[3:]))
    run = client.chat("hi")
    run._reader._fixed_silence = 0.2
    async with run:
        seen = await watch(run)
    reasons = [e.reason for e in seen if isinstance(e, events.Reconnecting)]
    assert len(reasons) == 1
    assert "Nothing was heard" in reasons[0]
    assert run.text == "Hello world"


async def test_the_heartbeat_interval_the_service_names_defines_silence(
    service: ScriptedService, client: OricodeClient
) -> None:
    service.plays(Act(connected(heartbeat_ms=40_000), *STORY))
    async with client.chat("hi") as run:
        await watch(run)
        assert run._reader._silence == 85.0


@pytest.mark.parametrize("then", [END, SILENCE])
async def test_a_planned_close_waits_as_long_as_asked_and_counts_as_no_failure(
    service: ScriptedService, client: OricodeClient, then: Fault
) -> None:
    goodbye = Said("reconnect", {"after_ms": 30, "reason": "deploy"})
    service.plays(Act(connected(), *STORY[:2], goodbye, then), Act(connected("replay"), *STORY[2:]))
    async with client.chat("hi") as run:
        seen = await watch(run)
    (reconnecting,) = (e for e in seen if isinstance(e, events.Reconnecting))
    assert reconnecting.delay_ms == 30
    assert run.text == "Hello world"


async def test_retry_of_the_stream_is_a_floor_under_the_wait(service: ScriptedService) -> None:
    service.plays(Act(connected(), *STORY[:2], END, retry_ms=25), Act(connected("replay"), *STORY[2:]))
    async with OricodeClient(service.url, "key", pace=Pace(base=0.001, jitter=lambda: 0.0)) as client:
        seen = await watch(client.chat("hi"))
    assert [e.delay_ms for e in seen if isinstance(e, events.Reconnecting)] == [25]


async def test_a_gap_replaces_what_was_shown(service: ScriptedService, client: OricodeClient) -> None:
    state = {"run_id": RUN, "status": "running", "text": "Hi", "tool_calls": [], "approvals": []}
    block = {"index": 0, "type": "text", "text": "Hi"}
    message = {"message_id": "msg_1", "turn": 1, "attempt": 1, "model": "m", "complete": False, "blocks": [block]}
    snapshot = Said("snapshot", {**state, "messages": [message]}, f"{RUN}.2.2")
    tail = [Said(s.event, s.data, s.id.replace(".1.", ".2.")) for s in STORY[4:]]
    service.plays(Act(connected(), *STORY[:3], DROP), Act(connected("gap"), snapshot, *tail))
    async with client.chat("hi") as run:
        await watch(run)
        assert run.text == "Hild"


async def test_a_cursor_at_the_end_yields_what_the_run_came_to(service: ScriptedService, client: OricodeClient) -> None:
    service.plays(Act(ended=True))
    state = {"run_id": RUN, "status": "completed", "text": "Hi", "messages": [], "tool_calls": [], "approvals": []}
    service.replies["GET", f"/api/runs/{RUN}"] = [(200, {"run_id": RUN, "state": state})]
    run = client.attach(RUN, after=STORY[-1].id)
    assert names(await watch(run)) == ["snapshot"]
    assert run.status == "completed"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "malformed_cursor", errors.RequestRefused),
        (401, "unauthorized", errors.Unauthorized),
        (404, "not_found", errors.NotFound),
        (409, "idempotency_mismatch", errors.Conflict),
        (409, "chat_busy", errors.Conflict),
        (410, "gone", errors.Gone),
    ],
)
async def test_a_refusal_that_waiting_cannot_mend_is_raised_at_once(
    service: ScriptedService, client: OricodeClient, status: int, code: str, kind: type[errors.OricodeClientError]
) -> None:
    service.plays(Refusal(status, code))
    with pytest.raises(kind) as refused:
        await watch(client.chat("hi"))
    assert (refused.value.code, refused.value.blame) == (code, "client")
    assert len(service.starts_and_resumes) == 1


async def test_a_refused_resume_ends_the_run_with_the_reason(service: ScriptedService, client: OricodeClient) -> None:
    service.plays(Act(connected(), *STORY[:2], DROP), Refusal(410, "gone"))
    with pytest.raises(errors.Gone):
        await watch(client.chat("hi"))


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "restarting"), (500, "internal")])
async def test_a_refusal_that_passes_is_tried_again(
    service: ScriptedService, client: OricodeClient, status: int, code: str
) -> None:
    service.plays(Refusal(status, code), Act(connected(), *STORY))
    assert names(await watch(client.chat("hi")))[:2] == ["reconnecting", "connected"]


async def test_retry_after_is_a_floor_under_the_wait(service: ScriptedService) -> None:
    service.plays(Refusal(429, "rate_limited", {"retry-after": "3600"}))
    async with OricodeClient(service.url, "key") as client:
        with pytest.raises(errors.RateLimited) as limited:  # an hour is more patience than a start has
            await watch(client.chat("hi"))
    assert limited.value.retry_after == 3600


async def test_a_service_out_of_reach_is_given_up_when_patience_ends() -> None:
    async with ScriptedService() as gone:
        url = gone.url
    async with OricodeClient(url, "key", pace=Pace(base=0.001, cap=0.001, start_patience=0.05)) as client:
        with pytest.raises(errors.ConnectionLost) as lost:
            await watch(client.chat("hi"))
    assert lost.value.blame == "network"


async def test_garbage_on_the_wire_is_a_violation_and_not_retried(
    service: ScriptedService, client: OricodeClient
) -> None:
    service.plays(Act(connected(), *STORY[:2], GARBAGE, SILENCE))
    with pytest.raises(errors.ProtocolViolation):
        await watch(client.chat("hi"))


async def test_unknown_events_are_skipped_and_their_ids_move_the_cursor(
    service: ScriptedService, client: OricodeClient
) -> None:
    novelty = Said("hologram", {"depth": 3}, f"{RUN}.1.99")
    service.plays(Act(connected(), STORY[0], novelty, DROP), Act(connected("replay"), *STORY[1:]))
    async with client.chat("hi") as run:
        assert "hologram" not in names(await watch(run))
    assert service.starts_and_resumes[1].after == novelty.id


async def test_a_reader_cancelled_in_the_middle_goes_on_where_it_was(
    service: ScriptedService, client: OricodeClient
) -> None:
    service.plays(Act(connected(), *STORY[:3], SILENCE), Act(connected("replay"), *STORY[3:]))
    async with client.chat("hi") as run:
        first = [(await anext(run)).event for _ in range(4)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(run)
        assert first + names(await watch(run)) == ["connected", *(s.event for s in STORY[:3]), "connected"] + [
            s.event for s in STORY[3:]
        ]
        assert run.text == "Hello world"


async def test_leaving_a_run_hangs_up_and_does_not_cancel_it(service: ScriptedService, client: OricodeClient) -> None:
    service.plays(Act(connected(), *STORY[:2], SILENCE))
    async with client.chat("hi") as run:
        await anext(run)
    assert not [asked for asked in service.asked if asked.path.endswith("/cancel")]


async def test_a_reader_that_does_not_ask_is_sent_nothing_more_than_buffers_hold(service: ScriptedService) -> None:
    service.plays(Act(connected(), *STORY[:1], HOLD, *STORY[1:]))
    async with OricodeClient(service.url, "key") as client, client.chat("hi") as run:
        await anext(run)
        service.release.set()
        assert len(run._reader._pending) <= 1
        assert names(await watch(run))[-1] == "done"


async def test_heartbeats_reset_the_back_off(service: ScriptedService, client: OricodeClient) -> None:
    service.plays(Act(connected(), DROP), Act(connected("live"), heartbeat(), DROP), Act(connected("live"), *STORY))
    seen = await watch(client.chat("hi"))
    assert [e.attempt for e in seen if isinstance(e, events.Reconnecting)] == [1, 1]
