"""A real Eclipse workbench with the plug-in, seen through the probe bundle's file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from desktop import Desktop

PROJECT = Path(__file__).resolve().parents[4]
TARGET = PROJECT / "clients" / "eclipse" / "target"
sys.path.insert(0, str(PROJECT / "scripts" / "eclipse"))

import installation  # noqa: E402

START_S = 180
SETTLE_S = 1
Seen = dict[str, Any]


class Workbench:
    """A started workbench. ``history`` holds every state its widgets were seen in."""

    def __init__(self, screen: Desktop, probe: Path, process: subprocess.Popen[bytes]) -> None:
        self.screen = screen
        self._probe = probe
        self._process = process
        self.history: list[Seen] = []

    def now(self) -> Seen:
        """What the widgets show now; empty before the first look."""
        if self._probe.exists():
            lines = self._probe.read_text().splitlines(keepends=True)
            self.history = [json.loads(line) for line in lines if line.endswith("\n")]
        return self.history[-1] if self.history else {}

    def wait(self, what: str, condition: Callable[[Seen], bool], seconds: float = 60) -> Seen:
        """Wait until the widgets show something; fail with what they show instead."""
        deadline = time.monotonic() + seconds
        while True:
            if (seen := self.now()) and condition(seen):
                return seen
            if self._process.poll() is not None:
                raise AssertionError(f"the workbench ended while waiting for {what}")
            if time.monotonic() > deadline:
                self.screen.shoot("waiting-in-vain")
                raise AssertionError(f"waited {seconds} s for {what}; there is {json.dumps(seen)[:3000]}")
            time.sleep(0.1)

    def click(self, widget: str) -> None:
        """Click the middle of a widget."""
        at = self.wait(f"{widget} to be clickable", lambda seen: seen.get(widget, {}).get("visible", False))[widget]
        self.screen.click(at["x"], at["y"])

    def focus(self, widget: str) -> None:
        """Click until the widget has the focus and keeps it: a window still being laid out moves under the mouse."""
        for _ in range(20):
            self.click(widget)
            clicked = self.now()[widget]
            time.sleep(SETTLE_S)
            now = self.now()[widget]
            if now["focused"] and (now["x"], now["y"]) == (clicked["x"], clicked["y"]):
                return
        raise AssertionError(f"{widget} does not take the focus")

    def ask(self, prompt: str) -> None:
        """Type a question into the field and press Enter, as a person does."""
        self.focus("prompt")
        self.screen.type(prompt)
        self.wait("the typed words", lambda seen: prompt in text(seen, "prompt"))
        self.screen.press("Return")
        self.wait("the question in the conversation", lambda seen: prompt in text(seen, "conversation"))

    def seen(self, widget: str, of: str = "text") -> list[Any]:
        """The different values a widget went through, in order."""
        self.now()
        shown = (state[widget] for state in self.history if state.get(widget, {}).get("visible"))
        values = [value for value in (state.get(of) for state in shown) if value is not None]
        return [value for i, value in enumerate(values) if i == 0 or values[i - 1] != value]

    def crash(self) -> None:
        """SIGKILL."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def text(seen: Seen, widget: str) -> str:
    """A widget's text; empty while it is not there."""
    return str(seen.get(widget, {}).get("text", ""))


def _ready(seen: Seen) -> bool:
    """The view is there, and no dialog is in front of it."""
    shells = [name for name in seen if name.startswith("shell:")]
    return bool(seen.get("prompt", {}).get("visible")) and len(shells) == 1


@contextlib.contextmanager
def workbench(
    screen: Desktop, folder: Path, workspace: Path, url: str, key: str, *, opened: Path | None = None
) -> Iterator[Workbench]:
    """A workbench with the plug-in and the probe, and ``opened`` in an editor; ended by SIGTERM afterwards."""
    platform, bundles = TARGET / "platform", [TARGET / "bundles", TARGET / "test-bundles"]
    jars = [*platform.glob("*.jar"), *(jar for each in bundles for jar in each.glob("*.jar"))]
    folder.mkdir(parents=True, exist_ok=True)
    installation.write(folder / "inst", jars)
    password = folder / "master-password"
    password.write_text("for this test only")
    probe = folder / f"probe-{time.monotonic_ns()}.jsonl"
    command = [
        *installation.command(
            folder / "inst",
            platform,
            "org.eclipse.ui.ide.workbench",
            java=[
                *(f"-Dprobe.file={probe}", f"-Dprobe.url={url}", f"-Dprobe.key={key}", "-Xmx512m"),
                *([f"-Dprobe.open={opened}"] if opened else []),
            ],
        ),
        *("-data", str(workspace)),
        *("-eclipse.keyring", str(folder / "keyring"), "-eclipse.password", str(password)),
    ]
    with (folder / "workbench.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=screen.environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        bench = Workbench(screen, probe, process)
        bench.wait("the chat view", _ready, START_S)
        yield bench
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
