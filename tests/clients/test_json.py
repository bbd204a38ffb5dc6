"""The JSON transport: one document, and the same events a stream would have shown."""

from __future__ import annotations

from typing import Any

import pytest
from clients.scripted_service import CHAT, RUN, Act, JsonAnswer, Refusal, ScriptedService, story
from oricode_client import OricodeClient, errors, events


def document(status: str, text: str, **more: Any) -> dict[str, Any]:
    head = {"run_id": RUN, "chat_id": CHAT, "status": status, "text": text, "model": "scripted"}
    return {**head, "stop_reason": "end_turn", "usage": {"output_tokens": 2}, "last_event_id": f"{RUN}.1.9", **more}


async def names(run: Any) -> list[str]:
    return [event.event async for event in run]


async def test_a_document_is_seen_as_the_events_it_stands_for(
    service: ScriptedService, json_client: OricodeClient
) -> None:
    service.plays(JsonAnswer(document("completed", "Hello")))
    async with json_client.chat("hi") as run:
        assert await names(run) == ["connected", "message_start", "content", "message_stop", "done"]
        assert (run.text, run.status, run.usage) == ("Hello", "completed", {"output_tokens": 2})
        assert (run.run_id, run.chat_id, run.last_event_id) == (RUN, CHAT, f"{RUN}.1.9")
    assert service.asked[0].body["stream"] is False


async def test_white_space_before_the_document_shows_as_heartbeats(
    service: ScriptedService, json_client: OricodeClient
) -> None:
    service.plays(JsonAnswer(document("completed", "Hello"), heartbeats=3))
    seen = await names(json_client.chat("hi"))
    assert 1 <= seen.count("heartbeat") <= 3
    assert seen[-1] == "done"


async def test_a_document_cut_short_is_asked_for_again_with_the_same_key(
    service: ScriptedService, json_client: OricodeClient
) -> None:
    service.plays(JsonAnswer(document("completed", "Hello"), cut_after=20), JsonAnswer(document("completed", "Hello")))
    async with json_client.chat("hi") as run:
        assert (await names(run))[0] == "reconnecting"
        assert run.text == "Hello"
    first, second = service.asked
    assert first.idempotency_key == second.idempotency_key != ""


async def test_a_failed_run_is_a_200_that_raises_its_reason(
    service: ScriptedService, json_client: OricodeClient
) -> None:
    sentence = "The model is overloaded; try again in a while."
    failed = document("failed", "Hal", error=sentence, code="upstream_overloaded", retryable=True)
    service.plays(JsonAnswer(failed))
    with pytest.raises(errors.UpstreamFailed, match="overloaded") as failure:
        await json_client.ask("hi")
    assert failure.value.retryable
    assert failure.value.blame == "upstream"


async def test_a_waiting_document_goes_on_until_the_run_has_ended(
    service: ScriptedService, json_client: OricodeClient
) -> None:
    call = {"tool_call_id": "call_1", "name": "read_editor", "input": {}, "runs": "client", "state": "running"}
    approval = {"approval_id": "appr_1", "tool_call_id": "call_2", "reason": "r", "input_digest": "d", "expires_at": 1}
    service.plays(JsonAnswer(document("waiting", "One moment. ", tool_calls=[call], approvals=[approval])))
    service.replies["GET", f"/api/runs/{RUN}"] = [
        (200, document("running", "One moment. ")),
        (200, document("completed", "One moment. Done.")),
    ]
    service.replies["POST", f"/api/runs/{RUN}/tool_results"] = [(200, {})]
    async with json_client.chat("hi") as run:
        texts = []
        async for event in run:
            if isinstance(event, events.Content):
                texts.append(event.text)
            if isinstance(event, events.ToolCall):
                await run.tool_result(event.tool_call_id, "x = 1")
        assert texts == ["One moment. ", "Done."]
        assert run.text == "One moment. Done."
        assert [a["approval_id"] for a in run.state()["approvals"]] == []
    (answered,) = (asked for asked in service.asked if asked.path.endswith("/tool_results"))
    assert answered.body == {"tool_call_id": "call_1", "content": "x = 1", "is_error": False}


async def test_a_stream_that_is_answered_by_a_document_reads_the_same(service: ScriptedService) -> None:
    """An operator's rollout answers JSON to a share of those who asked for a stream."""
    service.plays(JsonAnswer(document("waiting", "Half. ")), Act(*story("never seen")[3:]))
    async with OricodeClient(service.url, "key") as client, client.chat("hi") as run:
        assert (await names(run))[-1] == "done"
        assert run.text == "Half. "
    assert [asked.path for asked in service.asked] == ["/api/chat", f"/api/runs/{RUN}/events"]
    assert service.asked[1].after == f"{RUN}.1.9"


async def test_somebody_elses_page_is_recognised(service: ScriptedService) -> None:
    service.plays(Refusal(502, body=b"<html>Bad gateway</html>"), Refusal(403, body=b"<html>Login</html>"))
    async with OricodeClient(service.url, "key") as client:
        with pytest.raises(errors.Unauthorized) as refused:
            await client.ask("hi")
    assert refused.value.code == "http_403"
