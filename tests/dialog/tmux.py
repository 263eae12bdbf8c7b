"""A program in a tmux of its own: keys go in, screens come out."""

from __future__ import annotations

import os
import re
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
_BAR: Final = " Ctrl-D leave"


class Tmux:
    """A terminal of 80 columns and 24 rows.

    Args:
        folder: holds its socket and settings.
        inside: gives the command that runs a command where the terminal is to be.
    """

    def __init__(self, folder: Path, inside: Callable[[Sequence[str]], list[str]] = list) -> None:
        self._folder = folder
        self._inside = inside
        (folder / "tmux.conf").write_text(SETTINGS)

    def start(self, words: Sequence[str | Path], where: Path) -> None:
        command = f"{shlex.join(map(str, words))}; echo $? > {self._folder}/code"
        self.call("new-session", "-d", "-x", "80", "-y", "24", "-c", str(where), command)

    def call(self, *words: str) -> str:
        """Give a command to tmux."""
        environ = {key: text for key, text in os.environ.items() if not key.startswith("TMUX")}
        command = ["tmux", "-S", str(self._folder / "socket"), "-f", str(self._folder / "tmux.conf"), "-u", *words]
        return subprocess.run(
            self._inside(command), check=True, capture_output=True, encoding="utf-8", timeout=PATIENCE,
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

    def wait_for(self, seen: Callable[[str], bool], within: float = PATIENCE) -> str:
        """Give the screen on which something is seen."""
        deadline = time.monotonic() + within
        while not seen(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.02)
        return screen

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, and wait until its program can tell."""
        self.call("resize-window", "-x", str(columns), "-y", str(rows))
        ask = self._inside(["stty", "-F", self.call("display-message", "-p", "#{pane_tty}").strip(), "size"])
        told = f"{rows} {columns}\n"
        self.wait_for(lambda _: subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout == told)

    def exit_code(self, within: float = PATIENCE) -> int:
        """Wait for the program to end."""
        told = self._folder / "code"
        self.wait_for(lambda _: told.exists() and told.read_text().endswith("\n"), within)
        return int(told.read_text())

    def end(self) -> None:
        """Take the terminal away, and wait until the program has noticed."""
        process = f"/proc/{self.call('display-message', '-p', '#{pane_pid}').strip()}"
        self.call("kill-server")
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(self._inside(["test", "-e", process]), check=False).returncode == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def asks(screen: str, *, barred: bool = True) -> bool:
    """Tell whether a question waits: in the wizard there is a bar below it, in plain lines nothing after its colon."""
    return screen.rstrip("\n").endswith(_BAR if barred else ":")


def question(screen: str) -> str:
    """Give the words of the last question on a screen, up to its reply; of one that is folded the first row's."""
    rows = [row.strip() for row in screen.splitlines() if re.match(r" {10}\S", row)]
    return re.split(r"(?<=[^ ]): |:$", rows[-1])[0] if rows else ""
