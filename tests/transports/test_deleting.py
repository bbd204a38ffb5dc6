"""Deleting a chat: that it was deleted is said only when it is so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engine.world import process
from oricode_protocol.errors import OricodeError
from oricode_service.engine import runs
from oricode_service.models.script import Say, Script
from oricode_service.transports.api import Api
from starlette.requests import Request
from store.made import new_run


class Anybody:
    """A gate that lets Anna in."""

    async def caller(self, scope: Any) -> Any:
        return SimpleNamespace(user="anna")


async def test_a_chat_whose_run_does_not_end_is_not_said_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs has it, or another run began while the first one was waited for."""
    monkeypatch.setattr(runs, "DELETE_PATIENCE", 0.05)
    async with process(tmp_path, Script(((Say("x"),),))) as one:
        run = (await one.store.runs.create(new_run(run_id="run_0000000000000000000000"))).run  # nobody drives it
        nothing: Any = None
        api = Api(Anybody(), one.engine, one.store, nothing, [])  # type: ignore[arg-type]
        request = Request({"type": "http", "path_params": {"chat": run.chat_id}, "headers": []})
        with pytest.raises(OricodeError) as refused:
            await api.delete(request)
        assert refused.value.code == "chat_busy"
        assert await one.store.chats.get("anna", run.chat_id) is not None
