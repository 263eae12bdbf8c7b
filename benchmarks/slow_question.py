"""One question of the wizard whose check is at work for as long as the process lives; benchmarks type into it."""

from __future__ import annotations

from hosted_setup.interview.frontends.tui_ask import Ask
from hosted_setup.interview.frontends.tui_line import Lines


def _probe(_text: str) -> str:
    """Be busy, in Python: the worst neighbour a thread that draws can have."""
    while True:
        sum(range(1000))


if __name__ == "__main__":
    Lines().ask(Ask("Path: ", "note"), _probe)
