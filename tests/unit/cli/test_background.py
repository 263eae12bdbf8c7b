"""A terminal that goes with its connection."""

from __future__ import annotations

import pytest

from hosted_setup.adapters.background import is_fragile

SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22", "TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("environ", "fragile"),
    [
        ({"TERM": "xterm"}, False),
        (SSH, True),
        ({"SSH_TTY": "/dev/pts/1"}, True),
        ({**SSH, "TMUX": "/tmp/tmux-0/default,1,0"}, False),
        ({**SSH, "STY": "4711.pts-0.host"}, False),
        ({**SSH, "TERM": "tmux-256color"}, False),
        ({**SSH, "TERM": "screen.xterm-256color"}, False),
    ],
)
def test_ssh_without_tmux_and_screen_is_fragile(environ: dict[str, str], *, fragile: bool) -> None:
    assert is_fragile(environ) is fragile
