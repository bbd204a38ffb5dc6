"""The audit log: approvals by whatever transport, and every call with a side effect."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from conformance.house import House, Scripted
from conformance.wires import WIRES
from oricode_protocol import codec
from upstream import message, text, tool_use


def audited(folder: Path, kind: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(user, action, detail) of one kind, oldest first."""
    with sqlite3.connect(f"file:{folder / 'oricode.db'}?mode=ro", uri=True) as db:
        rows = db.execute("select user, action, detail from audit order by at, rowid").fetchall()
    return [(user, action, json.loads(detail)) for user, action, detail in rows if action.startswith(kind + ".")]


def deploying(house: House, program: str) -> Scripted:
    """A model that stores a program and deploys it."""
    store = {"program": program, "chunk_index": 0, "total_chunks": 1, "code": f"REPORT {program.lower()}."}
    return house.model(
        message(tool_use(f"store_{program}", "mcp_store_code_chunk", store)),
        message(tool_use(f"deploy_{program}", "mcp_deploy_stored_code", {"program": program})),
        message(text("Deployed.")),
    )


async def test_decisions_and_deployments_are_written_down_whatever_the_transport(tmp_path: Path) -> None:
    async with House(tmp_path, ORICODE_APPROVALS="mcp_deploy_stored_code=ask") as house:
        runs = {}
        for name, decision in (("sse", "approve"), ("websocket", "approve"), ("json", "deny")):
            wire, model = WIRES[name](house), deploying(house, f"Z{name.upper()}")
            async with wire.open(prompt="x", model=model.name, approvals=True) as opened:
                await opened.until("approval_required")
                await wire.approve(opened.run_id, f"appr_deploy_Z{name.upper()}", decision)
                if name != "json":
                    assert (await opened.answer()).status == "completed"
                runs[name] = opened.run_id
            await house.http.get(f"/api/runs/{runs[name]}/events")  # to its end
    user = audited(tmp_path, "key")[0][0]
    assert [(u, action, d["run_id"]) for u, action, d in audited(tmp_path, "approval")] == [
        (user, "approval.approve", runs["sse"]),
        (user, "approval.approve", runs["websocket"]),
        (user, "approval.deny", runs["json"]),
    ]
    effects = audited(tmp_path, "effect")
    assert [(u, action, d["run_id"], d["tool"]) for u, action, d in effects] == [
        (user, "effect.ok", runs["sse"], "mcp_deploy_stored_code"),
        (user, "effect.ok", runs["websocket"], "mcp_deploy_stored_code"),
    ]
    assert effects[0][2]["summary"] == "ZSSE deployed to directory, version 1"
    bound = f"directory\nZSSE\n{sha256(b'REPORT zsse.').hexdigest()}"
    call = {"name": "mcp_deploy_stored_code", "input": {"program": "ZSSE"}}
    digest = codec.canonical({**call, "subject": sha256(bound.encode()).hexdigest()})
    assert effects[0][2]["input_digest"] == sha256(digest).hexdigest()
    assert audited(tmp_path, "approval")[0][2]["input_digest"] == sha256(digest).hexdigest()


async def test_a_deployment_whose_process_died_is_written_down_by_the_next(tmp_path: Path) -> None:
    async with House(tmp_path, ORICODE_APPROVALS="*=auto", ORICODE_FAILPOINT="call.after:1") as house:
        model = deploying(house, "ZKILLED")
        body = {"prompt": "x", "model": model.name, "stream": True}
        run = ""
        with contextlib.suppress(httpx.TransportError):  # the kill
            async with house.http.stream("POST", "/api/chat", json=body) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        run = line.removeprefix("id: ").partition(".")[0]
        await house.service.stop()
        await house.service.start()
        await house.http.get(f"/api/runs/{run}/events")  # to its end
    ((_, action, detail),) = audited(tmp_path, "effect")
    assert action == "effect.ok", "the folder proves that it happened"
    assert (detail["run_id"], detail["tool_call_id"]) == (run, "deploy_ZKILLED")
