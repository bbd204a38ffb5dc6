"""The rollout: who streams, by calling the decision, and what a client of the real service meets."""

from datetime import UTC, datetime

import httpx
import pytest
from clients.real_service import RealService
from oricode_service.access.rollout import Rollout, farewell, place

USERS = [f"user {number}" for number in range(4000)]


def streaming(rollout: Rollout) -> set[str]:
    return {user for user in USERS if rollout.arm(user, None) == "streaming"}


@pytest.mark.parametrize("percent", [0, 1, 25, 50, 99, 100])
def test_the_share_of_users_who_stream_is_the_percentage(percent):
    assert len(streaming(Rollout(percent))) / len(USERS) * 100 == pytest.approx(percent, abs=2)


def test_nobody_streams_at_0_and_everybody_at_100():
    assert streaming(Rollout(0)) == set()
    assert streaming(Rollout(100)) == set(USERS)


def test_raising_the_percentage_takes_the_stream_from_nobody():
    assert streaming(Rollout(10)) < streaming(Rollout(11)) < streaming(Rollout(60))


def test_a_users_place_never_changes():
    """Pinned: another hash would move users between the arms of a running comparison."""
    assert [round(place(user), 3) for user in ("anna", "ben", "ünal")] == [6.46, 73.799, 4.997]


def test_a_named_user_and_a_pinned_client_type_are_outside_the_share():
    rollout = Rollout(0, {"anna": "streaming", "ben": "json"}, frozenset({"eclipse"}))
    assert rollout.arm("anna", None) == "streaming"
    assert rollout.arm("carl", "eclipse") == "streaming"
    assert rollout.arm("ben", "eclipse") == "json"
    assert rollout.arm("carl", "vscode") == "json"


def test_the_end_of_the_json_answer_is_announced_in_the_standard_forms():
    """RFC 9745: a structured-field date; RFC 8594: an HTTP date."""
    day = datetime(2026, 12, 1, tzinfo=UTC)
    assert farewell(day, day) == {"Deprecation": "@1796083200", "Sunset": "Tue, 01 Dec 2026 00:00:00 GMT"}
    assert farewell(None, None) == {}


async def test_a_diverted_client_gets_json_and_a_resume_or_pinned_client_is_not_diverted(tmp_path):
    settings = {
        "ORICODE_STREAMING_PERCENT": "0",
        "ORICODE_STREAMING_CLIENTS": "eclipse",
        "ORICODE_JSON_DEPRECATED": "2026-12-01",
        "ORICODE_JSON_SUNSET": "2027-06-01",
    }
    async with RealService(tmp_path, **settings) as service:
        async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:
            body = {"prompt": "hi", "model": "echo", "stream": True}
            diverted = await http.post("/api/chat", json=body)
            assert diverted.headers["content-type"] == "application/json"
            assert diverted.json()["text"] == "hi"
            assert "sunset" not in diverted.headers
            pinned = await http.post("/api/chat", json=body | {"client_type": "eclipse"})
            assert pinned.headers["content-type"].startswith("text/event-stream")
            first = next(line[4:] for line in pinned.text.splitlines() if line.startswith("id: "))
            resumed = await http.post("/api/chat", json=body, headers={"Last-Event-ID": first})
            assert resumed.headers["content-type"].startswith("text/event-stream")
            asked = await http.post("/api/chat", json=body | {"stream": False})
            assert asked.headers["deprecation"] == "@1796083200"
            assert asked.headers["sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
            page = (await http.get("/metrics")).text
    assert 'oricode_runs_ended_total{arm="json",client_type="unknown",status="completed",transport="json"} 2.0' in page
    assert 'arm="streaming",client_type="eclipse",status="completed",transport="sse"} 1.0' in page
