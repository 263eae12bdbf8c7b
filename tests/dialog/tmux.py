"""A program in a tmux of its own: keys go in, screens come out."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SETTINGS: Final = """set -g status off
set -g history-limit 10000
set -g remain-on-exit on
set -g default-terminal screen
set -s escape-time 0
"""
PATIENCE: Final = 60.0


class Tmux:
    """A terminal of 80 columns and 24 rows; `folder` holds its socket and settings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "tmux.conf").write_text(SETTINGS)

    def start(self, words: Sequence[str | Path], where: Path) -> None:
        command = f"{shlex.join(map(str, words))}; echo $? > {self._folder}/code"
        self.call("new-session", "-d", "-x", "80", "-y", "24", "-c", str(where), command)

    def call(self, *words: str) -> str:
        """Give a command to tmux."""
        environ = {key: text for key, text in os.environ.items() if not key.startswith("TMUX")}
        command = ["tmux", "-S", str(self._folder / "socket"), "-f", str(self._folder / "tmux.conf"), "-u", *words]
        return subprocess.run(
            command, check=True, capture_output=True, encoding="utf-8", timeout=PATIENCE,
            env=environ | {"LANG": "C.UTF-8", "NO_COLOR": "1"},
        ).stdout  # fmt: skip

    def type(self, text: str, *keys: str) -> None:
        """Type a text, then keys by name."""
        if text:
            self.call("send-keys", "-l", text)
        if keys:
            self.call("send-keys", *keys)

    def screen(self) -> str:
        """Give what can be seen."""
        return self.call("capture-pane", "-p").rstrip() + "\n"

    def record(self) -> str:
        """Give what can be seen, and all that has scrolled away."""
        return self.call("capture-pane", "-p", "-J", "-S", "-")

    def wait_for(self, seen: Callable[[str], bool]) -> str:
        """Give the screen on which something is seen."""
        deadline = time.monotonic() + PATIENCE
        while not seen(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.02)
        return screen

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, and wait until its program can tell."""
        self.call("resize-window", "-x", str(columns), "-y", str(rows))
        with Path(self.call("display-message", "-p", "#{pane_tty}").strip()).open() as terminal:
            self.wait_for(lambda _: os.get_terminal_size(terminal.fileno()) == (columns, rows))

    def exit_code(self) -> int:
        """Wait for the program to end."""
        told = self._folder / "code"
        self.wait_for(lambda _: told.exists() and told.read_text().endswith("\n"))
        return int(told.read_text())

    def end(self) -> None:
        """Take the terminal away, and wait until the program has noticed."""
        process = Path("/proc") / self.call("display-message", "-p", "#{pane_pid}").strip()
        self.call("kill-server")
        deadline = time.monotonic() + PATIENCE
        while process.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
