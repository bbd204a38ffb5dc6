"""A screen nobody sees: Xvfb with a window manager, driven by xdotool as a person's hands would."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

READY_S = 20


class Desktop:
    """A running display. Coordinates are pixels of the whole screen."""

    def __init__(self, display: str, shots: Path) -> None:
        self.environment = {**os.environ, "DISPLAY": display, "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1"}
        self._shots = shots

    def click(self, x: int, y: int) -> None:
        """Press the left button there."""
        self._do("mousemove", "--sync", str(x), str(y), "click", "1")

    def park(self) -> None:
        """Take the mouse off everything, so that no tooltip shows."""
        self._do("mousemove", "--sync", "640", "890")

    def type(self, text: str) -> None:
        """Type on the keyboard, into whatever has the focus."""
        self._do("type", "--delay", "15", text)

    def press(self, *keys: str) -> None:
        """Press keys, such as ``Return`` or ``ctrl+z``."""
        self._do("key", *keys)

    def shrink(self, width: int, height: int) -> None:
        """Make the maximised active window smaller: a double click on its title bar, then the new size."""
        self._do("mousemove", "--sync", "640", "9", "click", "--repeat", "2", "--delay", "60", "1")
        self._do("getactivewindow", "windowsize", str(width), str(height))

    def shoot(self, name: str) -> Path:
        """Take a picture of the whole screen, once nothing but the blinking changes any more."""
        self._shots.mkdir(parents=True, exist_ok=True)
        picture = self._shots / f"{name}.png"
        before = b""
        for _ in range(10):
            self._import(picture)
            if (now := picture.read_bytes()) == before:
                break
            before = now
            time.sleep(0.2)
        return picture

    def _import(self, picture: Path) -> None:
        # Without dates inside, so that equal screens are equal files.
        options = ["-define", "png:exclude-chunks=date,time", "-window", "root"]
        subprocess.run(["import", *options, str(picture)], env=self.environment, check=True, capture_output=True)

    def _do(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout


@contextlib.contextmanager
def desktop(shots: Path, size: str = "1400x900") -> Iterator[Desktop]:
    """A fresh display on a free number, with openbox on it; both are gone afterwards."""
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as told:
            number = told.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start")
        screen = Desktop(f":{number}", shots)
        manager = subprocess.Popen(["openbox"], env=screen.environment, stderr=subprocess.DEVNULL)
        try:
            _wait_for_manager(screen)
            yield screen
        finally:
            manager.terminate()
            manager.wait(10)
    finally:
        server.terminate()
        server.wait(10)


def _wait_for_manager(screen: Desktop) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        asked = subprocess.run(
            ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=screen.environment, capture_output=True, text=True
        )
        if "window id" in asked.stdout:
            return
        time.sleep(0.1)
    raise RuntimeError("the window manager did not start")
