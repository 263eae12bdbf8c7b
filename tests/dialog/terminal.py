"""A terminal emulator of 80 columns and 24 rows that keeps what has scrolled away."""

from __future__ import annotations

import io

import pyte

COLUMNS = 80
ROWS = 24


class Emulator(io.StringIO):
    """A terminal: what is written to it can be seen, as an operator sees it."""

    def __init__(self, columns: int = COLUMNS, rows: int = ROWS) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self.screen.set_mode(pyte.modes.LNM)  # what the line discipline makes of a newline
        self._stream = pyte.Stream(self.screen)

    def isatty(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self._stream.feed(text)
        return len(text)

    def rows(self) -> list[str]:
        """Give the rows on the screen, without blanks at their ends and empty rows at the end."""
        return _stripped([row.rstrip() for row in self.screen.display])

    def record(self) -> list[str]:
        """Give what has scrolled away and what is on the screen."""
        above = [
            "".join(row[column].data for column in range(self.screen.columns)).rstrip()
            for row in self.screen.history.top
        ]
        return [*above, *self.rows()]


def _stripped(rows: list[str]) -> list[str]:
    while rows and not rows[-1]:
        rows.pop()
    return rows
